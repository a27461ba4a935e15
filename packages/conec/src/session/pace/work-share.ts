/**
 * How much of a thread's time may go into what many ask of it, all of them together, and whose turn it is when they ask for more.
 *
 * Each has a pace of its own. But what many may ask at once adds up, and the thread's core has other work: that of the thread which moves
 * the bytes of all. So nobody may use up the core, not even for as long as a burst lasts.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";

/** Somebody who asks. */
export interface Asker {
	/** Its turn has come: it goes on as far as it may. */
	goOn(): void;
}

/** The part of the time. */
const SHARE = 0.25;
/** So much time may be used at once after a pause. */
const AT_ONCE_MS = 10;
/** Nothing that is done for one takes so long. Where it seems to, the process has stood still, and nobody is to wait for that once more. */
const LONGEST_MS = 100;
/** So much may be done for one before it is the turn of the next. */
const IN_A_TURN = 16;

/**
 * See the module. Whoever had nothing waiting goes ahead of those who have had a turn since, as in `events/lanes.rs` of the addon: so who
 * asks now and then does not wait behind all those who always ask. Only what many do together is bounded here, so nothing is told of it.
 */
export class WorkShare {
	readonly #clock: Clock;
	readonly #timer: DueTimer;
	/** What was done is paid for until then. */
	#paidMs: number;
	/** Those that had nothing waiting. */
	readonly #fresh: Set<Asker> = new Set();
	/** Those that have had a turn. Some of them want nothing now: they may go ahead again after a round. */
	readonly #others: Set<Asker> = new Set();
	#serving: Asker | undefined;
	/** What may still be done in its turn. */
	#left = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#paidMs = clock.now() - AT_ONCE_MS / SHARE;
		this.#timer = new DueTimer(clock, () => this.#serve());
	}

	/** Whether something may be done for it now. If not, it is told when its turn has come. */
	may(asker: Asker): boolean {
		const nowMs = this.#clock.now();
		const isServed = asker === this.#serving;
		if (this.#paidMs <= nowMs) {
			if (isServed && this.#left > 0) {
				this.#left--;
				return true;
			}
			if (!isServed && this.#fresh.size === 0 && this.#others.size === 0) return true;
		}
		if (isServed) this.#others.add(asker);
		else if (!this.#others.has(asker)) this.#fresh.add(asker);
		this.#timer.by(Math.max(nowMs + 1, this.#paidMs));
		return false;
	}

	/** That took so long. */
	took(ms: number): void {
		this.#paidMs = Math.max(this.#paidMs, this.#clock.now() - AT_ONCE_MS / SHARE) + Math.min(ms, LONGEST_MS) / SHARE;
	}

	/** It asks for nothing more. */
	left(asker: Asker): void {
		this.#fresh.delete(asker);
		this.#others.delete(asker);
	}

	/** Nobody is told anything more. */
	end(): void {
		this.#fresh.clear();
		this.#others.clear();
		this.#timer.clear();
	}

	#serve(): void {
		while (this.#paidMs <= this.#clock.now()) {
			const list = this.#fresh.size > 0 ? this.#fresh : this.#others;
			const [asker] = list;
			if (asker === undefined) return;
			list.delete(asker);
			this.#turnOf(asker, list);
		}
		this.#goOnLater();
	}

	#turnOf(asker: Asker, list: Set<Asker>): void {
		this.#serving = asker;
		this.#left = IN_A_TURN;
		let failed = true;
		try {
			asker.goOn();
			failed = false;
		} finally {
			this.#serving = undefined;
			// Whoever throws has another turn for the rest, and does not take that of all others.
			if (failed || (list === this.#fresh && this.#others.size > 0)) this.#others.add(asker);
			if (failed) this.#goOnLater();
		}
	}

	#goOnLater(): void {
		this.#timer.by(Math.max(this.#clock.now() + 1, this.#paidMs));
	}
}
