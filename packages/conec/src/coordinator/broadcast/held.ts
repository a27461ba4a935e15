/**
 * What all broadcasts of a Coordinator keep in memory: messages and presence that wait for slow members, and histories.
 *
 * @module
 */

import type { Chunk } from "./chunk.ts";
import type { Presence } from "./roster.ts";

/** What several may keep. */
export type Kept = Chunk | Presence;

/** About what an entry of a queue takes besides the message, which others may share. */
export const ENTRY_BYTES = 128;

/** About what a chunk or a change takes besides its bytes, and each message in a chunk. */
const OBJECT_BYTES = 256;
const MESSAGE_BYTES = 16;

function sizeOf(kept: Kept): number {
	// A change keeps, beside its frame, what stood before: as long at most.
	return OBJECT_BYTES + ("frame" in kept ? 2 * kept.frame.length : kept.bytes.length + MESSAGE_BYTES * kept.ends.length);
}

/** A sum in which each chunk or change counts once, whoever keeps it and however little of it. */
export class HeldBytes {
	readonly #limitBytes: number;
	readonly #exceeded: () => void;
	#bytes = 0;

	/** `exceeded` is called by whatever goes beyond the limit, and is to see to it that some is let go of soon. */
	constructor(limitBytes: number = Number.POSITIVE_INFINITY, exceeded: () => void = () => undefined) {
		this.#limitBytes = limitBytes;
		this.#exceeded = exceeded;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** One more keeps it. */
	hold(kept: Kept): void {
		this.#bytes += ENTRY_BYTES + (kept.holders++ === 0 ? sizeOf(kept) : 0);
		if (this.#bytes > this.#limitBytes) this.#exceeded();
	}

	/** One keeps it no more. */
	release(kept: Kept): void {
		this.#bytes -= ENTRY_BYTES + (--kept.holders === 0 ? sizeOf(kept) : 0);
	}
}
