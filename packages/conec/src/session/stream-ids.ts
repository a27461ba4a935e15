/**
 * Numbers of the streams that one entity has opened, over whatever connection: unique while the stream lives.
 *
 * @module
 */

import { argumentError } from "../errors.ts";
import { AUTOMATIC_STREAM_ID_MIN } from "../wire/ids.ts";

/** Numbers in use, and the next automatic one, which is never used again. */
export class StreamIds {
	readonly #used: Set<number> = new Set();
	#next = AUTOMATIC_STREAM_ID_MIN;

	/** Numbers in use. */
	get size(): number {
		return this.#used.size;
	}

	/**
	 * Takes the number that was asked for, or an automatic one.
	 *
	 * @throws RangeError `STREAM_ID_IN_USE`
	 */
	reserve(id: number | undefined): number {
		const taken = id ?? this.#next++;
		if (this.#used.has(taken)) throw argumentError("range", "STREAM_ID_IN_USE", `Cannot open stream ${taken}: a live stream has this number`);
		this.#used.add(taken);
		return taken;
	}

	/** The stream is over, or was never opened. */
	release(id: number): void {
		this.#used.delete(id);
	}
}
