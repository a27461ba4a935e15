/**
 * One direction of a connection of the memory network: what is posted arrives later, in order.
 *
 * @module
 */

import type { Clock } from "#conec/base/clock";
import { Fifo } from "#conec/base/fifo";

/** Runs an action soon, but never inside the call that asks for it. */
export type Defer = (action: () => void) => void;

/** Defers by the clock, which in real time is to the next turn of the event loop. */
export function createDefer(clock: Clock): Defer {
	return (action) => clock.soon(action);
}

interface Posted {
	readonly at: number;
	readonly action: () => void;
}

/** Delivers in order, each action `delayMs` after it was posted. */
export class MemoryWire {
	readonly #clock: Clock;
	readonly #delayMs: () => number;
	readonly #defer: Defer;
	readonly #posted: Fifo<Posted> = new Fifo();
	#scheduled = false;
	#sealed = false;
	#held = false;
	/** When the last one arrives. */
	#lastAt = 0;
	/** When something last arrived, or when the wire was made. */
	arrivedAt: number;

	/** `delayMs` is asked for each action; none overtakes another. */
	constructor(clock: Clock, delayMs: () => number) {
		this.#clock = clock;
		this.#delayMs = delayMs;
		this.#defer = createDefer(clock);
		this.arrivedAt = clock.now();
	}

	/** Sends an action to the other side. */
	post(action: () => void): void {
		if (this.#sealed) {
			return;
		}
		const delayMs = this.#delayMs();
		if (delayMs > 0) this.#lastAt = Math.max(this.#lastAt, this.#clock.now() + delayMs);
		this.#posted.push({ at: this.#lastAt, action });
		this.#schedule();
	}

	/** What is on its way arrives; what will be posted does not. */
	seal(): void {
		this.#sealed = true;
	}

	/** Drops what is on its way, too. */
	cut(): void {
		this.#sealed = true;
		this.#posted.clear();
	}

	/** Nothing arrives until {@link release}. */
	hold(): void {
		this.#held = true;
	}

	/** What has been held arrives now, as it is sent again. */
	release(): void {
		this.#held = false;
		this.#schedule();
	}

	#schedule(): void {
		const first = this.#posted.peek();
		if (this.#scheduled || this.#held || first === undefined) {
			return;
		}
		this.#scheduled = true;
		const leftMs = first.at - this.#clock.now();
		if (leftMs <= 0) {
			this.#defer(this.#deliver);
		} else {
			this.#clock.setTimeout(this.#deliver, leftMs);
		}
	}

	readonly #deliver = (): void => {
		this.#scheduled = false;
		if (this.#held) return;
		const now = this.#clock.now();
		// What is posted meanwhile waits for the next turn, so that no two sides can starve the rest.
		for (let left = this.#posted.length; left > 0; left--) {
			const first = this.#posted.peek();
			// Timers of the machine may fire a fraction early.
			if (first === undefined || first.at > now + 1) {
				break;
			}
			this.#posted.shift();
			this.arrivedAt = now;
			first.action();
		}
		this.#schedule();
	};
}
