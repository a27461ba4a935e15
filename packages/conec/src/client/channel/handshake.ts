/**
 * Hello and welcome of a direct channel, after TLS has shown both sides the certificate that the Coordinator announced.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { ClientLimits } from "../../limits.ts";
import type { ControlDialect, ControlStream } from "../../session/control-stream.ts";
import { answerHello, type Greeting, type HelloToHear, sayHello } from "../../session/greeting.ts";
import { toldWindow } from "../../stream/flow.ts";
import { certificateId } from "../../tls/certificate-id.ts";
import { identityProblem, type ProvenIdentity } from "../../tls/proven-identity.ts";
import type { IncomingStream, TransportConnection } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import { type DirectHello, type DirectLimits, type DirectMessage, type DirectWelcome, decodeDirect, encodeDirect } from "../../wire/direct-messages.ts";
import { RESUME_CAPABILITY } from "../../wire/open.ts";
import { negotiateVersion, PROTOCOL_VERSIONS } from "../../wire/versions.ts";

/** What the owner of a channel is told by its control stream. */
export interface DirectEvents {
	/** The peer takes no more streams and is about to end the connection. */
	leaving(): void;
	/** The peer broke the rules; close the connection with this. */
	broken(closeCode: number, reason: string): void;
}

/** A connection on which both have greeted. */
export interface DirectGreeting {
	readonly connection: TransportConnection;
	readonly control: ControlStream<DirectMessage>;
	/** What the peer takes. */
	readonly peerLimits: DirectLimits;
	/** Takes the events over; those that came before are told now. */
	readonly listen: (events: DirectEvents) => void;
}

/**
 * The side that dialled: says hello and waits for the welcome.
 *
 * Rejects with `PROTOCOL_ERROR`, with how the connection ended, or with `signal.reason`; the connection is closed then.
 */
export async function greetDirectly(
	connection: TransportConnection,
	token: string,
	limits: ClientLimits,
	signal: AbortSignal,
	clock?: Clock,
): Promise<DirectGreeting> {
	const { answer, ...greeting } = await sayHello<DirectMessage, DirectWelcome>({
		dialect: DIALECT,
		connection,
		hello: { type: "hello", versions: PROTOCOL_VERSIONS, token, capabilities: [RESUME_CAPABILITY], limits: limitsOf(limits) },
		isAnswer: (message) => message.type === "welcome",
		action: "Cannot open direct channel",
		lostCode: "PEER_LOST",
		limits,
		signal,
		// The channel, if the other side has it already, is closed; the Client is not.
		givenUpCode: CLOSE_CODES.NORMAL,
		clock,
	});
	return greetingOf(greeting, answer.limits);
}

/** How the side that accepted hears a hello; see `hearHello`. */
export function directHello({ metadataBytes }: ClientLimits, heard: HelloToHear<DirectMessage, DirectHello>["heard"]): HelloToHear<DirectMessage, DirectHello> {
	return { dialect: DIALECT, isHello: (message) => message.type === "hello", metadataBytes, heard };
}

/** The side that accepted: answers a hello that it has found good. `undefined`: no version in common, and the connection is closed. */
export function welcomeDirectly(incoming: IncomingStream, hello: DirectHello, limits: ClientLimits, clock?: Clock): DirectGreeting | undefined {
	const { connection } = incoming;
	const version = negotiateVersion(PROTOCOL_VERSIONS, hello.versions);
	if (version === undefined) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, `no version in common: ${hello.versions.join(", ")} and ${PROTOCOL_VERSIONS.join(", ")}`);
		return undefined;
	}
	const answering = answerHello<DirectMessage>(incoming, DIALECT, limits, clock);
	connection.confirm();
	return greetingOf(answering.welcome({ type: "welcome", version, capabilities: [RESUME_CAPABILITY], limits: limitsOf(limits) }), hello.limits);
}

function greetingOf({ connection, control, listen }: Greeting<DirectMessage>, peerLimits: DirectLimits): DirectGreeting {
	toldWindow(connection, peerLimits.connectionWindowBytes);
	return {
		connection,
		control,
		peerLimits,
		listen: ({ leaving, broken }) =>
			listen({
				message: ({ type }) => (type === "close" ? leaving() : broken(CLOSE_CODES.PROTOCOL_ERROR, `"${type}" after the welcome`)),
				broken,
			}),
	};
}

/**
 * Why what a peer has proven is not good enough beyond being the announced certificate, in words that follow "its certificate";
 * `undefined` if it is. With `roots` the certificate must come from them and be for the id `peer`.
 */
export function peerIdentityProblem(identity: ProvenIdentity, peer: string, roots: readonly Uint8Array[] | undefined, nowMs: number): string | undefined {
	if (identity.type === "none") return identity.problem;
	if (roots === undefined) return undefined;
	const problem = identityProblem(identity, roots, "client", nowMs);
	if (problem !== undefined) return problem;
	try {
		const id = certificateId(identity.leaf);
		return id === peer ? undefined : `is for "${id}"`;
	} catch {
		return "has no id of a Client";
	}
}

/** What the other side is told. */
function limitsOf({ messageBytes, metadataBytes, connectionWindowBytes }: ClientLimits): DirectLimits {
	return { messageBytes, metadataBytes, connectionWindowBytes };
}

const DIALECT: ControlDialect<DirectMessage> = { encode: encodeDirect, decode: decodeDirect };
