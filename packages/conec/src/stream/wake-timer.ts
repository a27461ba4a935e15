/**
 * The one timer of a machine that says when it wants to be woken.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";

/** See the module. */
export class WakeTimer {
	readonly #clock: Clock;
	readonly #wake: () => void;
	#timer: unknown = undefined;

	constructor(clock: Clock, wake: () => void) {
		this.#clock = clock;
		this.#wake = wake;
	}

	/** Wakes at that time of the clock, and no more at a time that was set before. `undefined`: not at all. */
	set(ms: number | undefined): void {
		this.#clock.clearTimeout(this.#timer);
		this.#timer = ms === undefined ? undefined : this.#clock.setTimeout(this.#wake, ms - this.#clock.now());
	}
}
