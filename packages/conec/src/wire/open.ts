/**
 * How a stream begins: the headers in OPEN, and the answer REJECT.
 *
 * @module
 */

import { type BroadcastOpen, broadcastField } from "./broadcast.ts";
import { type RejectCode, rejectCodeFromWire } from "./codes.ts";
import { decodeJson } from "./decode-json.ts";
import {
	choiceField,
	codeField,
	countField,
	cutNote,
	FieldProblem,
	fieldOf,
	fingerprintField,
	idField,
	integerField,
	METADATA_BYTES,
	metadataField,
	noteField,
	objectField,
	priorityField,
	protocolField,
	streamIdField,
	tokenField,
} from "./fields.ts";
import { type Decoded, encodeJson, type JsonValue } from "./json.ts";
import { WATCHED } from "./presence.ts";

/** Capability: takes further legs of a stream, see {@link OpenResume}. */
export const RESUME_CAPABILITY = "resume";

/** What an OPEN says about the leg that it begins. */
export type OpenResume =
	/** A new stream that ends with its one leg. `limit`: up to which cumulative cost the acceptor may send. `messageBytes`: the longest message that the opener takes. */
	| { readonly limit: number; readonly messageBytes: number }
	/** A new stream that survives the loss of its leg for `forMs`. `token` names it: 32 hexadecimal digits, random, a secret of its two ends. */
	| { readonly limit: number; readonly messageBytes: number; readonly token: string; readonly forMs: number }
	/** Another leg of the stream with that `token`: the `generation`th after the first. So many units of the acceptor have come. */
	| { readonly token: string; readonly generation: number; readonly received: number; readonly limit: number };

/** From a Client to the Coordinator. */
export interface OpenToCoordinator {
	/** The peer to be reached; absent: the Coordinator itself. */
	readonly to?: string | undefined;
	/** The stream is a watch of the Coordinator's; see `presence.ts`. Never together with `to`. */
	readonly watch?: (typeof WATCHED)[number] | undefined;
	/** Joins a broadcast; there is no `to` then. */
	readonly broadcast?: BroadcastOpen | undefined;
	/** Number of the stream, chosen by the opener. */
	readonly id: number;
	readonly metadata?: JsonValue | undefined;
	/** What the messages of the stream mean: it goes to who handles that. The Coordinator passes it on. */
	readonly protocol?: string | undefined;
	/** Which stream goes first, -100 to 100. The Coordinator passes it on. @default 0 */
	readonly priority?: number | undefined;
	readonly resume?: OpenResume | undefined;
}

/** From the Coordinator to a Client. */
export interface OpenFromCoordinator {
	/** The Client that opened the stream; absent: the Coordinator itself. */
	readonly from?: string | undefined;
	/** With `from` and a token: `sha256:` and 64 hexadecimal digits, of the SubjectPublicKeyInfo of that Client's certificate. */
	readonly fromKey?: string | undefined;
	readonly id: number;
	readonly metadata?: JsonValue | undefined;
	readonly protocol?: string | undefined;
	readonly priority?: number | undefined;
	readonly resume?: OpenResume | undefined;
}

/** From Client to Client, on a direct channel. */
export interface OpenDirect {
	readonly id: number;
	readonly metadata?: JsonValue | undefined;
	readonly protocol?: string | undefined;
	readonly priority?: number | undefined;
	readonly resume?: OpenResume | undefined;
}

/** Why a stream is not taken. */
export interface Reject {
	readonly code: RejectCode;
	/** For people. */
	readonly message?: string | undefined;
}

/**
 * The number of a stream that a peer opened, on a connection that this side shares with others: it may step back, but it may not go
 * ahead of them. A number above 0 counts as 0.
 */
export function sharedPriority(priority: number | undefined): number | undefined {
	return priority !== undefined && priority < 0 ? priority : undefined;
}

/** The payload of an OPEN frame. */
export function encodeOpen(open: OpenToCoordinator | OpenFromCoordinator | OpenDirect): Uint8Array {
	return encodeJson(open);
}

/** Reads an OPEN at the Coordinator. */
export function decodeOpenToCoordinator(payload: Uint8Array, metadataBytes: number = METADATA_BYTES): Decoded<OpenToCoordinator> {
	return decodeJson("OPEN", payload, (object) => {
		const watched = fieldOf(object, "watch") !== undefined;
		if (watched && fieldOf(object, "to") !== undefined) throw new FieldProblem("to and watch exclude each other");
		return {
			...(fieldOf(object, "to") === undefined ? {} : { to: idField(object, "to") }),
			...(watched ? { watch: choiceField(object, "watch", WATCHED) } : {}),
			...(fieldOf(object, "broadcast") === undefined ? {} : { broadcast: broadcastField(object, "broadcast") }),
			...readOpen(object, metadataBytes),
		};
	});
}

/** Reads an OPEN at a Client, from the Coordinator. */
export function decodeOpenFromCoordinator(payload: Uint8Array, metadataBytes: number = METADATA_BYTES): Decoded<OpenFromCoordinator> {
	return decodeJson("OPEN", payload, (object) => ({
		...(fieldOf(object, "from") === undefined ? {} : { from: idField(object, "from") }),
		...(fieldOf(object, "fromKey") === undefined ? {} : { fromKey: fingerprintField(object, "fromKey") }),
		...readOpen(object, metadataBytes),
	}));
}

/** Reads an OPEN on a direct channel. What it says of names is not looked at: the peer is who the connection says. */
export function decodeOpenDirect(payload: Uint8Array, metadataBytes: number = METADATA_BYTES): Decoded<OpenDirect> {
	return decodeJson("OPEN", payload, (object) => readOpen(object, metadataBytes));
}

/** The payload of a REJECT frame. */
export function encodeReject(reject: Reject): Uint8Array {
	return encodeJson(reject.message === undefined ? { code: reject.code } : { code: reject.code, message: cutNote(reject.message) });
}

/** Reads a REJECT. */
export function decodeReject(payload: Uint8Array): Decoded<Reject> {
	return decodeJson("REJECT", payload, (object) => {
		const message = noteField(object, "message");
		return { code: rejectCodeFromWire(codeField(object, "code")), ...(message === undefined ? {} : { message }) };
	});
}

function readOpen(object: Readonly<Record<string, unknown>>, metadataBytes: number): OpenDirect {
	const metadata = metadataField(object, metadataBytes);
	const protocol = protocolField(object, "protocol");
	const priority = priorityField(object, "priority");
	const resume = fieldOf(object, "resume") === undefined ? undefined : readResume(objectField(object, "resume"));
	if (metadata !== undefined && resume !== undefined && "generation" in resume) throw new FieldProblem("metadata and resume.generation exclude each other");
	return {
		id: streamIdField(object, "id"),
		...(metadata === undefined ? {} : { metadata }),
		...(protocol === undefined ? {} : { protocol }),
		...(priority === undefined ? {} : { priority }),
		...(resume === undefined ? {} : { resume }),
	};
}

function readResume(object: Readonly<Record<string, unknown>>): OpenResume {
	const limit = countField(object, "limit");
	if (fieldOf(object, "generation") !== undefined) {
		return { token: tokenField(object), generation: integerField(object, "generation", 1, U32_MAX), received: countField(object, "received"), limit };
	}
	const messageBytes = integerField(object, "messageBytes", 0, U32_MAX);
	if (fieldOf(object, "token") === undefined && fieldOf(object, "forMs") === undefined) return { limit, messageBytes };
	return { limit, messageBytes, token: tokenField(object), forMs: integerField(object, "forMs", 1, U32_MAX) };
}

const U32_MAX = 0xffff_ffff;
