/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */

import { argumentError } from "../errors.ts";
import type { Clock } from "./clock.ts";

interface VirtualTimer {
	readonly at: number;
	/** Breaks ties: timers of one moment fire in the order they were set. */
	readonly order: number;
	readonly callback: () => void;
}

/** See {@link createVirtualClock}. */
export interface VirtualClock extends Clock {
	/** Timers that are set. */
	readonly pending: number;
	/**
	 * Moves time forward, firing each timer at its moment; between two moments everything that was already going on (promises,
	 * microtasks, immediates) runs to its end. Timers set on the way fire too if they are due.
	 */
	advance(ms: number): Promise<void>;
}

/** A clock at 0 that only {@link VirtualClock.advance} moves. */
export function createVirtualClock(): VirtualClock {
	const timers = new Set<VirtualTimer>();
	let now = 0;
	let order = 0;
	return {
		now: () => now,
		setTimeout(callback, delayMs) {
			const timer: VirtualTimer = { at: now + Math.max(0, delayMs), order: order++, callback };
			timers.add(timer);
			return timer;
		},
		clearTimeout(timer) {
			timers.delete(timer as VirtualTimer);
		},
		get pending() {
			return timers.size;
		},
		async advance(ms) {
			if (!(ms >= 0)) {
				throw argumentError("range", "OPTION_INVALID", "Time moves forward only");
			}
			const until = now + ms;
			await settle();
			for (let next = earliest(timers, until); next !== undefined; next = earliest(timers, until)) {
				timers.delete(next);
				now = next.at;
				next.callback();
				await settle();
			}
			now = until;
		},
	};
}

function earliest(timers: ReadonlySet<VirtualTimer>, until: number): VirtualTimer | undefined {
	let found: VirtualTimer | undefined;
	for (const timer of timers) {
		if (timer.at <= until && (found === undefined || timer.at < found.at || (timer.at === found.at && timer.order < found.order))) {
			found = timer;
		}
	}
	return found;
}

/** Two turns of the event loop: what an immediate schedules as an immediate has run as well. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 2; turn++) {
		await new Promise((resolve) => setImmediate(resolve));
	}
}
