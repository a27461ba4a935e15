/**
 * Messages of the control stream. Each is one CONTROL frame with a JSON object whose `type` names it.
 *
 * @module
 */

import { type ChannelMessage, readChannelMessage } from "./channel-messages.ts";
import { type RefusedCode, refusedCodeFromWire } from "./codes.ts";
import { type ComeBack, readComeBack } from "./come-back.ts";
import { decodeTyped } from "./decode-json.ts";
import {
	broadcastNameField,
	capabilitiesField,
	choiceField,
	codeField,
	connectionWindowField,
	countField,
	cutNote,
	fieldOf,
	flagField,
	hexField,
	idField,
	integerField,
	METADATA_BYTES,
	metadataField,
	noteField,
	objectField,
	PEER_METADATA_BYTES,
	textField,
	versionsField,
} from "./fields.ts";
import { type Decoded, encodeJson, type JsonValue } from "./json.ts";
import { type PresenceControl, readPresenceControl } from "./presence.ts";

/** First message of a Client: who it is and what it can. */
export interface Hello {
	readonly type: "hello";
	/** Versions that it speaks. */
	readonly versions: readonly number[];
	/** The id it asks for. */
	readonly id: string;
	/** Whether its key outlives its process. */
	readonly key: "kept" | "ephemeral";
	readonly limits?: HelloLimits | undefined;
	readonly capabilities: readonly string[];
	readonly metadata?: JsonValue | undefined;
}

/** A Client's bounds that the Coordinator has to know. */
export interface HelloLimits {
	/** What it takes on the connection while it reads nothing. */
	readonly connectionWindowBytes: number;
}

/** The Coordinator's bounds that a Client has to know. */
export interface WelcomeLimits {
	/** Longest message that the Coordinator itself takes. */
	readonly messageBytes: number;
	/** Longest metadata. */
	readonly metadataBytes: number;
	/** Streams that this Client may have open to one peer. */
	readonly streamsPerPair: number;
	/** What the Coordinator takes on the connection while it reads nothing. */
	readonly connectionWindowBytes: number;
}

/** The Coordinator's answer to a hello: the Client is connected. */
export interface Welcome {
	readonly type: "welcome";
	/** The version in use. */
	readonly version: number;
	/** Names this connection; random. */
	readonly session: string;
	/** Names this run of the Coordinator; random. */
	readonly epoch: string;
	readonly limits: WelcomeLimits;
	readonly capabilities: readonly string[];
	/** The Client's address as the Coordinator sees it, never IPv4-mapped. */
	readonly observedAddress: { readonly address: string; readonly port: number };
	/** With the capability `direct`, where the Coordinator has a second socket: its UDP port, and the key (32 hexadecimal digits) of this session's datagrams to and from it. */
	readonly natTest?: { readonly port: number; readonly key: string } | undefined;
}

/** The Coordinator's other answer: it closes the connection. When and where to try again is there with `ID_TAKEN`, `ID_CONTENDED`, `LIMIT_EXCEEDED` and `COORDINATOR_CLOSED`. */
export interface Refused extends ComeBack {
	readonly type: "refused";
	readonly code: RefusedCode;
	/** For people. */
	readonly message?: string | undefined;
	/** With `VERSION_UNSUPPORTED`: what the Coordinator speaks. */
	readonly versions?: readonly number[] | undefined;
}

/** Asks for a {@link Pong}: the transport's keep-alive proves a machine, this proves a process. Either side. */
export interface Ping {
	readonly type: "ping";
	readonly nonce: number;
	/** It asks only whether the process lives, and is answered before anything else. Otherwise the answer also says that all that was sent before is taken in. */
	readonly urgent?: boolean | undefined;
}

/** Answers a {@link Ping} with its nonce. */
export interface Pong {
	readonly type: "pong";
	readonly nonce: number;
}

/** Last message of a side that ends the connection of its own will. A Coordinator may say when and where the Client may come back. */
export interface Close extends ComeBack {
	readonly type: "close";
	/** For people. */
	readonly reason: string;
}

/** Asks how many members a broadcast has; from a Client, with the capability `broadcast`. */
export interface BroadcastCount {
	readonly type: "broadcast-count";
	/** Comes back in the answer. */
	readonly request: number;
	readonly name: string;
}

/** Answers a {@link BroadcastCount}. */
export interface BroadcastCounted {
	readonly type: "broadcast-counted";
	readonly request: number;
	readonly senders: number;
	readonly receivers: number;
}

/** Answers a {@link BroadcastCount}: nobody has joined it. */
export interface BroadcastUnknown {
	readonly type: "broadcast-unknown";
	readonly request: number;
}

/** Asks how long the Coordinator has heard nothing from another Client; from a Client whose stream to it is not answered. */
export interface PeerCheck {
	readonly type: "peer-check";
	/** Comes back in the answer. */
	readonly request: number;
	readonly peer: string;
}

/** Answers a {@link PeerCheck}. */
export interface PeerChecked {
	readonly type: "peer-checked";
	readonly request: number;
	/** Time since the last QUIC packet of that Client, in milliseconds. Absent: it is not connected. */
	readonly silentMs?: number | undefined;
}

/** Everything that a control stream carries. */
export type ControlMessage =
	| Hello
	| Welcome
	| Refused
	| Ping
	| Pong
	| Close
	| ChannelMessage
	| PresenceControl
	| BroadcastCount
	| BroadcastCounted
	| BroadcastUnknown
	| PeerCheck
	| PeerChecked;

/** The payload of a CONTROL frame. Text for people is cut to what the other side keeps of it. */
export function encodeControl(message: ControlMessage): Uint8Array {
	if ("reason" in message && message.reason !== undefined) {
		return encodeJson({ ...message, reason: cutNote(message.reason) });
	}
	if ((message.type === "refused" || message.type === "metadata-refused") && message.message !== undefined) {
		return encodeJson({ ...message, message: cutNote(message.message) });
	}
	return encodeJson(message);
}

/**
 * Reads the payload of a CONTROL frame.
 *
 * `undefined` as value: a message of a type that this version does not know. No such message is sent unless a capability
 * of both sides allows it, so it is as wrong as one that is not understood.
 */
export function decodeControl(payload: Uint8Array, metadataBytes: number = METADATA_BYTES): Decoded<ControlMessage | undefined> {
	return decodeTyped("Control message", payload, (type, object) => read(type, object, metadataBytes));
}

function read(type: string, object: Readonly<Record<string, unknown>>, metadataBytes: number): ControlMessage | undefined {
	switch (type) {
		case "hello":
			return readHello(object, metadataBytes);
		case "welcome":
			return readWelcome(object);
		case "refused":
			return readRefused(object);
		case "ping":
			return readPing(object);
		case "pong":
			return { type, nonce: integerField(object, "nonce", 0, Number.MAX_SAFE_INTEGER) };
		case "close":
			return { type, reason: noteField(object, "reason") ?? "", ...readComeBack(object) };
		case "broadcast-count":
			return { type, request: requestField(object), name: broadcastNameField(object, "name") };
		case "broadcast-counted":
			return { type, request: requestField(object), senders: countField(object, "senders"), receivers: countField(object, "receivers") };
		case "broadcast-unknown":
			return { type, request: requestField(object) };
		case "peer-check":
			return { type, request: requestField(object), peer: idField(object, "peer") };
		case "peer-checked":
			return { type, request: requestField(object), ...readSilence(object) };
		default:
			return readChannelMessage(type, object) ?? readPresenceControl(type, object, metadataBytes);
	}
}

/** Reads a ping, on any control stream. */
export function readPing(object: Readonly<Record<string, unknown>>): Ping {
	const nonce = integerField(object, "nonce", 0, Number.MAX_SAFE_INTEGER);
	return { type: "ping", nonce, ...(flagField(object, "urgent") ? { urgent: true } : {}) };
}

function readSilence(object: Readonly<Record<string, unknown>>): Pick<PeerChecked, "silentMs"> {
	return fieldOf(object, "silentMs") === undefined ? {} : { silentMs: integerField(object, "silentMs", 0, Number.MAX_SAFE_INTEGER) };
}

function requestField(object: Readonly<Record<string, unknown>>): number {
	return integerField(object, "request", 0, Number.MAX_SAFE_INTEGER);
}

function readHello(object: Readonly<Record<string, unknown>>, metadataBytes: number): Hello {
	const metadata = metadataField(object, metadataBytes);
	// Versions before the second have none, and are told so by their version.
	const limits = fieldOf(object, "limits") === undefined ? undefined : objectField(object, "limits");
	return {
		type: "hello",
		versions: versionsField(object, "versions"),
		id: idField(object, "id"),
		key: choiceField(object, "key", ["kept", "ephemeral"]),
		...(limits === undefined ? {} : { limits: { connectionWindowBytes: connectionWindowField(limits) } }),
		capabilities: capabilitiesField(object, "capabilities"),
		...(metadata === undefined ? {} : { metadata }),
	};
}

function readWelcome(object: Readonly<Record<string, unknown>>): Welcome {
	const limits = objectField(object, "limits");
	const observed = objectField(object, "observedAddress");
	const natTest = fieldOf(object, "natTest") === undefined ? undefined : objectField(object, "natTest");
	return {
		type: "welcome",
		version: integerField(object, "version", 1, 0xff_ff),
		session: textField(object, "session", 64),
		epoch: textField(object, "epoch", 64),
		limits: {
			messageBytes: integerField(limits, "messageBytes", 1, 0xff_ff_ff),
			metadataBytes: integerField(limits, "metadataBytes", 0, PEER_METADATA_BYTES),
			streamsPerPair: integerField(limits, "streamsPerPair", 1, 0xff_ff_ff_ff),
			connectionWindowBytes: connectionWindowField(limits),
		},
		capabilities: capabilitiesField(object, "capabilities"),
		observedAddress: { address: textField(observed, "address", 64), port: integerField(observed, "port", 0, 0xff_ff) },
		...(natTest === undefined ? {} : { natTest: { port: integerField(natTest, "port", 1, 0xff_ff), key: hexField(natTest, "key", 32) } }),
	};
}

function readRefused(object: Readonly<Record<string, unknown>>): Refused {
	const message = noteField(object, "message");
	return {
		type: "refused",
		code: refusedCodeFromWire(codeField(object, "code")),
		...(message === undefined ? {} : { message }),
		...(fieldOf(object, "versions") === undefined ? {} : { versions: versionsField(object, "versions") }),
		...readComeBack(object),
	};
}
