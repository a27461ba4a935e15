/**
 * How often a Client asks by itself for a new channel to a peer whose last one broke. A peer that breaks each at once must not
 * use up the requests that this Client has for everybody.
 *
 * @module
 */

/** See the module. Pure: takes the time. */
export class Renewals {
	/** When the last was, by peer. */
	readonly #last: Map<string, number> = new Map();

	/** Peers that are kept. */
	get size(): number {
		return this.#last.size;
	}

	/** Whether to ask now; then it is noted. */
	take(peer: string, now: number): boolean {
		for (const [one, at] of this.#last) if (at <= now - GAP_MS) this.#last.delete(one);
		if (this.#last.has(peer)) return false;
		this.#last.set(peer, now);
		return true;
	}
}

const GAP_MS = 5_000;
