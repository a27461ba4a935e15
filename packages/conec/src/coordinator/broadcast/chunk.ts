/**
 * Messages of one moment, encoded once for all members.
 *
 * @module
 */

import { UNIT_COST_BYTES } from "../../stream/windows/index.ts";
import { taggedFrameBytes, writeTaggedFrame } from "../../wire/broadcast.ts";
import { FRAME_HEADER_BYTES } from "../../wire/frames.ts";

/** What a frame costs on a stream beside its bytes. */
export const FRAME_COST_BYTES: number = UNIT_COST_BYTES - FRAME_HEADER_BYTES;

/** A sender, with the encoded form of its id. */
export interface Sender {
	readonly id: string;
	readonly bytes: Uint8Array;
}

/** A message that has no number yet. */
export interface Unstamped {
	readonly sender: Sender;
	readonly payload: Uint8Array;
}

/** Messages with consecutive numbers, as consecutive TAGGED frames. Only its holders change. */
export interface Chunk {
	readonly bytes: Uint8Array;
	readonly firstSeq: number;
	/** Where each frame ends. */
	readonly ends: readonly number[];
	/** The sender of each message. */
	readonly senders: readonly string[];
	/** When it was stamped. */
	readonly atMs: number;
	/** How many queues and histories keep it; see `HeldBytes`. */
	holders: number;
}

/** Stamps messages with numbers from `firstSeq` on. There must be at least one. */
export function encodeChunk(messages: readonly Unstamped[], firstSeq: number, epoch: Uint8Array, atMs: number): Chunk {
	let length = 0;
	for (const { sender, payload } of messages) length += taggedFrameBytes(sender.bytes.length, payload.length);
	const bytes = Buffer.allocUnsafeSlow(length); // not from the pool: a chunk that is kept must not keep other memory
	const ends: number[] = [];
	const senders: string[] = [];
	let at = 0;
	for (const { sender, payload } of messages) {
		at = writeTaggedFrame(bytes, at, sender.bytes, epoch, firstSeq + ends.length, payload);
		ends.push(at);
		senders.push(sender.id);
	}
	return { bytes, firstSeq, ends, senders, atMs, holders: 0 };
}

/** The frames of a chunk that nothing keeps. They are valid until the next call. */
export function encodeFrames(messages: readonly Unstamped[], firstSeq: number, epoch: Uint8Array): Uint8Array {
	let length = 0;
	for (const { sender, payload } of messages) length += taggedFrameBytes(sender.bytes.length, payload.length);
	// The same memory is used again and again. Otherwise the process would grow until the next garbage collection.
	const bytes = length <= SCRATCH_BYTES ? scratch : new Uint8Array(length);
	let at = 0;
	for (let i = 0; i < messages.length; i++) {
		const { sender, payload } = messages[i] as Unstamped;
		at = writeTaggedFrame(bytes, at, sender.bytes, epoch, firstSeq + i, payload);
	}
	return bytes.subarray(0, length);
}

const SCRATCH_BYTES = 128 * 1_024;
const scratch = new Uint8Array(SCRATCH_BYTES);

/** The frames `from` to `to` (exclusive). */
export function framesOf(chunk: Chunk, from: number, to: number): Uint8Array {
	return from === 0 && to === chunk.ends.length ? chunk.bytes : chunk.bytes.subarray(startOf(chunk, from), chunk.ends[to - 1]);
}

/** Bytes of the frames `from` to `to` (exclusive). */
export function bytesBetween(chunk: Chunk, from: number, to: number): number {
	return (chunk.ends[to - 1] as number) - startOf(chunk, from);
}

/** What the frames `from` to `to` (exclusive) cost on a stream. */
export function costBetween(chunk: Chunk, from: number, to: number): number {
	return bytesBetween(chunk, from, to) + FRAME_COST_BYTES * (to - from);
}

/** One message with a copy of its bytes, so that it does not keep the other messages. */
export function isolated(chunk: Chunk, index: number): Chunk {
	if (chunk.ends.length === 1) return chunk;
	const bytes = Buffer.from(framesOf(chunk, index, index + 1));
	return { bytes, firstSeq: chunk.firstSeq + index, ends: [bytes.length], senders: [chunk.senders[index] as string], atMs: chunk.atMs, holders: 0 };
}

function startOf(chunk: Chunk, index: number): number {
	return index === 0 ? 0 : (chunk.ends[index - 1] as number);
}
