/**
 * What all broadcasts of a Coordinator keep in memory: messages and presence that wait for slow members, and histories.
 *
 * @module
 */

import type { Chunk } from "./chunk.ts";
import type { Presence } from "./roster.ts";

/** Something that several queues and histories may keep. */
export type Kept = Chunk | Presence;

/** About the memory that an entry of a queue takes besides the message, which is shared. */
export const ENTRY_BYTES = 128;

/** About the memory that a chunk or a change takes besides its bytes, and that each message in a chunk takes. */
const OBJECT_BYTES = 256;
const MESSAGE_BYTES = 16;

function sizeOf(kept: Kept): number {
	// Besides its frame, a change keeps the entry before it, which is at most as long.
	return OBJECT_BYTES + ("frame" in kept ? 2 * kept.frame.length : kept.bytes.length + MESSAGE_BYTES * kept.ends.length);
}

/** A sum in which each chunk or change counts once, however many keep it and however little of it they need. */
export class HeldBytes {
	readonly #limitBytes: number;
	readonly #exceeded: () => void;
	#bytes = 0;

	/** `exceeded` is called when the sum goes beyond the limit. It must free some memory soon. */
	constructor(limitBytes: number = Number.POSITIVE_INFINITY, exceeded: () => void = () => undefined) {
		this.#limitBytes = limitBytes;
		this.#exceeded = exceeded;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** One more queue or history keeps it. */
	hold(kept: Kept): void {
		this.#bytes += ENTRY_BYTES + (kept.holders++ === 0 ? sizeOf(kept) : 0);
		if (this.#bytes > this.#limitBytes) this.#exceeded();
	}

	/** A queue or history no longer keeps it. */
	release(kept: Kept): void {
		this.#bytes -= ENTRY_BYTES + (--kept.holders === 0 ? sizeOf(kept) : 0);
	}
}
