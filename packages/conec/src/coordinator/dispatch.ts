/**
 * The streams that Clients open, each to the part of the Coordinator that it is for.
 *
 * @module
 */

import type { CoordinatorLimits } from "../limits.ts";
import { legProblem, type NewStream, rejectStream } from "../stream/open-stream.ts";
import type { IncomingStream } from "../transport/transport.ts";
import { BROADCAST_CAPABILITY } from "../wire/broadcast.ts";
import { RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { decodeOpenToCoordinator } from "../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../wire/presence.ts";
import type { Broadcasts } from "./broadcast/index.ts";
import type { OwnStreams } from "./own-streams/index.ts";
import type { PresenceService } from "./presence/index.ts";
import type { ProxiedStreams } from "./proxy/index.ts";
import type { Session } from "./sessions/index.ts";

/** What streams may be for, and what they need. */
export interface Destinations {
	readonly limits: CoordinatorLimits;
	/** A connected Client. */
	readonly find: (id: string) => Session | undefined;
	readonly closing: () => boolean;
	readonly streams: OwnStreams;
	readonly proxied: ProxiedStreams;
	readonly broadcasts: Broadcasts;
	readonly presence: PresenceService;
}

/** Gives the stream to whom its OPEN names, or answers REJECT. */
export function dispatchStream(session: Session, incoming: IncomingStream, destinations: Destinations): void {
	const { limits, find, closing, streams, proxied, broadcasts, presence } = destinations;
	if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
	const open = decodeOpenToCoordinator(incoming.header.payload, limits.metadataBytes);
	if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
	const stopping = (): void => rejectStream(incoming, "COORDINATOR_CLOSED", "the Coordinator is stopping");
	if (closing()) return stopping();
	const inTurn = (pass: () => void): void => session.dearOpens.pass(() => (closing() ? stopping() : pass()));
	const { to, watch, broadcast, resume } = open.value;
	const problem = to === undefined ? legProblem(resume) : undefined;
	if (problem !== undefined) return rejectStream(incoming, problem.code, problem.reason);
	const leg = resume as NewStream;
	if (broadcast !== undefined) {
		if (!session.capabilities.includes(BROADCAST_CAPABILITY)) return rejectStream(incoming, "PROTOCOL_ERROR", notListed(BROADCAST_CAPABILITY));
		session.used = true;
		return inTurn(() => broadcasts.join(session, incoming, broadcast, leg));
	}
	if (to !== undefined) return proxied.open(incoming, open.value, session, find(to));
	if (watch === undefined) return streams.accept(session, incoming, open.value);
	if (!session.capabilities.includes(PRESENCE_CAPABILITY)) return rejectStream(incoming, "PROTOCOL_ERROR", notListed(PRESENCE_CAPABILITY));
	inTurn(() => presence.watch(session, incoming, leg));
}

const notListed = (capability: string): string => `"${capability}" is not among the capabilities of the hello`;
