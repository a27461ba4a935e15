/**
 * Broadcasts on the wire: how a stream joins one, the TAGGED frames that carry messages, and the CONTROL frames beside them.
 * See docs/protocol.md, "Broadcasts".
 *
 * @module
 */

import { decodeJson } from "./decode-json.ts";
import {
	broadcastNameField,
	choiceField,
	countField,
	FieldProblem,
	fieldOf,
	flagField,
	integerField,
	METADATA_BYTES,
	objectField,
	objectsField,
	peerField,
	readPeer,
	type WirePeer,
} from "./fields.ts";
import { FRAME, FRAME_HEADER_BYTES } from "./frames.ts";
import { ID_BYTES, isId } from "./ids.ts";
import { type Decoded, encodeJson } from "./json.ts";

/** The capability that both sides list. */
export const BROADCAST_CAPABILITY = "broadcast";

/** Bytes of an epoch. */
export const EPOCH_BYTES = 8;

/** The most that a TAGGED frame adds to a message: the longest sender and its length, epoch, sequence number. */
export const TAG_BYTES: number = 1 + ID_BYTES + EPOCH_BYTES + 8;

/** See {@link BroadcastMode}. */
export const BROADCAST_MODES = ["both", "send", "receive"] as const;

/** See {@link SlowReaderPolicy}. */
export const SLOW_READER_POLICIES = ["drop-oldest", "drop-newest", "latest-per-sender", "disconnect", "block"] as const;

/** Least and greatest `bufferBytes`. */
export const BUFFER_BYTES_MIN = 1_024;
export const BUFFER_BYTES_MAX: number = 64 * 1_024 * 1_024;

/** Greatest `last`. */
export const LAST_MAX = 1_000_000;

/** Ids that a `lag` and a `joined` list. */
export const LAGGING_LISTED = 64;

/** Whether a member of a broadcast sends, receives, or does both. */
export type BroadcastMode = (typeof BROADCAST_MODES)[number];
/**
 * What the Coordinator does with a member that reads too slowly.
 *
 * - "drop-oldest": the oldest messages that wait for it are dropped.
 * - "drop-newest": new messages are dropped until it no longer lags.
 * - "latest-per-sender": only the last message of each sender waits for it.
 * - "disconnect": its membership ends with `LAGGED`.
 * - "block": senders wait for it, at most 5 s a minute; then it is as "drop-oldest". The Coordinator must allow it.
 */
export type SlowReaderPolicy = (typeof SLOW_READER_POLICIES)[number];

/** A position in a broadcast. */
export interface BroadcastPosition {
	/** The life of the broadcast that `seq` counts in: 16 hexadecimal digits. */
	readonly epoch: string;
	/** The `seq` of an event, 0 to 2^53 - 1. */
	readonly seq: number;
}

/** In OPEN: joins a broadcast. */
export interface BroadcastOpen {
	readonly name: string;
	readonly mode: BroadcastMode;
	readonly slowReader: SlowReaderPolicy;
	readonly bufferBytes: number;
	/** Continue after this position. Not together with `last`. */
	readonly since?: BroadcastPosition | undefined;
	/** Begin with at most this many earlier messages. */
	readonly last?: number | undefined;
	/** Stay when the last sender has gone. */
	readonly keepOpen?: boolean | undefined;
	/** Get the events about members too. */
	readonly presence?: boolean | undefined;
}

/** A member of a broadcast, as the other members see it. The Coordinator has verified its id. Its metadata is untrusted. */
export type BroadcastPeer = WirePeer;

/** First unit of the Coordinator. */
export interface Joined {
	readonly type: "joined";
	/** 16 hexadecimal digits: names this life of the broadcast. */
	readonly epoch: string;
	/** The sequence number that was given out last; the member's own joining included. */
	readonly seq: number;
	/** With `since`: whether everything after it follows. */
	readonly recovered?: boolean | undefined;
	readonly senders: number;
	readonly receivers: number;
	/** Ids of the members that lag. Only members that send get it. */
	readonly lagging?: readonly string[] | undefined;
}

/** Takes the place of messages that this member has lost. */
export interface Gap {
	readonly type: "gap";
	/** Messages only. */
	readonly lost: number;
	readonly fromSeq: number;
	readonly toSeq: number;
}

/** All members as of `seq`, or a part of them. */
export interface Members {
	readonly type: "members";
	readonly seq: number;
	readonly members: readonly BroadcastPeer[];
	/** Another part follows at once. */
	readonly more: boolean;
}

/** A member came, changed, or went. */
export interface PresenceChange {
	readonly type: "join" | "update" | "leave";
	readonly seq: number;
	readonly peer: BroadcastPeer;
}

/** The members that lag now. Members that send get it. It lists at most {@link LAGGING_LISTED} ids; `total` counts all. */
export interface Lag {
	readonly type: "lag";
	readonly lagging: readonly string[];
	readonly total: number;
}

/** CONTROL frames of the Coordinator on the stream of a member. */
export type BroadcastControl = Joined | Gap | Members | PresenceChange | Lag;

/** The payload of a CONTROL frame. */
export function encodeBroadcastControl(message: BroadcastControl): Uint8Array {
	return encodeJson(message);
}

/** Reads the payload of a CONTROL frame on the stream of a member. */
export function decodeBroadcastControl(payload: Uint8Array, metadataBytes: number = METADATA_BYTES): Decoded<BroadcastControl> {
	return decodeJson("Broadcast message", payload, (object) => readControl(object, metadataBytes));
}

function readControl(object: Readonly<Record<string, unknown>>, metadataBytes: number): BroadcastControl {
	const type = choiceField(object, "type", ["joined", "gap", "members", "join", "update", "leave", "lag"]);
	switch (type) {
		case "joined":
			return {
				type,
				epoch: epochField(object, "epoch"),
				seq: countField(object, "seq"),
				...(fieldOf(object, "recovered") === undefined ? {} : { recovered: flagField(object, "recovered") }),
				senders: countField(object, "senders"),
				receivers: countField(object, "receivers"),
				...(fieldOf(object, "lagging") === undefined ? {} : { lagging: idsField(object, "lagging") }),
			};
		case "gap": {
			const gap = { type, lost: countField(object, "lost"), fromSeq: countField(object, "fromSeq"), toSeq: countField(object, "toSeq") } as const;
			if (gap.lost === 0 || gap.toSeq < gap.fromSeq) {
				throw new FieldProblem("a gap must have lost something between fromSeq and toSeq");
			}
			return gap;
		}
		case "members":
			return {
				type,
				seq: countField(object, "seq"),
				members: objectsField(object, "members", (member) => readPeer(member, metadataBytes)),
				more: flagField(object, "more"),
			};
		case "lag":
			return { type, lagging: idsField(object, "lagging"), total: countField(object, "total") };
		default:
			return { type, seq: countField(object, "seq"), peer: peerField(object, "peer", metadataBytes) };
	}
}

/** The field of OPEN. Throws a `FieldProblem`. */
export function broadcastField(object: Readonly<Record<string, unknown>>, name: string): BroadcastOpen {
	const open = objectField(object, name);
	const since = fieldOf(open, "since");
	const last = fieldOf(open, "last");
	if (since !== undefined && last !== undefined) {
		throw new FieldProblem(`${name} must not have both since and last`);
	}
	return {
		name: broadcastNameField(open, "name"),
		mode: choiceField(open, "mode", BROADCAST_MODES),
		slowReader: choiceField(open, "slowReader", SLOW_READER_POLICIES),
		bufferBytes: integerField(open, "bufferBytes", BUFFER_BYTES_MIN, BUFFER_BYTES_MAX),
		...(since === undefined ? {} : { since: readPosition(objectField(open, "since")) }),
		...(last === undefined ? {} : { last: integerField(open, "last", 0, LAST_MAX) }),
		...(flagField(open, "keepOpen") ? { keepOpen: true } : {}),
		...(flagField(open, "presence") ? { presence: true } : {}),
	};
}

/** Whether a value is an epoch: 16 lower-case hexadecimal digits. */
export function isEpoch(value: unknown): value is string {
	return typeof value === "string" && EPOCH.test(value);
}

/** The bytes of an epoch. */
export function epochToBytes(epoch: string): Uint8Array {
	return Uint8Array.from({ length: EPOCH_BYTES }, (_, i) => Number.parseInt(epoch.slice(2 * i, 2 * i + 2), 16));
}

/** Length of a whole TAGGED frame, header included. */
export function taggedFrameBytes(senderBytes: number, payloadBytes: number): number {
	return FRAME_HEADER_BYTES + 1 + senderBytes + EPOCH_BYTES + 8 + payloadBytes;
}

/** Writes a whole TAGGED frame, header included, and returns where it ends. `target` must have room. */
export function writeTaggedFrame(target: Uint8Array, offset: number, sender: Uint8Array, epoch: Uint8Array, seq: number, payload: Uint8Array): number {
	const length = 1 + sender.length + EPOCH_BYTES + 8 + payload.length;
	target[offset] = FRAME.TAGGED;
	target[offset + 1] = length >>> 16;
	target[offset + 2] = length >>> 8;
	target[offset + 3] = length;
	target[offset + 4] = sender.length;
	let at = offset + FRAME_HEADER_BYTES + 1;
	for (let i = 0; i < sender.length; i++) target[at++] = sender[i] as number;
	for (let i = 0; i < EPOCH_BYTES; i++) target[at++] = epoch[i] as number;
	const high = Math.floor(seq / 0x1_0000_0000);
	target[at] = high >>> 24;
	target[at + 1] = high >>> 16;
	target[at + 2] = high >>> 8;
	target[at + 3] = high;
	target[at + 4] = seq >>> 24;
	target[at + 5] = seq >>> 16;
	target[at + 6] = seq >>> 8;
	target[at + 7] = seq;
	target.set(payload, at + 8);
	return at + 8 + payload.length;
}

/** A message of a broadcast. */
export interface Tagged {
	/** So that a Client can hand on what it decoded, and need not make another object for each message. */
	readonly type: "message";
	readonly sender: string;
	readonly epoch: string;
	readonly seq: number;
	/** A view of what was decoded. */
	readonly data: Uint8Array;
}

/** The length of the payload that a message was decoded from: an id is one byte a letter. */
export function taggedBytes({ sender, data }: Tagged): number {
	return 1 + sender.length + EPOCH_BYTES + 8 + data.length;
}

/** Reads the payloads of TAGGED frames of one stream; it remembers the last sender, as names seldom change from frame to frame. */
export class TaggedDecoder {
	readonly #epoch: string;
	readonly #epochBytes: Uint8Array;
	#sender = "";
	#senderBytes: Uint8Array = new Uint8Array(0);

	/** `epoch`: the one that every message must have. */
	constructor(epoch: string) {
		this.#epoch = epoch;
		this.#epochBytes = epochToBytes(epoch);
	}

	/** The message, or in one sentence what is wrong. */
	decode(payload: Uint8Array): Tagged | string {
		const { buffer, byteOffset, length } = payload;
		return this.decodeAt({ buffer: buffer as ArrayBuffer, bytes: new Uint8Array(buffer) }, byteOffset, length);
	}

	/** The same of `length` bytes from `at` on, without a view of all of them. Both views of the memory begin at its first byte. */
	decodeAt({ buffer, bytes }: { readonly buffer: ArrayBuffer; readonly bytes: Uint8Array }, at: number, length: number): Tagged | string {
		const senderBytes = length === 0 ? 0 : (bytes[at] as number);
		const headBytes = 1 + senderBytes + EPOCH_BYTES + 8;
		if (senderBytes === 0 || senderBytes > ID_BYTES || length < headBytes) {
			return "a tagged message is cut short";
		}
		const epochAt = at + 1 + senderBytes;
		if (!startsWith(bytes, at + 1, this.#senderBytes, senderBytes)) {
			const ofSender = new Uint8Array(bytes.subarray(at + 1, epochAt));
			const sender = LATIN.decode(ofSender);
			if (!isId(sender)) {
				return "a tagged message has no id for its sender";
			}
			this.#sender = sender;
			this.#senderBytes = ofSender;
		}
		if (!startsWith(bytes, epochAt, this.#epochBytes, EPOCH_BYTES)) {
			return "a tagged message has another epoch";
		}
		const seq = readU32(bytes, epochAt + EPOCH_BYTES) * 0x1_0000_0000 + readU32(bytes, epochAt + EPOCH_BYTES + 4);
		if (seq > Number.MAX_SAFE_INTEGER) {
			return "a tagged message has a sequence number beyond 2^53 - 1";
		}
		const data = new Uint8Array(buffer, at + headBytes, length - headBytes);
		return { type: "message", sender: this.#sender, epoch: this.#epoch, seq, data };
	}
}

const LATIN = new TextDecoder("latin1");
const EPOCH = /^[0-9a-f]{16}$/;

function startsWith(bytes: Uint8Array, offset: number, expected: Uint8Array, length: number): boolean {
	if (expected.length !== length) {
		return false;
	}
	for (let i = 0; i < length; i++) {
		if (bytes[offset + i] !== expected[i]) {
			return false;
		}
	}
	return true;
}

function readU32(bytes: Uint8Array, at: number): number {
	return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

function epochField(object: Readonly<Record<string, unknown>>, name: string): string {
	const value = fieldOf(object, name);
	if (!isEpoch(value)) {
		throw new FieldProblem(`${name} must be 16 hexadecimal digits`);
	}
	return value;
}

function readPosition(object: Readonly<Record<string, unknown>>): BroadcastPosition {
	return { epoch: epochField(object, "epoch"), seq: countField(object, "seq") };
}

function idsField(object: Readonly<Record<string, unknown>>, name: string): readonly string[] {
	const value = fieldOf(object, name);
	if (!Array.isArray(value) || value.length > LAGGING_LISTED || !value.every(isId)) {
		throw new FieldProblem(`${name} must list at most ${LAGGING_LISTED} ids`);
	}
	return value;
}
