/**
 * Which refusals a Coordinator's log shows: for each reason and address one a second, with how many there were in between, so
 * that one bad Client cannot fill the log.
 *
 * @module
 */

/** See {@link Refusals.note}. */
export interface Noted {
	/** Whether this one is shown. */
	readonly shown: boolean;
	/** How many for the same reason from the same address were not, since the last that was. */
	readonly left: number;
}

/** Counts what is not shown. */
export class Refusals {
	/** Latest last. */
	readonly #recent: Map<string, { atMs: number; left: number }> = new Map();

	/** One more refusal, at `nowMs` (monotonic). */
	note(code: string, address: string, nowMs: number): Noted {
		const key = `${code} ${address}`;
		const before = this.#recent.get(key);
		if (before !== undefined && nowMs - before.atMs < INTERVAL_MS) {
			before.left++;
			return { shown: false, left: 0 };
		}
		this.#recent.delete(key);
		this.#recent.set(key, { atMs: nowMs, left: 0 });
		for (const oldest of this.#recent.keys()) {
			if (this.#recent.size <= KEPT) break;
			this.#recent.delete(oldest);
		}
		return { shown: true, left: before?.left ?? 0 };
	}
}

const INTERVAL_MS = 1_000;

/** Reasons and addresses that are remembered. */
const KEPT = 1_000;
