/**
 * Streams from Client to Client: the header is checked here, everything after it is piped natively.
 *
 * @module
 */

import type { CoordinatorLimits } from "../limits.ts";
import { rejectStream } from "../stream/open-stream.ts";
import type { HeldStream, IncomingStream, Transport } from "../transport/transport.ts";
import { RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeOpen, type OpenToCoordinator } from "../wire/open.ts";
import type { Session } from "./sessions/index.ts";

/** Opens the far leg and pipes, or answers REJECT (`PEER_UNKNOWN`, `PEER_BUSY`). `to` may be `from`. */
export function proxyStream(
	incoming: IncomingStream,
	open: OpenToCoordinator,
	from: Session,
	to: Session | undefined,
	transport: Transport,
	limits: CoordinatorLimits,
): void {
	if (to === undefined) return rejectStream(incoming, "PEER_UNKNOWN", "peer is not connected");
	const before = from.proxiedTo.get(to.id) ?? 0;
	if (before >= limits.streamsPerPair) return rejectStream(incoming, "PEER_BUSY", `there are ${before} streams to this peer already`);
	// More would wait in silence for the peer's own limit, which its other correspondents may hold for ever.
	if (to.proxiedFrom >= limits.streamsPerConnection) return rejectStream(incoming, "PEER_BUSY", "the peer has as many streams as it may have");
	let held: HeldStream;
	try {
		// The name comes from the sender's own connection, never from what it wrote.
		held = to.connection.openHeldStream({
			kind: FRAME.OPEN,
			payload: encodeOpen({ from: from.id, id: open.id, metadata: open.metadata, protocol: open.protocol, resume: open.resume }),
		});
	} catch {
		return rejectStream(incoming, "PEER_LOST", "the connection to the peer has just ended");
	}
	from.proxiedTo.set(to.id, before + 1);
	to.proxiedFrom++;
	from.streams++;
	to.streams++;
	const over = (): void => {
		const count = (from.proxiedTo.get(to.id) ?? 1) - 1;
		if (count === 0) from.proxiedTo.delete(to.id);
		else from.proxiedTo.set(to.id, count);
		to.proxiedFrom--;
		from.streams--;
		to.streams--;
	};
	transport.pipe(incoming, held, RESET_CODES.PEER_LOST, over).catch(over);
}
