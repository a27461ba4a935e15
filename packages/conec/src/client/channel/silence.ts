/**
 * Notices early that packets of a direct channel go nowhere. QUIC by itself would find out by its idle limit, and a side
 * that only receives would not even say anything from its new address.
 *
 * @module
 */

/** Counters of a connection at one moment. */
export interface LinkSample {
	readonly sentBytes: number;
	readonly receivedBytes: number;
	readonly rttMs: number;
}

/**
 * One channel's watch. Whatever is sent is answered within a round trip, if only by an acknowledgement; when nothing has
 * come for longer than that, the watch says so, then again after twice as long, and so on up to a second. So a network that was gone is noticed
 * a second after it is back, however long it was gone: QUIC's own probes come later and later.
 */
export class LinkWatch {
	#last: LinkSample | undefined;
	/** When something was sent for which nothing has come since. */
	#unansweredSince: number | undefined;
	#nextAt = 0;
	#patienceMs = 0;

	/** Takes the counters of now; `true`: say something, as the path may be broken. */
	sample(nowMs: number, sample: LinkSample): boolean {
		const last = this.#last;
		this.#last = sample;
		if (last === undefined) return false;
		if (sample.receivedBytes > last.receivedBytes) this.#unansweredSince = undefined;
		else if (sample.sentBytes > last.sentBytes && this.#unansweredSince === undefined) {
			this.#unansweredSince = nowMs;
			this.#patienceMs = Math.max(LEAST_PATIENCE_MS, 3 * sample.rttMs);
			this.#nextAt = nowMs + this.#patienceMs;
		}
		if (this.#unansweredSince === undefined || nowMs < this.#nextAt) return false;
		this.#patienceMs = Math.max(Math.min(2 * this.#patienceMs, MOST_PATIENCE_MS), 3 * sample.rttMs);
		this.#nextAt = nowMs + this.#patienceMs;
		return true;
	}
}

const LEAST_PATIENCE_MS = 250;
const MOST_PATIENCE_MS = 1_000;
