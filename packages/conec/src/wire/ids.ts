/**
 * Names: ids of Clients, names of broadcasts and of protocols, numbers of streams. What is not exactly right is refused, never normalised.
 *
 * @module
 */

/** Longest id, in bytes (they are ASCII). */
export const ID_BYTES = 63;

/** Longest name of a broadcast, in bytes (they are ASCII). */
export const BROADCAST_NAME_BYTES = 128;

/** Longest name of a protocol, in bytes (they are ASCII). */
export const PROTOCOL_BYTES = 64;

/** Greatest number of a stream that an application may choose. */
export const EXPLICIT_STREAM_ID_MAX = 0xff_ff_ff_ff;

/** Where automatic numbers of streams begin. */
export const AUTOMATIC_STREAM_ID_MIN = 0x1_00_00_00_00;

/**
 * Why `id` is not an id, or `undefined` if it is one: labels `[a-z0-9]([a-z0-9-]*[a-z0-9])?` joined by dots, 1-63 bytes
 * in all, no label begins `xn--`, the last is not all digits. So every id is a valid DNS name in a certificate and in SNI.
 */
export function idProblem(id: unknown): string | undefined {
	if (typeof id !== "string") {
		return "is not a string";
	}
	if (id.length === 0 || id.length > ID_BYTES) {
		return `must have 1 to ${ID_BYTES} characters`;
	}
	if (!LABELS.test(id)) {
		return "must be labels of a-z, 0-9 and inner hyphens, joined by dots";
	}
	if (id.startsWith("xn--") || id.includes(".xn--")) {
		return "must have no label that begins with xn--";
	}
	if (DIGITS.test(id.slice(id.lastIndexOf(".") + 1))) {
		return "must not end in a label of digits only";
	}
	return undefined;
}

/** Whether `id` is an id; {@link idProblem} says why not. */
export function isId(id: unknown): id is string {
	return idProblem(id) === undefined;
}

/** Whether `name` can name a broadcast: `[a-z0-9._-]`, 1-128 bytes. */
export function isBroadcastName(name: unknown): name is string {
	return typeof name === "string" && name.length <= BROADCAST_NAME_BYTES && BROADCAST_NAME.test(name);
}

/** Whether `name` can name the protocol of a stream: `[a-z0-9./-]`, 1-64 bytes. */
export function isProtocol(name: unknown): name is string {
	return typeof name === "string" && name.length <= PROTOCOL_BYTES && PROTOCOL.test(name);
}

/** Whether `id` can number a stream on the wire: an integer, 0 to 2^53 - 1. */
export function isStreamId(id: unknown): id is number {
	return Number.isSafeInteger(id) && (id as number) >= 0;
}

/** Whether an application may choose `id` for a stream: an integer, 0 to 2^32 - 1. */
export function isExplicitStreamId(id: unknown): id is number {
	return isStreamId(id) && id <= EXPLICIT_STREAM_ID_MAX;
}

// Each label is matched by one run and its last character, so there is nothing to backtrack into.
const LABELS = /^[a-z0-9](?:[a-z0-9]|-+[a-z0-9])*(?:\.[a-z0-9](?:[a-z0-9]|-+[a-z0-9])*)*$/;
const DIGITS = /^[0-9]+$/;
const BROADCAST_NAME = /^[a-z0-9._-]+$/;
const PROTOCOL = /^[a-z0-9./-]+$/;
