/**
 * How long the senders of a broadcast have waited for one member, and whether that is too long.
 *
 * @module
 */

const SLOTS = 60;

/** The sum of what was added within a sliding window, to the nearest sixtieth of it. */
class SlidingSum {
	readonly #slotMs: number;
	/** Only for who was ever waited for: there are few of them, and many members. */
	#sums: Float64Array | undefined;
	/** Number of the newest slot. */
	#newest = 0;
	#sum = 0;

	constructor(windowMs: number) {
		this.#slotMs = windowMs / SLOTS;
	}

	add(fromMs: number, toMs: number): void {
		this.#forget(toMs);
		this.#sums ??= new Float64Array(SLOTS);
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
		if (this.#sums === undefined || slot - this.#newest >= SLOTS) {
			this.#sums?.fill(0);
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
	/** How many wait. */
	#waiting = 0;
	#sinceMs = 0;

	/** `perSecondMs`: waiting in total within one second that is too long; `perMinuteMs`: within one minute. */
	constructor(perSecondMs: number, perMinuteMs: number) {
		this.#perSecondMs = perSecondMs;
		this.#perMinuteMs = perMinuteMs;
	}

	/** Somebody waits from now on, until {@link stop}; also while others do, which is no more waiting. */
	start(nowMs: number): void {
		if (this.#waiting++ === 0) this.#sinceMs = nowMs;
	}

	/** Who called {@link start} waits no more. */
	stop(nowMs: number): void {
		if (--this.#waiting > 0) return;
		this.#second.add(this.#sinceMs, nowMs);
		this.#minute.add(this.#sinceMs, nowMs);
	}

	/** How much longer somebody may wait, if they wait now; 0: not any longer. */
	remainingMs(nowMs: number): number {
		const running = this.#waiting === 0 ? 0 : nowMs - this.#sinceMs;
		return Math.max(0, Math.min(this.#perSecondMs - this.#second.at(nowMs), this.#perMinuteMs - this.#minute.at(nowMs)) - running);
	}

	/** Whether nobody waits or has waited within a minute. */
	restedAt(nowMs: number): boolean {
		return this.#waiting === 0 && this.#minute.at(nowMs) === 0;
	}
}
