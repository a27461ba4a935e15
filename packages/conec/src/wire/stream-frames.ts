/**
 * The frames beside messages on a stream: what has come, how much may come, where a leg begins, and how a direction ends.
 *
 * Integers are big endian. Those of 64 bits are at most 2^53 - 1. A payload that is longer than its fields is allowed,
 * and the rest of it is ignored. Decoders give `undefined` for a payload that is too short and for a number that is too
 * large: the frame is invalid.
 *
 * @module
 */

import { APPLICATION_CODE_MAX } from "./codes.ts";

/** RESUMABLE: what the acceptor says first on each leg. */
export interface Resumable {
	/** How many units of the opener are in the acceptor's process. */
	readonly received: number;
	/** Up to which cumulative cost the opener may send, in bytes. */
	readonly limit: number;
	/** How long both sides keep a stream that no leg carries; 0: not at all. */
	readonly forMs: number;
	/** The longest message that the acceptor takes. */
	readonly messageBytes: number;
}

/** ACK: how much has come, and how much may come. */
export interface Ack {
	/** How many units are in the process of the side that says so. */
	readonly received: number;
	/** Up to which cumulative cost the other side may send, in bytes. */
	readonly limit: number;
}

/** The payload of RESUMABLE. */
export function encodeResumable(resumable: Resumable): Uint8Array {
	const payload = small(24);
	writeCount(payload, 0, resumable.received);
	writeCount(payload, 8, resumable.limit);
	writeU32(payload, 16, resumable.forMs);
	writeU32(payload, 20, resumable.messageBytes);
	return payload;
}

/** Reads a RESUMABLE. */
export function decodeResumable(payload: Uint8Array): Resumable | undefined {
	if (payload.length < 24) return undefined;
	const [received, limit] = [readCount(payload, 0), readCount(payload, 8)];
	if (received === undefined || limit === undefined) return undefined;
	return { received, limit, forMs: readU32(payload, 16), messageBytes: readU32(payload, 20) };
}

/** The payload of ACK. */
export function encodeAck(received: number, limit: number): Uint8Array {
	const payload = small(16);
	writeCount(payload, 0, received);
	writeCount(payload, 8, limit);
	return payload;
}

/** Reads an ACK. */
export function decodeAck(payload: Uint8Array): Ack | undefined {
	if (payload.length < 16) return undefined;
	const [received, limit] = [readCount(payload, 0), readCount(payload, 8)];
	return received === undefined || limit === undefined ? undefined : { received, limit };
}

/** The payload of FROM, with the number of a leg's first unit, and of BLOCKED, with a cumulative cost in bytes. */
export function encodeCount(count: number): Uint8Array {
	const payload = small(8);
	writeCount(payload, 0, count);
	return payload;
}

/** Reads a FROM or a BLOCKED. */
export function decodeCount(payload: Uint8Array): number | undefined {
	return payload.length < 8 ? undefined : readCount(payload, 0);
}

/** The payload of STOP and of RESET: the application's code. */
export function encodeCode(code: number): Uint8Array {
	const payload = small(4);
	writeU32(payload, 0, code);
	return payload;
}

/** Reads a STOP or a RESET. */
export function decodeCode(payload: Uint8Array): number | undefined {
	if (payload.length < 4) return undefined;
	const code = readU32(payload, 0);
	return code > APPLICATION_CODE_MAX ? undefined : code;
}

const POOL_BYTES = 4_096;
let pool = new ArrayBuffer(POOL_BYTES);
let used = 0;

/** A short array of its own bytes. Many share one buffer: a buffer for each costs more than all else that is done with it, as it is made when the addon looks into the array. */
function small(bytes: number): Uint8Array {
	if (used + bytes > POOL_BYTES) {
		pool = new ArrayBuffer(POOL_BYTES);
		used = 0;
	}
	used += bytes;
	return new Uint8Array(pool, used - bytes, bytes);
}

const TWO_32 = 0x1_0000_0000;
/** The upper half of 2^53 - 1. */
const HIGH_MAX = 0x1f_ffff;

function writeCount(bytes: Uint8Array, offset: number, value: number): void {
	writeU32(bytes, offset, Math.floor(value / TWO_32));
	writeU32(bytes, offset + 4, value);
}

function readCount(bytes: Uint8Array, offset: number): number | undefined {
	const high = readU32(bytes, offset);
	return high > HIGH_MAX ? undefined : high * TWO_32 + readU32(bytes, offset + 4);
}

function writeU32(bytes: Uint8Array, offset: number, value: number): void {
	bytes[offset] = value >>> 24;
	bytes[offset + 1] = value >>> 16;
	bytes[offset + 2] = value >>> 8;
	bytes[offset + 3] = value;
}

function readU32(bytes: Uint8Array, offset: number): number {
	return (
		(((bytes[offset] as number) << 24) | ((bytes[offset + 1] as number) << 16) | ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number)) >>> 0
	);
}
