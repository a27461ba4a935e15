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
/** Chunks grow up to this, and then have {@link FULL_CHUNK_BYTES}. */
const GREATEST_CHUNK_BYTES = 64 * 1024;
/** Four messages of 64 KiB, or many short ones. */
const FULL_CHUNK_BYTES = 4 * (64 * 1024 + FRAME_HEADER_BYTES);
/** So many full chunks that are not in use wait for the next stream: a new one must be cleared, which takes longer than to fill it. */
const FREE_CHUNKS = 8;
const FREE: Uint8Array[] = [];

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
		const { bytes: into } = chunk;
		into[at] = kind;
		into[at + 1] = payload.length >>> 16;
		into[at + 2] = payload.length >>> 8;
		into[at + 3] = payload.length;
		into.set(payload, at + FRAME_HEADER_BYTES);
		chunk.used = at + bytes;
		this.#next++;
	}

	/** Lets go of the units up to `number`, and gives what all units until then have cost. */
	upTo(number: number): number {
		const first = this.#first;
		const until = Math.min(number + 1, this.#next);
		while (first.number < until) {
			this.#ackedCost += passSome(first, until);
			const { chunk } = first;
			skipEnd(first);
			if (chunk !== first.chunk) this.#free(chunk);
		}
		if (until === this.#next) this.clear();
		return this.#ackedCost;
	}

	/** Keeps nothing any more. */
	clear(): void {
		for (let chunk = this.#first.chunk; chunk !== undefined; chunk = chunk.next) this.#free(chunk);
		this.#last = undefined;
		this.#first.chunk = undefined;
		this.#first.offset = 0;
		this.#cursor.chunk = undefined;
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
		const chunk: Chunk = { bytes: this.#room(bytes), used: 0, next: undefined };
		if (this.#last === undefined) this.#first.chunk = chunk;
		else this.#last.next = chunk;
		this.#last = chunk;
		return chunk;
	}

	/** Short chunks for those that keep little, or whose peer acknowledges soon. */
	#room(bytes: number): Uint8Array {
		const wanted = Math.max(bytes, this.#chunkBytes);
		this.#chunkBytes = this.#last === undefined ? FIRST_CHUNK_BYTES * 2 : Math.min(this.#chunkBytes * 2, GREATEST_CHUNK_BYTES);
		if (wanted < GREATEST_CHUNK_BYTES || bytes > FULL_CHUNK_BYTES) return new Uint8Array(wanted);
		return FREE.pop() ?? new Uint8Array(FULL_CHUNK_BYTES);
	}

	#free(chunk: Chunk | undefined): void {
		if (chunk?.bytes.length === FULL_CHUNK_BYTES && FREE.length < FREE_CHUNKS) FREE.push(chunk.bytes);
		// One that is run over just now begins anew.
		if (this.#cursor.chunk === chunk) this.#cursor.chunk = undefined;
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

/** Goes over units of one chunk, up to that number, and gives their cost. */
function passSome(place: Place, until: number): number {
	const { bytes, used } = place.chunk as Chunk;
	let { number, offset } = place;
	let cost = 0;
	for (; number < until && offset < used; number++) {
		const length = lengthAt(bytes, offset);
		const kind = bytes[offset];
		if (kind !== FRAME.END && kind !== FRAME.RESET) cost += length + UNIT_COST_BYTES;
		offset += FRAME_HEADER_BYTES + length;
	}
	place.number = number;
	place.offset = offset;
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
