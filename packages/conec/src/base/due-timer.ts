/**
 * One timer for something that is to be done by some time, which may become sooner.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** See the module. */
export class DueTimer {
	readonly #clock: Clock;
	readonly #due: () => void;
	#timer: { readonly atMs: number; readonly handle: unknown } | undefined;

	/** `due` is called when it is time; the timer is not set then. */
	constructor(clock: Clock, due: () => void) {
		this.#clock = clock;
		this.#due = due;
	}

	/** Not later than then. */
	by(atMs: number): void {
		if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
		this.clear();
		const fire = (): void => {
			this.#timer = undefined;
			this.#due();
		};
		this.#timer = { atMs, handle: this.#clock.setTimeout(fire, atMs - this.#clock.now()) };
	}

	/** Not at all. */
	clear(): void {
		if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer.handle);
		this.#timer = undefined;
	}
}
