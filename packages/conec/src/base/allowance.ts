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

	/** Takes one, or what `cost` says, at most all; or else, in how many milliseconds there will be as much. */
	take(nowMs: number, cost: number = 1): { readonly type: "taken" } | { readonly type: "refused"; readonly retryAfterMs: number | undefined } {
		this.#left = Math.min(this.#perMinute, this.#left + ((nowMs - this.#atMs) / MINUTE_MS) * this.#perMinute);
		this.#atMs = nowMs;
		const taken = Math.max(1, Math.min(cost, this.#perMinute));
		if (this.#left < taken)
			return { type: "refused", retryAfterMs: this.#perMinute === 0 ? undefined : Math.ceil(((taken - this.#left) / this.#perMinute) * MINUTE_MS) };
		this.#left -= taken;
		return { type: "taken" };
	}

	/** One that was taken has not been needed. */
	giveBack(): void {
		this.#left = Math.min(this.#perMinute, this.#left + 1);
	}
}

const MINUTE_MS = 60_000;
