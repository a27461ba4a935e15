/**
 * A bound on how often something is done.
 *
 * @module
 */

/** So many times in any one second of the clock's. Pure: takes the time. */
export class RateLimit {
	readonly #perSecond: number;
	#second = Number.NEGATIVE_INFINITY;
	#done = 0;

	constructor(perSecond: number) {
		this.#perSecond = perSecond;
	}

	/** Whether to do it once more now; then it is counted. */
	take(nowMs: number): boolean {
		const second = Math.floor(nowMs / 1_000);
		if (second !== this.#second) {
			this.#second = second;
			this.#done = 0;
		}
		return ++this.#done <= this.#perSecond;
	}
}
