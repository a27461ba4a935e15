/**
 * What all broadcasts of a Coordinator keep in memory: messages that wait for slow members, and histories.
 *
 * @module
 */

import type { Chunk } from "./broadcast-chunk.ts";

/** About what an entry of a queue takes besides the message, which others may share. */
export const ENTRY_BYTES = 128;

/** About what a chunk takes besides its bytes, and each message in it. */
const CHUNK_BYTES = 256;
const MESSAGE_BYTES = 16;

function sizeOf({ bytes, ends }: Chunk): number {
	return CHUNK_BYTES + bytes.length + MESSAGE_BYTES * ends.length;
}

/** A sum in which each chunk counts once, whoever keeps it and however little of it. */
export class HeldBytes {
	readonly #limitBytes: number;
	readonly #exceeded: () => void;
	#bytes = 0;

	/** `exceeded` is called by whatever goes beyond the limit, and is to see to it that chunks are let go of soon. */
	constructor(limitBytes: number = Number.POSITIVE_INFINITY, exceeded: () => void = () => undefined) {
		this.#limitBytes = limitBytes;
		this.#exceeded = exceeded;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** One more keeps a chunk. */
	hold(chunk: Chunk): void {
		this.#bytes += ENTRY_BYTES + (chunk.holders++ === 0 ? sizeOf(chunk) : 0);
		if (this.#bytes > this.#limitBytes) this.#exceeded();
	}

	/** One keeps it no more. */
	release(chunk: Chunk): void {
		this.#bytes -= ENTRY_BYTES + (--chunk.holders === 0 ? sizeOf(chunk) : 0);
	}
}
