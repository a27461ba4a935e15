/**
 * So many a minute. Takes the time as an argument.
 *
 * @module
 */

/** A bucket that holds what one minute allows, is full at first, and fills evenly. */
export class Allowance {
	readonly #perMinute: number;
	#left: number;
	#atMs: number;

	constructor(perMinute: number, nowMs: number) {
		this.#perMinute = perMinute;
		this.#left = perMinute;
		this.#atMs = nowMs;
	}

	/** Takes one; or else, in how many milliseconds there will be one. */
	take(nowMs: number): { readonly type: "taken" } | { readonly type: "refused"; readonly retryAfterMs: number | undefined } {
		this.#left = Math.min(this.#perMinute, this.#left + ((nowMs - this.#atMs) / MINUTE_MS) * this.#perMinute);
		this.#atMs = nowMs;
		if (this.#left < 1)
			return { type: "refused", retryAfterMs: this.#perMinute === 0 ? undefined : Math.ceil(((1 - this.#left) / this.#perMinute) * MINUTE_MS) };
		this.#left--;
		return { type: "taken" };
	}
}

const MINUTE_MS = 60_000;
