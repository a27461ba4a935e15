/**
 * How long the senders of a broadcast have waited for one member, and whether that is too long.
 *
 * @module
 */

const SLOTS = 60;

/** The sum of what was added within a sliding window, to the nearest sixtieth of it. */
class SlidingSum {
	readonly #slotMs: number;
	readonly #sums: Float64Array = new Float64Array(SLOTS);
	/** Number of the newest slot. */
	#newest = 0;
	#sum = 0;

	constructor(windowMs: number) {
		this.#slotMs = windowMs / SLOTS;
	}

	add(fromMs: number, toMs: number): void {
		this.#forget(toMs);
		// Of what is longer than the window, the end counts.
		for (let from = Math.max(fromMs, toMs - this.#slotMs * (SLOTS - 1)); from < toMs; ) {
			const slot = Math.floor(from / this.#slotMs);
			const to = Math.min(toMs, (slot + 1) * this.#slotMs);
			const slice = to > from ? to - from : toMs - from; // rounding must not keep it here for ever
			this.#sums[slot % SLOTS] = (this.#sums[slot % SLOTS] as number) + slice;
			this.#sum += slice;
			from += slice;
		}
	}

	at(nowMs: number): number {
		this.#forget(nowMs);
		return this.#sum;
	}

	#forget(nowMs: number): void {
		const slot = Math.floor(nowMs / this.#slotMs);
		if (slot <= this.#newest) return;
		if (slot - this.#newest >= SLOTS) {
			this.#sums.fill(0);
			this.#sum = 0;
		} else {
			for (let old = this.#newest + 1; old <= slot; old++) {
				this.#sum = Math.max(0, this.#sum - (this.#sums[old % SLOTS] as number));
				this.#sums[old % SLOTS] = 0;
			}
		}
		this.#newest = slot;
	}
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** See the module. Times are those of any clock that never goes back. */
export class LagClock {
	readonly #perSecondMs: number;
	readonly #perMinuteMs: number;
	readonly #second: SlidingSum = new SlidingSum(SECOND_MS);
	readonly #minute: SlidingSum = new SlidingSum(MINUTE_MS);
	#since: number | undefined;

	/** `perSecondMs`: waiting in total within one second that is too long; `perMinuteMs`: within one minute. */
	constructor(perSecondMs: number, perMinuteMs: number) {
		this.#perSecondMs = perSecondMs;
		this.#perMinuteMs = perMinuteMs;
	}

	/** Somebody waits from now on. */
	start(nowMs: number): void {
		this.#since ??= nowMs;
	}

	/** Nobody waits any more. */
	stop(nowMs: number): void {
		if (this.#since === undefined) return;
		this.#second.add(this.#since, nowMs);
		this.#minute.add(this.#since, nowMs);
		this.#since = undefined;
	}

	/** How much longer somebody may wait, if they wait now; 0: not any longer. */
	remainingMs(nowMs: number): number {
		const running = this.#since === undefined ? 0 : nowMs - this.#since;
		return Math.max(0, Math.min(this.#perSecondMs - this.#second.at(nowMs), this.#perMinuteMs - this.#minute.at(nowMs)) - running);
	}
}
