/**
 * Presence: the frames of a watch, and the control messages by which a Client changes its metadata. Only where both sides
 * list {@link PRESENCE_CAPABILITY}.
 *
 * @module
 */

import { type RejectCode, rejectCodeFromWire } from "./codes.ts";
import { decodeJson } from "./decode-json.ts";
import {
	booleanField,
	choiceField,
	codeField,
	FieldProblem,
	fieldOf,
	integerField,
	metadataField,
	noteField,
	objectsField,
	peerField,
	readPeer,
	textField,
	type WirePeer,
} from "./fields.ts";
import { FRAME_BYTES } from "./frames.ts";
import { type Decoded, encodeText, type JsonValue } from "./json.ts";

/** What a side lists among its capabilities to take part in presence. */
export const PRESENCE_CAPABILITY = "presence";

/** What may be watched. */
export const WATCHED = ["peers"] as const;

/** Of a frame's {@link FRAME_BYTES}, what peers or changes may fill; the rest is for the fields around them. */
export const PRESENCE_LIST_BYTES: number = FRAME_BYTES - 256;

/** A part of the list of all peers. */
export interface PeersPage {
	readonly type: "peers";
	/** Names this run of the Coordinator. */
	readonly epoch: string;
	/** Number of the last change before this page was made. */
	readonly seq: number;
	/** A new list begins; what was known before is forgotten. */
	readonly first: boolean;
	/** Another page follows, after the changes until then. */
	readonly more: boolean;
	readonly peers: readonly WirePeer[];
}

/** One change. */
export interface PeerChange {
	readonly type: "join" | "update" | "leave";
	readonly peer: WirePeer;
}

/** Changes one after the other; the first has the number `seq`. */
export interface PeerChanges {
	readonly type: "changes";
	readonly seq: number;
	readonly changes: readonly PeerChange[];
}

/** A Client changes its metadata; absent: it has none any more. */
export interface SetMetadata {
	readonly type: "metadata";
	/** Chosen by the Client; the answer has the same. */
	readonly request: number;
	readonly metadata?: JsonValue | undefined;
}

/** The Coordinator has the metadata. */
export interface MetadataSet {
	readonly type: "metadata-set";
	readonly request: number;
}

/** The Coordinator did not take it. */
export interface MetadataRefused {
	readonly type: "metadata-refused";
	readonly request: number;
	readonly code: RejectCode;
	/** For people. */
	readonly message?: string | undefined;
	/** With `LIMIT_EXCEEDED`: when to try again. */
	readonly retryAfterMs?: number | undefined;
}

/** The control messages of presence. */
export type PresenceControl = SetMetadata | MetadataSet | MetadataRefused;

/** The JSON text of a peer, made once and used in pages and changes. */
export function peerText({ id, fingerprint, metadata }: WirePeer): string {
	return JSON.stringify({ id, fingerprint, metadata });
}

/** The JSON text of a change. */
export function changeText(type: PeerChange["type"], peer: string): string {
	return `{"type":"${type}","peer":${peer}}`;
}

/** The payload of a page; `peers` are texts of {@link peerText}, with commas in between at most {@link PRESENCE_LIST_BYTES} long. */
export function encodePeersPage({ epoch, seq, first, more }: Omit<PeersPage, "type" | "peers">, peers: readonly string[]): Uint8Array {
	return encodeText(`{"type":"peers","epoch":${JSON.stringify(epoch)},"seq":${seq},"first":${first},"more":${more},"peers":[${peers.join(",")}]}`);
}

/** The payload of changes; `changes` are texts of {@link changeText}, as long as those of a page. */
export function encodePeerChanges(seq: number, changes: readonly string[]): Uint8Array {
	return encodeText(`{"type":"changes","seq":${seq},"changes":[${changes.join(",")}]}`);
}

/** Reads a CONTROL frame of a watch. */
export function decodePresence(payload: Uint8Array): Decoded<PeersPage | PeerChanges> {
	return decodeJson("Presence", payload, readFrame);
}

/** Reads a control message of presence; `undefined` for any other type. Throws {@link FieldProblem}, like the other readers of `wire/`. */
export function readPresenceControl(type: string, object: Readonly<Record<string, unknown>>, metadataBytes: number): PresenceControl | undefined {
	const request = (): number => integerField(object, "request", 0, Number.MAX_SAFE_INTEGER);
	switch (type) {
		case "metadata": {
			const metadata = metadataField(object, metadataBytes);
			return { type, request: request(), ...(metadata === undefined ? {} : { metadata }) };
		}
		case "metadata-set":
			return { type, request: request() };
		case "metadata-refused": {
			const message = noteField(object, "message");
			return {
				type,
				request: request(),
				code: rejectCodeFromWire(codeField(object, "code")),
				...(message === undefined ? {} : { message }),
				...(fieldOf(object, "retryAfterMs") === undefined ? {} : { retryAfterMs: integerField(object, "retryAfterMs", 0, Number.MAX_SAFE_INTEGER) }),
			};
		}
		default:
			return undefined;
	}
}

function readFrame(object: Readonly<Record<string, unknown>>): PeersPage | PeerChanges {
	const type = choiceField(object, "type", ["peers", "changes"]);
	if (type === "changes") {
		const changes = objectsField(object, "changes", readChange);
		if (changes.length === 0) throw new FieldProblem("changes must not be empty");
		// The number of the last one has to be exact, too.
		return { type, seq: integerField(object, "seq", 1, Number.MAX_SAFE_INTEGER - changes.length), changes };
	}
	return {
		type,
		epoch: textField(object, "epoch", 64),
		seq: integerField(object, "seq", 0, Number.MAX_SAFE_INTEGER),
		first: booleanField(object, "first"),
		more: booleanField(object, "more"),
		peers: objectsField(object, "peers", (peer) => readPeer(peer)),
	};
}

function readChange(object: Readonly<Record<string, unknown>>): PeerChange {
	return { type: choiceField(object, "type", ["join", "update", "leave"]), peer: peerField(object, "peer") };
}
