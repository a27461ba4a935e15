/**
 * What an attempt at hole punching is given, what it may ask for, and its figures: pacing, prediction, preference.
 *
 * @module
 */

import type { SocketAddress } from "../../transport/transport.ts";
import type { ChannelCandidate, NatReport, SentPackets } from "../../wire/channel-messages.ts";
import type { PunchRole } from "./datagrams.ts";

/** One attempt, as `channel-go` and this Client's own options describe it. */
export interface PunchPlan {
	/** Whether this side dials QUIC or accepts it. */
	readonly role: PunchRole;
	/** Where the peer may be, with what may be sent there. Addresses are canonical. */
	readonly candidates: readonly ChannelCandidate[];
	readonly ownNat: NatReport;
	readonly peerNat: NatReport;
	/** Whether this side sends probes (option `holePunching`). A dialler that does not dials every candidate, an acceptor that does not only answers. */
	readonly punch: boolean;
	/** Whether the peer sends probes. */
	readonly peerPunch: boolean;
	/** This side's part in the birthday method, only where it was granted. */
	readonly birthday?: "hard" | "easy" | undefined;
	/** This side's round trip to the Coordinator, a measure of how far apart both sides may begin. */
	readonly coordinatorRttMs: number;
	/** Begin that long after `start`. */
	readonly waitMs: number;
	/** Give up that long after `start`. */
	readonly deadlineMs: number;
}

/** A probe or answer that has come and whose MAC was right. */
export interface PunchPacket {
	readonly type: "probe" | "answer";
	readonly nonce: string;
	/** Canonical, never IPv4-mapped. */
	readonly from: SocketAddress;
	/** Which socket it came to: 0 the Client's own, from 1 those of `open-sockets`. */
	readonly socket: number;
}

/** What the machine asks of its caller, in order. */
export type PunchAction =
	| { readonly type: "send"; readonly socket: number; readonly to: SocketAddress; readonly datagram: PunchDatagram }
	/** Begin a QUIC handshake; then say `end` or `dialFailed`. Several at once only from a side that does not punch: race them. */
	| {
			readonly type: "dial";
			readonly socket: number;
			readonly to: SocketAddress;
			/** No packet of the peer has proven that somebody is there: so many may go there in vain. */
			readonly unasked?: number;
	  }
	/** The peer will dial this extra socket: accept QUIC on it too. */
	| { readonly type: "accept"; readonly socket: number }
	/** Open that many extra sockets, numbered from 1, then say `socketsOpened`. */
	| { readonly type: "open-sockets"; readonly count: number }
	/** Over, in words. The last action. */
	| { readonly type: "failed"; readonly reason: string };

/** What to seal and send. */
export type PunchDatagram =
	| { readonly type: "probe"; readonly nonce: string }
	| { readonly type: "answer"; readonly nonce: string; readonly observed: SocketAddress };

/** How an address became one to try. `learned`: a packet of the peer came from it. `predicted`, `birthday`: guessed, and only listed if it answered. */
export type PathKind = "reflexive" | "host" | "learned" | "predicted" | "birthday";

/** One address that was tried. */
export interface TriedAddress {
	readonly address: string;
	readonly port: number;
	readonly kind: PathKind;
	readonly probes: number;
	readonly answered: boolean;
	/** Fastest round trip; absent without an answer. */
	readonly rttMs?: number | undefined;
}

/** What an attempt did. */
export interface PunchReport {
	readonly candidates: readonly TriedAddress[];
	/** Probes to predicted ports. */
	readonly predictedProbes: number;
	/** Probes of the birthday method. */
	readonly birthdayProbes: number;
	/** All datagrams, answers included, to each IP address that any may go to; and what a handshake may have sent where nobody had answered. */
	readonly sent: readonly SentPackets[];
}

/** Ports that are tried after the last that the peer's NAT gave. */
export const PREDICTED_PORTS = 20;

/** Addresses that one attempt learns; the peer's further ones are answered, not probed. */
export const LEARNED_ADDRESSES = 8;

/** Time from one probe of an address to the next, by how many it has had. */
export function probeGapMs(sent: number): number {
	return PROBE_GAPS_MS[Math.min(sent, PROBE_GAPS_MS.length) - 1] ?? 0;
}

/** How long the dialler waits for a candidate on its own network once another has answered. */
export function graceMs(rttMs: number): number {
	return Math.max(10, rttMs / 4);
}

/** When the second and last round of predicted ports goes out, after the first: late enough for a peer whose `channel-go` was sent again. */
export function predictionGapMs(coordinatorRttMs: number): number {
	return Math.min(600, Math.max(150, 1.5 * coordinatorRttMs));
}

/** How long an acceptor that has heard its peer waits for the handshake beyond the deadline. */
export function handshakeGraceMs(coordinatorRttMs: number): number {
	return Math.min(2000, Math.max(500, 4 * coordinatorRttMs));
}

/**
 * The reflexive candidates before the hosts: each new destination moves the mapping of a symmetric NAT on, and the peer
 * predicts the first.
 */
export function inProbingOrder(candidates: readonly ChannelCandidate[]): readonly ChannelCandidate[] {
	return [...candidates.filter(({ kind }) => kind === "reflexive"), ...candidates.filter(({ kind }) => kind === "host")];
}

/** Where a peer behind a sequential symmetric NAT will probably be seen. Nothing if this side is behind one too: each guess would move its own mapping on. */
export function predictedAddresses({ punch, candidates, ownNat, peerNat }: PunchPlan): readonly SocketAddress[] {
	const { mapping, portStep, lastPort } = peerNat;
	if (!punch || ownNat.mapping === "dependent" || mapping !== "dependent" || portStep === undefined || lastPort === undefined) return [];
	const reflexive = candidates.find(({ kind }) => kind === "reflexive");
	if (reflexive === undefined) return [];
	const ports = Array.from({ length: PREDICTED_PORTS }, (_, i) => lastPort + portStep * (i + 1));
	return ports.filter((port) => port <= 0xff_ff && port !== reflexive.port).map((port) => ({ address: reflexive.address, port }));
}

const PROBE_GAPS_MS = [50, 50, 100, 100, 200];
