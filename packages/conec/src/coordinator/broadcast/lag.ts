/**
 * How long the senders of a broadcast have waited for one member, and whether that is too long.
 *
 * @module
 */

const SLOTS = 60;

/** The sum of what was added within a sliding window. Its resolution is a sixtieth of the window. */
class SlidingSum {
	readonly #slotMs: number;
	/** Made only for members that senders have waited for. They are few among many members. */
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
		// Of a time that is longer than the window, only the end counts.
		for (let from = Math.max(fromMs, toMs - this.#slotMs * (SLOTS - 1)); from < toMs; ) {
			const slot = Math.floor(from / this.#slotMs);
			const to = Math.min(toMs, (slot + 1) * this.#slotMs);
			const slice = to > from ? to - from : toMs - from; // rounding must not make this loop endless
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
	/** How many senders wait. */
	#waiting = 0;
	#sinceMs = 0;

	/** `perSecondMs` and `perMinuteMs`: how much waiting within one second, or within one minute, is too long. */
	constructor(perSecondMs: number, perMinuteMs: number) {
		this.#perSecondMs = perSecondMs;
		this.#perMinuteMs = perMinuteMs;
	}

	/** A wait begins. It lasts until {@link stop}. Waits at the same time count once. */
	start(nowMs: number): void {
		if (this.#waiting++ === 0) this.#sinceMs = nowMs;
	}

	/** A wait that {@link start} began is over. */
	stop(nowMs: number): void {
		if (--this.#waiting > 0) return;
		this.#second.add(this.#sinceMs, nowMs);
		this.#minute.add(this.#sinceMs, nowMs);
	}

	/** How much longer a wait may last from now on. 0: no longer. */
	remainingMs(nowMs: number): number {
		const running = this.#waiting === 0 ? 0 : nowMs - this.#sinceMs;
		return Math.max(0, Math.min(this.#perSecondMs - this.#second.at(nowMs), this.#perMinuteMs - this.#minute.at(nowMs)) - running);
	}

	/** Whether there is no wait now and there was none within the last minute. */
	restedAt(nowMs: number): boolean {
		return this.#waiting === 0 && this.#minute.at(nowMs) === 0;
	}
}
