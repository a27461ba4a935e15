/**
 * Attempts that both want and that do not begin yet: one of the two seems to have moved and has been asked whether it is there. At its old
 * address they would be in vain.
 *
 * @module
 */

import type { Located, Whereabouts } from "../addresses/index.ts";

/** See the module. Bounded by the attempts that there are. Pure: takes the time. */
export class WaitingAttempts<S extends Located, A extends { readonly requester: S; readonly target: S }> {
	readonly #whereabouts: Whereabouts<S>;
	/** Until when each waits at most. */
	readonly #waiting: Map<A, number> = new Map();

	constructor(whereabouts: Whereabouts<S>) {
		this.#whereabouts = whereabouts;
	}

	/** False: it need not wait. */
	add(attempt: A, nowMs: number): boolean {
		if (!this.#mustWait(attempt)) return false;
		this.#waiting.set(attempt, nowMs + LONGEST_MS);
		return true;
	}

	/** Those that wait no longer; some may be over. */
	due(nowMs: number): A[] {
		const due = [...this.#waiting].filter(([attempt, untilMs]) => nowMs >= untilMs || !this.#mustWait(attempt)).map(([attempt]) => attempt);
		for (const attempt of due) this.#waiting.delete(attempt);
		return due;
	}

	/** Attempts that wait. */
	get size(): number {
		return this.#waiting.size;
	}

	/** Forgets all. */
	clear(): void {
		this.#waiting.clear();
	}

	#mustWait({ requester, target }: A): boolean {
		return this.#whereabouts.moving(requester) || this.#whereabouts.moving(target);
	}
}

/** However often an address changes meanwhile. */
const LONGEST_MS = 1000;
