/**
 * How fast presence is told to all watches together, and whose turn it is when that is not fast enough.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";

/** Somebody who is told something. */
export interface Told {
	/** Goes on, as far as it may. */
	pump(): void;
}

/** So much of a second may be told at once after a pause. */
const BURST_MS = 250;

/** See the module. Whoever waits has its turn in the order in which it began to wait. */
export class Turns {
	readonly #clock: Clock;
	readonly #bytesPerMs: number;
	readonly #timer: DueTimer;
	readonly #waiting: Set<Told> = new Set();
	/** What was told is paid for until then. */
	#paidMs: number;
	#serving = false;

	constructor(clock: Clock, bytesPerSecond: number) {
		this.#clock = clock;
		this.#bytesPerMs = bytesPerSecond / 1_000;
		this.#paidMs = clock.now() - BURST_MS;
		this.#timer = new DueTimer(clock, () => this.#serve());
	}

	/** How many wait. */
	get waiting(): number {
		return this.#waiting.size;
	}

	/** Whether it may be told something now. If not, it is pumped when its turn has come. */
	may(told: Told): boolean {
		const nowMs = this.#clock.now();
		if (this.#paidMs <= nowMs && (this.#serving || this.#waiting.size === 0)) return true;
		this.#waiting.add(told);
		this.#timer.by(Math.max(nowMs + 1, this.#paidMs));
		return false;
	}

	/** So many bytes were told. */
	told(bytes: number): void {
		this.#paidMs = Math.max(this.#paidMs, this.#clock.now() - BURST_MS) + bytes / this.#bytesPerMs;
	}

	/** It is told nothing more. */
	left(told: Told): void {
		this.#waiting.delete(told);
	}

	/** Nobody is told anything more. */
	end(): void {
		this.#waiting.clear();
		this.#timer.clear();
	}

	#serve(): void {
		this.#serving = true;
		for (const told of this.#waiting) {
			if (this.#paidMs > this.#clock.now()) break;
			this.#waiting.delete(told);
			told.pump();
		}
		this.#serving = false;
		if (this.#waiting.size > 0) this.#timer.by(Math.max(this.#clock.now() + 1, this.#paidMs));
	}
}
