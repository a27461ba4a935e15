/**
 * Units that were sent and are not acknowledged, kept to go again on another leg.
 *
 * @module
 */

import { FRAME, FRAME_HEADER_BYTES, lengthAt } from "../../wire/frames.ts";
import { UNIT_COST_BYTES } from "../windows/index.ts";

/** Whole frames, packed. */
interface Chunk {
	readonly bytes: Uint8Array;
	used: number;
	next: Chunk | undefined;
}

/** Where a unit lies: `number` begins at `offset`. At the end of the last chunk it is the one that comes next. */
interface Place {
	number: number;
	chunk: Chunk | undefined;
	offset: number;
}

/** Units to be written again in one piece. */
export interface Run {
	readonly frames: Uint8Array;
	readonly units: number;
	readonly costBytes: number;
}

const FIRST_CHUNK_BYTES = 1024;
const GREATEST_CHUNK_BYTES = 64 * 1024;

/**
 * Frames are copied once, into chunks. The borders of units are found by walking the headers, so a small message costs
 * its bytes and four more. A chunk goes when all of its units are acknowledged.
 */
export class Kept {
	readonly #first: Place = { number: 1, chunk: undefined, offset: 0 };
	readonly #cursor: Place = { number: 1, chunk: undefined, offset: 0 };
	#last: Chunk | undefined = undefined;
	#next = 1;
	#chunkBytes = FIRST_CHUNK_BYTES;
	#ackedCost = 0;

	/** Bytes that its chunks take. */
	get heldBytes(): number {
		let sum = 0;
		for (let chunk = this.#first.chunk; chunk !== undefined; chunk = chunk.next) sum += chunk.bytes.length;
		return sum;
	}

	/** Keeps the next unit. */
	add(kind: number, payload: Uint8Array): void {
		const bytes = FRAME_HEADER_BYTES + payload.length;
		let chunk = this.#last;
		if (chunk === undefined || chunk.bytes.length - chunk.used < bytes) chunk = this.#extend(bytes);
		const at = chunk.used;
		chunk.bytes[at] = kind;
		chunk.bytes[at + 1] = payload.length >>> 16;
		chunk.bytes[at + 2] = payload.length >>> 8;
		chunk.bytes[at + 3] = payload.length;
		chunk.bytes.set(payload, at + FRAME_HEADER_BYTES);
		chunk.used = at + bytes;
		this.#next++;
	}

	/** Lets go of the units up to `number`, and gives what all units until then have cost. */
	upTo(number: number): number {
		const first = this.#first;
		while (first.number <= number && first.number < this.#next) this.#ackedCost += pass(first);
		if (first.number === this.#next) this.#clear();
		else skipEnd(first);
		return this.#ackedCost;
	}

	/**
	 * The next units to go again, from `number` on, which must be kept: as many in a row as lie together and `take` takes,
	 * which is asked with the cost of each. `undefined`: none.
	 */
	run(number: number, take: (costBytes: number) => boolean): Run | undefined {
		const cursor = this.#cursor;
		if (cursor.chunk === undefined || cursor.number > number || cursor.number < this.#first.number) Object.assign(cursor, this.#first);
		while (cursor.number < number) pass(cursor);
		skipEnd(cursor);
		const { chunk, offset } = cursor;
		if (chunk === undefined) return undefined;
		let costBytes = 0;
		while (cursor.offset < chunk.used && cursor.chunk === chunk) {
			const cost = costAt(chunk.bytes, cursor.offset);
			if (!take(cost)) break;
			costBytes += cost;
			cursor.number++;
			cursor.offset += FRAME_HEADER_BYTES + lengthAt(chunk.bytes, cursor.offset);
		}
		return cursor.number === number ? undefined : { frames: chunk.bytes.subarray(offset, cursor.offset), units: cursor.number - number, costBytes };
	}

	#extend(bytes: number): Chunk {
		const chunk: Chunk = { bytes: new Uint8Array(Math.max(bytes, this.#chunkBytes)), used: 0, next: undefined };
		this.#chunkBytes = Math.min(this.#chunkBytes * 2, GREATEST_CHUNK_BYTES);
		if (this.#last === undefined) this.#first.chunk = chunk;
		else this.#last.next = chunk;
		this.#last = chunk;
		return chunk;
	}

	#clear(): void {
		this.#last = undefined;
		this.#first.chunk = undefined;
		this.#first.offset = 0;
		this.#cursor.chunk = undefined;
		this.#chunkBytes = FIRST_CHUNK_BYTES;
	}
}

/** Goes over one unit, and gives its cost. */
function pass(place: Place): number {
	skipEnd(place);
	const { bytes } = place.chunk as Chunk;
	const cost = costAt(bytes, place.offset);
	place.number++;
	place.offset += FRAME_HEADER_BYTES + lengthAt(bytes, place.offset);
	return cost;
}

/** From the end of a chunk to the beginning of the next one. */
function skipEnd(place: Place): void {
	while (place.chunk !== undefined && place.offset === place.chunk.used && place.chunk.next !== undefined) {
		place.chunk = place.chunk.next;
		place.offset = 0;
	}
}

function costAt(bytes: Uint8Array, offset: number): number {
	const kind = bytes[offset];
	return kind === FRAME.END || kind === FRAME.RESET ? 0 : lengthAt(bytes, offset) + UNIT_COST_BYTES;
}
