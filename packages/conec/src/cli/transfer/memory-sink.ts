/**
 * Collects a small file in memory, so that many can be written at once.
 *
 * @module
 */

/** Grows up to a limit. */
export class MemorySink {
	readonly #limit: number;
	#buffer: Uint8Array;
	#length = 0;

	/** `size` is what is expected, at most `limit`. */
	constructor(size: number, limit: number) {
		this.#limit = limit;
		this.#buffer = new Uint8Array(Math.min(size, limit));
	}

	/** What was collected; a view, valid until the next `add`. */
	get content(): Uint8Array {
		return this.#buffer.subarray(0, this.#length);
	}

	/** Appends. False, and nothing is taken, when it would exceed the limit. */
	add(data: Uint8Array): boolean {
		const length = this.#length + data.length;
		if (length > this.#limit) return false;
		if (length > this.#buffer.length) {
			const larger = new Uint8Array(Math.min(this.#limit, Math.max(length, 2 * this.#buffer.length)));
			larger.set(this.content);
			this.#buffer = larger;
		}
		this.#buffer.set(data, this.#length);
		this.#length = length;
		return true;
	}
}
