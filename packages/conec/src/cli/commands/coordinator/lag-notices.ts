/**
 * Which changes of slow members a Coordinator's log shows: for each member of a broadcast at most one a second, and always the
 * last one.
 *
 * @module
 */

import type { BroadcastStatus } from "../../../index.ts";
import type { Clock } from "../../surroundings/index.ts";

/** Spaces notices out. */
export class LagNotices {
	readonly #show: (status: BroadcastStatus, left: number) => void;
	readonly #clock: Pick<Clock, "after">;
	/** Members of which something was shown within the last second. */
	readonly #recent: Map<string, { waiting: BroadcastStatus | undefined; left: number }> = new Map();

	/** `show` gets how many changes of that member were left out before this one. */
	constructor(clock: Pick<Clock, "after">, show: (status: BroadcastStatus, left: number) => void) {
		this.#show = show;
		this.#clock = clock;
	}

	/** A change. */
	note(status: BroadcastStatus): void {
		// Neither a name nor an id has a space.
		const key = `${status.name} ${status.id}`;
		const recent = this.#recent.get(key);
		if (recent === undefined) return this.#showNow(key, status, 0);
		if (recent.waiting !== undefined) recent.left++;
		recent.waiting = status;
	}

	#showNow(key: string, status: BroadcastStatus, left: number): void {
		const recent: { waiting: BroadcastStatus | undefined; left: number } = { waiting: undefined, left: 0 };
		this.#recent.set(key, recent);
		this.#show(status, left);
		const over = (): void => {
			if (recent.waiting === undefined) this.#recent.delete(key);
			else this.#showNow(key, recent.waiting, recent.left);
		};
		this.#clock.after(INTERVAL_MS, over, "background");
	}
}

const INTERVAL_MS = 1_000;
