/**
 * Earlier messages of one broadcast, for members that join later.
 *
 * @module
 */

import { bytesBetween, type Chunk } from "./chunk.ts";
import { HeldBytes } from "./held.ts";

/** Bounds of what is kept. All of them hold. */
export interface HistoryBounds {
	/** 0: nothing is kept. */
	readonly messages: number;
	readonly bytes: number;
	/** Infinity: as long as the broadcast lives. */
	readonly ageMs: number;
}

/** Consecutive messages of one chunk. */
export interface ChunkPart {
	readonly chunk: Chunk;
	readonly from: number;
	readonly to: number;
}

/** See the module. */
export class History {
	readonly #bounds: HistoryBounds;
	readonly #held: HeldBytes;
	#chunks: Chunk[] = [];
	/** Chunks at the front that are forgotten. They are removed now and then. */
	#head = 0;
	/** Messages of the first chunk that are forgotten. */
	#skipped = 0;
	#messages = 0;
	#bytes = 0;
	/** Every message up to here is forgotten. */
	#forgottenSeq = 0;

	/** `held` counts what is kept. */
	constructor(bounds: HistoryBounds, held: HeldBytes = new HeldBytes()) {
		this.#bounds = bounds;
		this.#held = held;
	}

	/** Messages that are kept. */
	get messages(): number {
		return this.#messages;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** Whether anything is ever kept. */
	get keeps(): boolean {
		return this.#bounds.messages > 0;
	}

	/** Instead of {@link push} if nothing is kept: messages up to `seq` have been sent. */
	skip(seq: number): void {
		this.#forgottenSeq = seq;
	}

	/** Keeps a new chunk, and forgets old messages to make room for it. */
	push(chunk: Chunk): void {
		const count = chunk.ends.length;
		if (!this.keeps) return this.skip(chunk.firstSeq + count - 1);
		this.#chunks.push(chunk);
		this.#held.hold(chunk);
		this.#messages += count;
		this.#bytes += chunk.bytes.length;
		this.#trim(chunk.atMs);
	}

	/** Forgets all of it. */
	clear(): void {
		while (this.#head < this.#chunks.length) {
			const chunk = this.#chunks[this.#head] as Chunk;
			this.#forget(chunk, chunk.ends.length);
		}
		this.#chunks = [];
		this.#head = 0;
	}

	/** All messages after `seq`. `undefined`: some of them are forgotten. */
	since(seq: number, nowMs: number): ChunkPart[] | undefined {
		this.#trim(nowMs);
		return seq < this.#forgottenSeq ? undefined : this.#parts(({ firstSeq }) => Math.max(0, seq + 1 - firstSeq));
	}

	/** The last `count` messages, or as many as there are. */
	last(count: number, nowMs: number): ChunkPart[] {
		this.#trim(nowMs);
		let before = Math.max(0, this.#messages - count);
		return this.#parts(({ ends }, kept) => {
			const from = ends.length - kept + before;
			before = Math.max(0, before - kept);
			return from;
		});
	}

	#parts(start: (chunk: Chunk, kept: number) => number): ChunkPart[] {
		const parts: ChunkPart[] = [];
		for (let i = this.#head; i < this.#chunks.length; i++) {
			const chunk = this.#chunks[i] as Chunk;
			const to = chunk.ends.length;
			const skipped = i === this.#head ? this.#skipped : 0;
			const from = Math.max(skipped, start(chunk, to - skipped));
			if (from < to) parts.push({ chunk, from, to });
		}
		return parts;
	}

	#trim(nowMs: number): void {
		const { messages, bytes, ageMs } = this.#bounds;
		while (this.#head < this.#chunks.length) {
			const chunk = this.#chunks[this.#head] as Chunk;
			const expired = nowMs - chunk.atMs >= ageMs;
			if (!expired && this.#messages <= messages && this.#bytes <= bytes) break;
			if (expired) this.#forget(chunk, chunk.ends.length);
			else this.#forget(chunk, this.#skipped + 1);
		}
		// A chunk lives as long as one of its messages is kept, so little is kept beyond need.
		if (this.#head > 64 && this.#head * 2 > this.#chunks.length) {
			this.#chunks = this.#chunks.slice(this.#head);
			this.#head = 0;
		}
	}

	#forget(chunk: Chunk, to: number): void {
		this.#messages -= to - this.#skipped;
		this.#bytes -= bytesBetween(chunk, this.#skipped, to);
		this.#forgottenSeq = chunk.firstSeq + to - 1;
		if (to === chunk.ends.length) {
			this.#held.release(chunk);
			(this.#chunks as (Chunk | undefined)[])[this.#head] = undefined;
			this.#head++;
			this.#skipped = 0;
		} else {
			this.#skipped = to;
		}
	}
}
