/**
 * Frames that wait, in the order in which they came. They are copied into one piece of memory: a small frame costs its bytes and four
 * more, and does not keep alive the memory that it came in.
 *
 * @module
 */

import { FRAME_HEADER_BYTES, lengthAt } from "../../wire/frames.ts";

/** See the module. It has no bound of its own: what it holds is not given back as credit, so the credit bounds it. */
export class HeldFrames {
	#bytes: Uint8Array = NOTHING;
	#from = 0;
	#to = 0;

	/** Whether none waits. */
	get isEmpty(): boolean {
		return this.#from === this.#to;
	}

	/** The length of the payload of the first. Only if one waits. */
	get firstLength(): number {
		return lengthAt(this.#bytes, this.#from);
	}

	/** Lets one wait. */
	push(kind: number, payload: Uint8Array): void {
		this.#makeRoom(FRAME_HEADER_BYTES + payload.length);
		const bytes = this.#bytes;
		bytes[this.#to] = kind;
		bytes[this.#to + 1] = payload.length >>> 16;
		bytes[this.#to + 2] = payload.length >>> 8;
		bytes[this.#to + 3] = payload.length;
		bytes.set(payload, this.#to + FRAME_HEADER_BYTES);
		this.#to += FRAME_HEADER_BYTES + payload.length;
	}

	/** Gives the first to `take`, and forgets it. Only if one waits. */
	shift(take: (kind: number, payload: Uint8Array) => void): void {
		const bytes = this.#bytes;
		const start = this.#from + FRAME_HEADER_BYTES;
		const kind = bytes[this.#from] as number;
		this.#from = start + this.firstLength;
		const payload = bytes.slice(start, this.#from);
		if (this.isEmpty) this.clear();
		take(kind, payload);
	}

	/** Forgets all. */
	clear(): void {
		this.#bytes = NOTHING;
		this.#from = this.#to = 0;
	}

	#makeRoom(bytes: number): void {
		if (this.#to + bytes <= this.#bytes.length) return;
		const used = this.#to - this.#from;
		const enough = Math.max(LEAST_BYTES, 2 * (used + bytes));
		const room = enough > this.#bytes.length ? new Uint8Array(enough) : this.#bytes;
		room.set(this.#bytes.subarray(this.#from, this.#to));
		this.#bytes = room;
		this.#from = 0;
		this.#to = used;
	}
}

const NOTHING = new Uint8Array(0);
const LEAST_BYTES = 1_024;
