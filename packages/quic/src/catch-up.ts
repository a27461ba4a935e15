/**
 * Those who wait until everything that has come is delivered. Pure: times are arguments, in milliseconds of one clock that never goes back.
 *
 * @module
 */

/** So long they wait at most. A peer that never stops sending must not hold up anything for longer. */
export const CATCH_UP_MS = 500;

/** See the module. */
export class CatchUp {
	/** The first has waited for longest. */
	#waiting: { readonly resolve: () => void; readonly untilMs: number }[] = [];

	/** Something waits to be delivered: `resolve` is called later. */
	add(resolve: () => void, nowMs: number): void {
		this.#waiting.push({ resolve, untilMs: nowMs + CATCH_UP_MS });
	}

	/** Nothing waits to be delivered. */
	release(): void {
		if (this.#waiting.length > 0) this.#resolve(this.#waiting.length);
	}

	/** Those that have waited for too long wait no more. */
	expire(nowMs: number): void {
		const first = this.#waiting.findIndex(({ untilMs }) => untilMs > nowMs);
		this.#resolve(first < 0 ? this.#waiting.length : first);
	}

	#resolve(count: number): void {
		for (const { resolve } of this.#waiting.splice(0, count)) resolve();
	}
}
