/**
 * Control messages of a direct channel, between two Clients. The side that dialled says hello; nobody says who it is, as the
 * connection does. Then both say ping, pong and close.
 *
 * @module
 */

import { type Close, type Ping, type Pong, readPing } from "./control.ts";
import { decodeTyped, type JsonFields } from "./decode-json.ts";
import {
	capabilitiesField,
	connectionWindowField,
	cutNote,
	integerField,
	noteField,
	objectField,
	PEER_METADATA_BYTES,
	tokenField,
	versionsField,
} from "./fields.ts";
import { type Decoded, encodeJson } from "./json.ts";

/** First message of the side that dialled. */
export interface DirectHello {
	readonly type: "hello";
	/** Versions that it speaks. */
	readonly versions: readonly number[];
	/** The token of the attempt: 32 hexadecimal digits, good once. */
	readonly token: string;
	readonly capabilities: readonly string[];
	readonly limits: DirectLimits;
}

/** Bounds of one side that the other has to know. */
export interface DirectLimits {
	/** Longest message that it takes. */
	readonly messageBytes: number;
	/** Longest metadata. */
	readonly metadataBytes: number;
	/** What it takes on the channel while it reads nothing. */
	readonly connectionWindowBytes: number;
}

/** The other side's answer: the channel is up. */
export interface DirectWelcome {
	readonly type: "welcome";
	/** The version in use. */
	readonly version: number;
	readonly capabilities: readonly string[];
	readonly limits: DirectLimits;
}

/** Everything that the control stream of a direct channel carries. */
export type DirectMessage = DirectHello | DirectWelcome | Ping | Pong | Close;

/** The payload of a CONTROL frame on a direct channel. */
export function encodeDirect(message: DirectMessage): Uint8Array {
	return encodeJson(message.type === "close" ? { ...message, reason: cutNote(message.reason) } : message);
}

/** Reads the payload of a CONTROL frame on a direct channel. `undefined` as value: of a type that is not known there, which is as wrong as one that is not understood. */
export function decodeDirect(payload: Uint8Array): Decoded<DirectMessage | undefined> {
	return decodeTyped("Control message", payload, read);
}

function read(type: string, object: JsonFields): DirectMessage | undefined {
	switch (type) {
		case "hello":
			return {
				type,
				versions: versionsField(object, "versions"),
				token: tokenField(object),
				capabilities: capabilitiesField(object, "capabilities"),
				limits: limitsField(object),
			};
		case "welcome":
			return {
				type,
				version: integerField(object, "version", 1, 0xff_ff),
				capabilities: capabilitiesField(object, "capabilities"),
				limits: limitsField(object),
			};
		case "ping":
			return readPing(object);
		case "pong":
			return { type, nonce: integerField(object, "nonce", 0, Number.MAX_SAFE_INTEGER) };
		case "close":
			return { type, reason: noteField(object, "reason") ?? "" };
		default:
			return undefined;
	}
}

function limitsField(object: JsonFields): DirectLimits {
	const limits = objectField(object, "limits");
	return {
		messageBytes: integerField(limits, "messageBytes", 1, 0xff_ff_ff),
		metadataBytes: integerField(limits, "metadataBytes", 0, PEER_METADATA_BYTES),
		connectionWindowBytes: connectionWindowField(limits),
	};
}
