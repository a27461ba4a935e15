/**
 * Control messages by which a Client and its Coordinator arrange direct channels. Only where both list {@link DIRECT_CAPABILITY}.
 *
 * @module
 */

import {
	addressField,
	base64Field,
	booleanField,
	choiceField,
	codeField,
	FieldProblem,
	fieldOf,
	fingerprintField,
	hexField,
	idField,
	integerField,
	ipField,
	listField,
	noteField,
	numberField,
	objectField,
	peerField,
	tokenField,
	type WireAddress,
	type WirePeer,
} from "./fields.ts";
import { type ChannelList, type ChannelListWanted, type PeerDenied, readOwnChannelMessage } from "./own-channels.ts";

/** What a side lists among its capabilities to take part in direct channels. */
export const DIRECT_CAPABILITY = "direct";

/** Addresses of its own that a Client may name. */
export const HOSTS_LISTED = 8;

/** Addresses that a Client may be given for one attempt. */
export const CANDIDATES_LISTED = 12;

/** Longest certificate that `channel-go` carries, in bytes of DER: with everything else it has to fit into a frame. */
export const CERTIFICATE_BYTES = 8192;

/** What a Client knows of the NAT in front of its socket. */
export interface NatReport {
	/**
	 * How the NAT maps the socket's port.
	 *
	 * - "unknown": it has not been tested.
	 * - "none": there is no NAT. The Coordinator sees the Client's own address.
	 * - "independent": the socket has one outer port for all destinations.
	 * - "dependent": the outer port is another for each destination (symmetric NAT).
	 */
	readonly mapping: "unknown" | "none" | "independent" | "dependent";
	/** With "dependent", if new mappings get ports in sequence: the step from one to the next, 1 to 16. */
	readonly portStep?: number | undefined;
	/** With "dependent": the newest outer port that is known. */
	readonly lastPort?: number | undefined;
	/** Which packets get in from an address that the Client has sent to. "open": from each of its ports. "by-port": only from the port that was sent to. */
	readonly filtering: "unknown" | "open" | "by-port";
}

/** What both sides say about themselves for one attempt. */
export interface ChannelOffer {
	/** Addresses of its own socket on its own networks, at most {@link HOSTS_LISTED}. */
	readonly hosts: readonly WireAddress[];
	readonly nat: NatReport;
	/** Whether it sends probes: option `holePunching`. */
	readonly punch: boolean;
	/** Whether it takes part in the birthday method. */
	readonly birthday: boolean;
}

/** Client: a direct channel to `peer` is wanted. */
export interface ChannelRequest extends ChannelOffer {
	readonly type: "channel-request";
	/** The Client's own number, 1 to 2^53 - 1, unique while the request lives. */
	readonly request: number;
	readonly peer: string;
	/** For path `auto`: where there is no hope the request is refused at once. */
	readonly auto: boolean;
}

/** Client: the request is given up. */
export interface ChannelCancel {
	readonly type: "channel-cancel";
	readonly request: number;
}

/** Client: yes to a {@link ChannelAsk}. */
export interface ChannelConsent extends ChannelOffer {
	readonly type: "channel-answer";
	/** 32 hexadecimal digits. */
	readonly token: string;
	readonly accept: true;
}

/** Client: no to a {@link ChannelAsk}. */
export interface ChannelRefusal {
	readonly type: "channel-answer";
	readonly token: string;
	readonly accept: false;
	readonly code: ChannelRefusalCode;
}

/** Codes in an answer that says no. */
export const CHANNEL_REFUSAL_CODES = ["DECLINED", "CROSSED", "BUSY"] as const;

/** `DECLINED`: it does not want to. `CROSSED`: its own request to the same peer goes on instead. `BUSY`: it has no room. */
export type ChannelRefusalCode = (typeof CHANNEL_REFUSAL_CODES)[number];

/** Datagrams that one side has sent to an IP address in an attempt. */
export interface SentPackets {
	readonly address: string;
	readonly packets: number;
}

/** Client: what became of an attempt, or later of its channel. Speaks for this end alone. */
export interface ChannelReport {
	readonly type: "channel-report";
	readonly token: string;
	/** `down`: a channel that was up has ended. */
	readonly outcome: "up" | "failed" | "down";
	/** `up`: what a {@link ChannelList} says of it. Both or neither; without them the Coordinator has to know the attempt. */
	readonly peer?: string | undefined;
	readonly fingerprint?: string | undefined;
	/** `up`: where the peer is. */
	readonly address?: WireAddress | undefined;
	readonly rttMs?: number | undefined;
	/** For people. */
	readonly reason?: string | undefined;
	/** `up`, `failed`: what this Client has sent, at most {@link CANDIDATES_LISTED} addresses; it sends no more. Absent: perhaps all that it was granted. */
	readonly sent?: readonly SentPackets[] | undefined;
}

/** Client: a CHALLENGE datagram arrived where it was sent to. */
export interface AddressEcho {
	readonly type: "address-echo";
	/** 16 hexadecimal digits. */
	readonly nonce: string;
}

/** Client: asks for one NAT_TEST datagram from the Coordinator's second port to the Client's validated address. */
export interface NatTest {
	readonly type: "nat-test";
}

/** Coordinator: `peer` wants a direct channel. No address and no certificate before consent. */
export interface ChannelAsk {
	readonly type: "channel-ask";
	readonly token: string;
	readonly peer: WirePeer;
	/** An answer after that is too late. */
	readonly expiresInMs: number;
}

/** An address at which the peer may be. */
export interface ChannelCandidate extends WireAddress {
	/** `reflexive`: seen by the Coordinator and validated. `host`: the peer says so. */
	readonly kind: "reflexive" | "host";
	/** Most raw datagrams that may be sent to this IP address in this attempt. */
	readonly packets: number;
}

/** Coordinator, to both: both want to; begin. */
export interface ChannelGo {
	readonly type: "channel-go";
	readonly token: string;
	/** To the requester: its number. */
	readonly request?: number | undefined;
	/** Who is the QUIC client. */
	readonly role: "dial" | "accept";
	readonly peer: WirePeer;
	/** DER of the peer's leaf certificate, in base64. */
	readonly certificate: string;
	/** At most {@link CANDIDATES_LISTED}. */
	readonly candidates: readonly ChannelCandidate[];
	/** The peer's. */
	readonly nat: NatReport;
	/** Whether the peer sends probes. */
	readonly punch: boolean;
	/** This side's part in the birthday method, where it is granted. */
	readonly birthday?: "hard" | "easy" | undefined;
	/** Begin that much later, so that both begin together. */
	readonly waitMs: number;
	/** The attempt is over that long after this message. */
	readonly deadlineMs: number;
}

/** Codes in `channel-refused`. */
export const CHANNEL_REFUSED_CODES = [
	"PEER_UNKNOWN",
	"PEER_BUSY",
	"PEER_LOST",
	"PEER_TIMEOUT",
	"DIRECT_UNAVAILABLE",
	"LIMIT_EXCEEDED",
	"CROSSED",
	"COORDINATOR_CLOSED",
] as const;

/** Why there is no attempt. */
export type ChannelRefusedCode = (typeof CHANNEL_REFUSED_CODES)[number];

/** Coordinator: no to a {@link ChannelRequest}. */
export interface ChannelRefused {
	readonly type: "channel-refused";
	readonly request: number;
	readonly code: ChannelRefusedCode;
	/** For people. */
	readonly reason: string;
	/** It may be otherwise then. Absent: not before something changes. */
	readonly retryAfterMs?: number | undefined;
}

/** Coordinator: the attempt is over; the other side cancelled or left, or time is up. Says nothing of a channel that is up. */
export interface ChannelCancelled {
	readonly type: "channel-cancelled";
	readonly token: string;
	/** For people. */
	readonly reason: string;
}

/** Coordinator: this Client's own validated address is another one now. */
export interface AddressChanged {
	readonly type: "address";
	readonly observedAddress: WireAddress;
}

/** Coordinator, to those with a live channel to `peer`: its validated address is another one now. */
export interface PeerMoved {
	readonly type: "peer-moved";
	readonly peer: string;
	readonly address: WireAddress;
}

/** Coordinator: a failure that was remembered for `peer` is void, as its network or its session is another. */
export interface PeerChanged {
	readonly type: "peer-changed";
	readonly peer: string;
}

/** What a Client says. */
export type ChannelMessageOfClient = ChannelRequest | ChannelCancel | ChannelConsent | ChannelRefusal | ChannelReport | ChannelList | AddressEcho | NatTest;

/** What a Coordinator says. */
export type ChannelMessageOfCoordinator =
	| ChannelAsk
	| ChannelGo
	| ChannelRefused
	| ChannelCancelled
	| AddressChanged
	| PeerMoved
	| PeerChanged
	| PeerDenied
	| ChannelListWanted;

/** Everything about direct channels on a control stream. */
export type ChannelMessage = ChannelMessageOfClient | ChannelMessageOfCoordinator;

const FROM_CLIENT: readonly string[] = [
	"channel-request",
	"channel-cancel",
	"channel-answer",
	"channel-report",
	"channel-list",
	"address-echo",
	"nat-test",
] satisfies readonly ChannelMessageOfClient["type"][];

const FROM_COORDINATOR: readonly string[] = [
	"channel-ask",
	"channel-go",
	"channel-refused",
	"channel-cancelled",
	"address",
	"peer-moved",
	"peer-changed",
	"peer-denied",
	"channel-list-wanted",
] satisfies readonly ChannelMessageOfCoordinator["type"][];

/** Whether a Client says this. */
export function isChannelMessageOfClient(message: { readonly type: string }): message is ChannelMessageOfClient {
	return FROM_CLIENT.includes(message.type);
}

/** Whether a Coordinator says this. */
export function isChannelMessageOfCoordinator(message: { readonly type: string }): message is ChannelMessageOfCoordinator {
	return FROM_COORDINATOR.includes(message.type);
}

/** The message of that type in an object; `undefined`: the type is none of these. Throws {@link FieldProblem}. */
export function readChannelMessage(type: string, object: Readonly<Record<string, unknown>>): ChannelMessage | undefined {
	switch (type) {
		case "channel-request":
			return { type, request: requestField(object), peer: idField(object, "peer"), ...readOffer(object), auto: booleanField(object, "auto") };
		case "channel-cancel":
			return { type, request: requestField(object) };
		case "channel-answer":
			return readAnswer(object);
		case "channel-report":
			return readReport(object);
		case "address-echo":
			return { type, nonce: hexField(object, "nonce", NONCE_DIGITS) };
		case "nat-test":
			return { type };
		case "channel-ask":
			return { type, token: tokenField(object), peer: peerField(object, "peer"), expiresInMs: integerField(object, "expiresInMs", 0, LONGEST_MS) };
		case "channel-go":
			return readGo(object);
		case "channel-refused":
			return {
				...{ type, request: requestField(object), code: channelRefusedCodeFromWire(codeField(object, "code")), reason: noteField(object, "reason") ?? "" },
				...(fieldOf(object, "retryAfterMs") === undefined ? {} : { retryAfterMs: integerField(object, "retryAfterMs", 0, Number.MAX_SAFE_INTEGER) }),
			};
		case "channel-cancelled":
			return { type, token: tokenField(object), reason: noteField(object, "reason") ?? "" };
		case "address":
			return { type, observedAddress: addressField(object, "observedAddress") };
		case "peer-moved":
			return { type, peer: idField(object, "peer"), address: addressField(object, "address") };
		case "peer-changed":
			return { type, peer: idField(object, "peer") };
		default:
			return readOwnChannelMessage(type, object);
	}
}

/** The code in a `channel-refused`, where one that this version does not know reads as `DIRECT_UNAVAILABLE`. */
export function channelRefusedCodeFromWire(code: string): ChannelRefusedCode {
	return (CHANNEL_REFUSED_CODES as readonly string[]).includes(code) ? (code as ChannelRefusedCode) : "DIRECT_UNAVAILABLE";
}

/** The code in an answer that says no, where one that this version does not know reads as `DECLINED`. */
export function channelRefusalCodeFromWire(code: string): ChannelRefusalCode {
	return (CHANNEL_REFUSAL_CODES as readonly string[]).includes(code) ? (code as ChannelRefusalCode) : "DECLINED";
}

const NONCE_DIGITS = 16;
const LONGEST_MS = 600_000;
/** Longest step between two ports of a sequential NAT. */
const PORT_STEP_MAX = 16;
const PACKETS_MAX = 65_536;

function requestField(object: Readonly<Record<string, unknown>>): number {
	return integerField(object, "request", 1, Number.MAX_SAFE_INTEGER);
}

function readOffer(object: Readonly<Record<string, unknown>>): ChannelOffer {
	return {
		hosts: listField(object, "hosts", HOSTS_LISTED, (item, name) => addressField(item, name)),
		nat: readNat(objectField(object, "nat")),
		punch: booleanField(object, "punch"),
		birthday: booleanField(object, "birthday"),
	};
}

function readNat(object: Readonly<Record<string, unknown>>): NatReport {
	return {
		mapping: choiceField(object, "mapping", ["unknown", "none", "independent", "dependent"]),
		...(fieldOf(object, "portStep") === undefined ? {} : { portStep: integerField(object, "portStep", 1, PORT_STEP_MAX) }),
		...(fieldOf(object, "lastPort") === undefined ? {} : { lastPort: integerField(object, "lastPort", 1, 0xff_ff) }),
		filtering: choiceField(object, "filtering", ["unknown", "open", "by-port"]),
	};
}

function readAnswer(object: Readonly<Record<string, unknown>>): ChannelConsent | ChannelRefusal {
	const token = tokenField(object);
	if (booleanField(object, "accept")) {
		return { type: "channel-answer", token, accept: true, ...readOffer(object) };
	}
	return { type: "channel-answer", token, accept: false, code: channelRefusalCodeFromWire(codeField(object, "code")) };
}

function readReport(object: Readonly<Record<string, unknown>>): ChannelReport {
	const reason = noteField(object, "reason");
	const named = fieldOf(object, "peer") !== undefined;
	if (named !== (fieldOf(object, "fingerprint") !== undefined)) throw new FieldProblem("peer and fingerprint must be there together, or neither");
	return {
		type: "channel-report",
		token: tokenField(object),
		outcome: choiceField(object, "outcome", ["up", "failed", "down"]),
		...(named ? { peer: idField(object, "peer"), fingerprint: fingerprintField(object, "fingerprint") } : {}),
		...(fieldOf(object, "address") === undefined ? {} : { address: addressField(object, "address") }),
		...(fieldOf(object, "rttMs") === undefined ? {} : { rttMs: numberField(object, "rttMs", 0, LONGEST_MS) }),
		...(reason === undefined ? {} : { reason }),
		...(fieldOf(object, "sent") === undefined ? {} : { sent: listField(object, "sent", CANDIDATES_LISTED, readSent) }),
	};
}

function readSent(list: Readonly<Record<string, unknown>>, name: string): SentPackets {
	const sent = objectField(list, name);
	return { address: ipField(sent, "address"), packets: integerField(sent, "packets", 0, PACKETS_MAX) };
}

function readGo(object: Readonly<Record<string, unknown>>): ChannelGo {
	const token = tokenField(object);
	const role = choiceField(object, "role", ["dial", "accept"]);
	const birthday = fieldOf(object, "birthday");
	if ((role === "dial") !== (fieldOf(object, "request") !== undefined)) {
		throw new FieldProblem("request must be there for the side that dials, and only there");
	}
	return {
		type: "channel-go",
		token,
		...(role === "dial" ? { request: requestField(object) } : {}),
		role,
		peer: peerField(object, "peer"),
		certificate: base64Field(object, "certificate", CERTIFICATE_BYTES),
		candidates: listField(object, "candidates", CANDIDATES_LISTED, readCandidate),
		nat: readNat(objectField(object, "nat")),
		punch: booleanField(object, "punch"),
		...(birthday === undefined ? {} : { birthday: choiceField<"hard" | "easy">(object, "birthday", ["hard", "easy"]) }),
		waitMs: integerField(object, "waitMs", 0, LONGEST_MS),
		deadlineMs: integerField(object, "deadlineMs", 1, LONGEST_MS),
	};
}

function readCandidate(list: Readonly<Record<string, unknown>>, name: string): ChannelCandidate {
	const candidate = objectField(list, name);
	return {
		...addressField(list, name),
		kind: choiceField(candidate, "kind", ["reflexive", "host"]),
		packets: integerField(candidate, "packets", 1, PACKETS_MAX),
	};
}
