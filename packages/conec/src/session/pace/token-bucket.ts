/**
 * So many a second, with a burst. Takes the time as an argument.
 *
 * @module
 */

/** A bucket that is full at first, and fills evenly. */
export class TokenBucket {
	readonly #perSecond: number;
	readonly #burst: number;
	#left: number;
	#atMs: number;

	/** `burst`: how many it holds at most. */
	constructor(perSecond: number, burst: number, nowMs: number) {
		this.#perSecond = perSecond;
		this.#burst = burst;
		this.#left = burst;
		this.#atMs = nowMs;
	}

	/** Takes what `cost` says, at most what a full bucket holds. False: there is not as much now, and nothing is taken. */
	take(nowMs: number, cost: number): boolean {
		const taken = Math.min(cost, this.#burst);
		if (this.#left < taken) {
			this.#fill(nowMs);
			if (this.#left < taken) return false;
		}
		this.#left -= taken;
		return true;
	}

	/** In how many milliseconds there is as much as `cost` says. 0: now. */
	waitMs(nowMs: number, cost: number): number {
		this.#fill(nowMs);
		return Math.max(0, Math.ceil(((Math.min(cost, this.#burst) - this.#left) / this.#perSecond) * 1_000));
	}

	#fill(nowMs: number): void {
		this.#left = Math.min(this.#burst, this.#left + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
		this.#atMs = nowMs;
	}
}
