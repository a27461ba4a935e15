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
	/** Addresses at which the peer may be, with how much may be sent to each. They are canonical. */
	readonly candidates: readonly ChannelCandidate[];
	readonly ownNat: NatReport;
	readonly peerNat: NatReport;
	/** Whether this side sends probes (option `holePunching`). Without probes, a dialler dials every candidate, and an acceptor only answers. */
	readonly punch: boolean;
	/** Whether the peer sends probes. */
	readonly peerPunch: boolean;
	/** This side's part in the birthday method, if it was granted. */
	readonly birthday?: "hard" | "easy" | undefined;
	/** This side's round trip to the Coordinator. It tells how far apart the two sides may begin. */
	readonly coordinatorRttMs: number;
	/** Begin this long after `start`. */
	readonly waitMs: number;
	/** Give up this long after `start`. */
	readonly deadlineMs: number;
}

/** A probe or answer that has come and whose MAC was right. */
export interface PunchPacket {
	readonly type: "probe" | "answer";
	readonly nonce: string;
	/** Canonical, never IPv4-mapped. */
	readonly from: SocketAddress;
	/** The socket that it came to: 0 is the Client's own, 1 and above are those of `open-sockets`. */
	readonly socket: number;
}

/** What the machine asks of its caller, in order. */
export type PunchAction =
	| { readonly type: "send"; readonly socket: number; readonly to: SocketAddress; readonly datagram: PunchDatagram }
	/** Begin a QUIC handshake. Then call `end` or `dialFailed`. Only a side that does not punch asks for several at once; race them. */
	| {
			readonly type: "dial";
			readonly socket: number;
			readonly to: SocketAddress;
			/** No packet of the peer has proved that it is there. This many packets may go there in vain. */
			readonly unasked?: number;
	  }
	/** The peer will dial this extra socket: accept QUIC on it too. */
	| { readonly type: "accept"; readonly socket: number }
	/** Open this many extra sockets, numbered from 1. Then call `socketsOpened`. */
	| { readonly type: "open-sockets"; readonly count: number }
	/** The attempt is over, for this reason. It is the last action. */
	| { readonly type: "failed"; readonly reason: string };

/** What to seal and send. */
export type PunchDatagram =
	| { readonly type: "probe"; readonly nonce: string }
	| { readonly type: "answer"; readonly nonce: string; readonly observed: SocketAddress };

/** How an address came to be tried. `learned`: a packet of the peer came from it. `predicted`, `birthday`: it was guessed, and is listed only if it answered. */
export type PathKind = "reflexive" | "host" | "learned" | "predicted" | "birthday";

/** One address that was tried. */
export interface TriedAddress {
	readonly address: string;
	readonly port: number;
	readonly kind: PathKind;
	readonly probes: number;
	readonly answered: boolean;
	/** The fastest round trip. Absent without an answer. */
	readonly rttMs?: number | undefined;
}

/** What an attempt did. */
export interface PunchReport {
	readonly candidates: readonly TriedAddress[];
	/** Probes to predicted ports. */
	readonly predictedProbes: number;
	/** Probes of the birthday method. */
	readonly birthdayProbes: number;
	/** All datagrams to each IP address that has a grant, answers included, and what handshakes may have sent to addresses that had not answered. */
	readonly sent: readonly SentPackets[];
}

/** How many ports are tried after the last one that the peer's NAT gave. */
export const PREDICTED_PORTS = 20;

/** How many addresses one attempt learns. Further addresses of the peer are answered but not probed. */
export const LEARNED_ADDRESSES = 8;

/** Time from one probe of an address to the next, by the number of probes before. */
export function probeGapMs(sent: number): number {
	return PROBE_GAPS_MS[Math.min(sent, PROBE_GAPS_MS.length) - 1] ?? 0;
}

/** How long the dialler waits for a candidate on its own network once another has answered. */
export function graceMs(rttMs: number): number {
	return Math.max(10, rttMs / 4);
}

/** Time from the first round of predicted ports to the second and last. It is long enough for a peer whose `channel-go` had to be sent again. */
export function predictionGapMs(coordinatorRttMs: number): number {
	return Math.min(600, Math.max(150, 1.5 * coordinatorRttMs));
}

/** How long an acceptor that has heard its peer waits for the handshake beyond the deadline. */
export function handshakeGraceMs(coordinatorRttMs: number): number {
	return Math.min(2000, Math.max(500, 4 * coordinatorRttMs));
}

/**
 * Puts the reflexive candidates before the hosts. Each new destination moves the mapping of a symmetric NAT on, and the peer predicts
 * the first mapping.
 */
export function inProbingOrder(candidates: readonly ChannelCandidate[]): readonly ChannelCandidate[] {
	return [...candidates.filter(({ kind }) => kind === "reflexive"), ...candidates.filter(({ kind }) => kind === "host")];
}

/** The ports at which a peer behind a sequential symmetric NAT will probably be seen. None if this side is behind one too, because each guess would move its own mapping on. */
export function predictedAddresses({ punch, candidates, ownNat, peerNat }: PunchPlan): readonly SocketAddress[] {
	const { mapping, portStep, lastPort } = peerNat;
	if (!punch || ownNat.mapping === "dependent" || mapping !== "dependent" || portStep === undefined || lastPort === undefined) return [];
	const reflexive = candidates.find(({ kind }) => kind === "reflexive");
	if (reflexive === undefined) return [];
	const ports = Array.from({ length: PREDICTED_PORTS }, (_, i) => lastPort + portStep * (i + 1));
	return ports.filter((port) => port <= 0xff_ff && port !== reflexive.port).map((port) => ({ address: reflexive.address, port }));
}

const PROBE_GAPS_MS = [50, 50, 100, 100, 200];
