/**
 * Hello and welcome of a direct channel, after TLS has shown both sides the certificate that the Coordinator announced.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { closeInfoOf } from "../../session/close-info-of.ts";
import { acceptControlChannelOf, type ControlChannel, type ControlDialect, openControlChannelOf } from "../../session/control-channel.ts";
import { certificateId } from "../../tls/certificate-id.ts";
import { identityProblem, type ProvenIdentity } from "../../tls/proven-identity.ts";
import type { IncomingStream, TransportCloseInfo, TransportConnection } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import { type DirectHello, type DirectLimits, type DirectMessage, decodeDirect, encodeDirect } from "../../wire/direct-messages.ts";
import { FRAME } from "../../wire/frames.ts";
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
	readonly control: ControlChannel<DirectMessage>;
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
	const late = lateEvents();
	let settle: (outcome: DirectLimits | ConecError) => void = () => undefined;
	const answered = new Promise<DirectLimits | ConecError>((resolve) => {
		settle = resolve;
	});
	const violation = (reason: string): ConecError => new ConecError("PROTOCOL_ERROR", `Cannot open direct channel: ${reason}`);
	let welcome = false;
	const ended = (info: TransportCloseInfo): ConecError => {
		const { code = "PEER_LOST", reason = "the connection ended" } = closeInfoOf(info, "PEER_LOST");
		return new ConecError(code, `Cannot open direct channel: ${reason}`, { cause: info.error });
	};
	const hello: DirectHello = { type: "hello", versions: PROTOCOL_VERSIONS, token, capabilities: [], limits: limitsOf(limits) };
	let control: ControlChannel<DirectMessage>;
	try {
		control = openControlChannelOf<DirectMessage>(
			DIALECT,
			connection,
			hello,
			{
				message: (message) => {
					if (!welcome && message.type === "welcome" && PROTOCOL_VERSIONS.includes(message.version)) {
						welcome = true;
						settle(message.limits);
					} else if (welcome && message.type === "close") late.events.leaving();
					else if (welcome) late.events.broken(CLOSE_CODES.PROTOCOL_ERROR, `"${message.type}" after the welcome`);
					else settle(violation(`"${message.type}" before the welcome`));
				},
				broken: (closeCode, reason) => (welcome ? late.events.broken(closeCode, reason) : settle(violation(reason))),
				finished: () => undefined,
			},
			limits,
			clock,
		);
	} catch {
		// It was over before we could say anything: the peer refuses our certificate only after our side of the handshake is done.
		throw ended(await connection.closed);
	}
	void connection.closed.then((info) => {
		control.end();
		settle(ended(info));
	});
	// The channel, if the other side has it already, is closed; the Client is not.
	const abort = (): void => connection.close(CLOSE_CODES.NORMAL, "given up");
	signal.addEventListener("abort", abort, { once: true });
	if (signal.aborted) abort();
	const outcome = await answered;
	signal.removeEventListener("abort", abort);
	if (signal.aborted) throw signal.reason;
	if (outcome instanceof ConecError) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, outcome.message);
		throw outcome;
	}
	return { connection, control, peerLimits: outcome, listen: late.listen };
}

/** The hello in the first stream of an accepted connection, or what is wrong with it. */
export function readDirectHello({ header }: IncomingStream): DirectHello | string {
	if (header.kind !== FRAME.CONTROL) return "the first stream is not the control stream";
	const message = decodeDirect(header.payload);
	if (!message.ok) return message.error;
	return message.value?.type === "hello" ? message.value : "the first message is not hello";
}

/** The side that accepted: answers a hello that it has found good. `undefined`: no version in common, and the connection is closed. */
export function welcomeDirectly(incoming: IncomingStream, hello: DirectHello, limits: ClientLimits, clock?: Clock): DirectGreeting | undefined {
	const { connection } = incoming;
	const version = negotiateVersion(PROTOCOL_VERSIONS, hello.versions);
	if (version === undefined) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, `no version in common: ${hello.versions.join(", ")} and ${PROTOCOL_VERSIONS.join(", ")}`);
		return undefined;
	}
	const late = lateEvents();
	const control = acceptControlChannelOf<DirectMessage>(
		DIALECT,
		incoming,
		{
			message: (message) => {
				if (message.type === "close") late.events.leaving();
				else late.events.broken(CLOSE_CODES.PROTOCOL_ERROR, `"${message.type}" after the welcome`);
			},
			broken: (closeCode, reason) => late.events.broken(closeCode, reason),
			finished: () => undefined,
		},
		limits,
		clock,
	);
	connection.confirm();
	control.send({ type: "welcome", version, capabilities: [], limits: limitsOf(limits) });
	return { connection, control, peerLimits: hello.limits, listen: late.listen };
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
function limitsOf({ messageBytes, metadataBytes }: ClientLimits): DirectLimits {
	return { messageBytes, metadataBytes };
}

const DIALECT: ControlDialect<DirectMessage> = { encode: encodeDirect, decode: decodeDirect };

/** Events that wait for their listener: more than one message may stand in a packet. */
function lateEvents(): { readonly events: DirectEvents; listen(events: DirectEvents): void } {
	const missed: ((events: DirectEvents) => void)[] = [];
	let to: DirectEvents | undefined;
	const tell = (event: (events: DirectEvents) => void): void => {
		if (to === undefined) missed.push(event);
		else event(to);
	};
	return {
		events: { leaving: () => tell((events) => events.leaving()), broken: (code, reason) => tell((events) => events.broken(code, reason)) },
		listen(events) {
			to = events;
			for (const event of missed.splice(0)) event(events);
		},
	};
}
