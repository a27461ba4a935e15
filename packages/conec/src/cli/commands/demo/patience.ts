/**
 * How long the demonstration waits for something to happen. It looks once a second, and counts looks, not time: what comes late because the machine
 * is busy, stood still or has slept counts once.
 *
 * @module
 */

import type { Clock, Timer } from "../../surroundings/index.ts";

/** What {@link Patience} tells. */
export interface Impatience {
	/** Nothing has happened for {@link SLOW_SECONDS}. Called once for a pause. */
	readonly slow: () => void;
	/** Nothing has happened for {@link MOST_SECONDS}. The last call. */
	readonly giveUp: () => void;
}

/** All of the demonstration takes less where nothing else is going on. */
export const SLOW_SECONDS = 18;
/** What takes longer than this hangs, also on a machine that is very busy: on one with a load of 30, a step took more than {@link SLOW_SECONDS}. */
export const MOST_SECONDS = 300;

/** See the module. */
export class Patience {
	readonly #clock: Clock;
	readonly #tells: Impatience;
	#timer: Timer;
	/** Since something has happened. */
	#looks = 0;

	constructor(clock: Clock, tells: Impatience) {
		this.#clock = clock;
		this.#tells = tells;
		this.#timer = this.#look();
	}

	/** Something has happened. */
	renew(): void {
		this.#looks = 0;
	}

	/** Nothing is told any more. */
	end(): void {
		this.#timer.cancel();
	}

	#look(): Timer {
		return this.#clock.after(LOOK_MS, () => {
			this.#looks++;
			if (this.#looks === MOST_SECONDS) return this.#tells.giveUp();
			if (this.#looks === SLOW_SECONDS) this.#tells.slow();
			this.#timer = this.#look();
		});
	}
}

const LOOK_MS = 1_000;
