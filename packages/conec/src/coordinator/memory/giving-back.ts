/**
 * When memory that was freed goes back to the system. Pure.
 *
 * @module
 */

/** Less is not worth it. */
const LEAST_BYTES = 4 * 1_048_576;
/** So long nothing much was freed: what is used again soon may stay. */
const QUIET_MS = 5_000;
/** Where something is freed all the time, it does not wait longer. */
const LONGEST_MS = 30_000;
/** It takes milliseconds each time. */
const PAUSE_MS = 10_000;

/** See the module. */
export class GivingBack {
	#freedBytes = 0;
	#firstMs = 0;
	#lastMs = 0;
	#doneMs = Number.NEGATIVE_INFINITY;

	/** So much was freed. */
	freed(bytes: number, nowMs: number): void {
		if (bytes <= 0) return;
		if (this.#freedBytes === 0) this.#firstMs = nowMs;
		this.#freedBytes += bytes;
		this.#lastMs = nowMs;
	}

	/** Whether there is something to be given back, now or later. */
	get waits(): boolean {
		return this.#freedBytes >= LEAST_BYTES;
	}

	/** Whether it is time. If so, it counts as done. */
	isDue(nowMs: number): boolean {
		if (!this.waits || nowMs - this.#doneMs < PAUSE_MS) return false;
		if (nowMs - this.#lastMs < QUIET_MS && nowMs - this.#firstMs < LONGEST_MS) return false;
		this.#freedBytes = 0;
		this.#doneMs = nowMs;
		return true;
	}
}
