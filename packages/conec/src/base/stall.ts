/**
 * Notices that a connection carries nothing any more, long before it counts as lost: then streams that can go elsewhere do so.
 *
 * Whatever is sent is answered within a round trip, if only by an acknowledgement. A side that only receives sends nothing, so a silence
 * after much has come makes it ask. One that follows a silence may be longer each time, up to what keeps the channel anyway.
 *
 * @module
 */

/** What is known of a connection now. */
export interface StallSample {
	readonly sentBytes: number;
	readonly receivedBytes: number;
	/** How long nothing has come. */
	readonly silentMs: number;
	readonly rttMs: number;
	/** The other side is asked after a silence. */
	readonly asks: boolean;
}

/** One connection's watch. Pure: it is given the time. It is to be asked a few times a second. */
export class StallWatch {
	#lookedMs: number | undefined = undefined;
	#sentBytes = 0;
	#receivedBytes = 0;
	/** Since when something is on its way for which nothing has come. */
	#owedMs: number | undefined = undefined;
	#stalledMs: number | undefined = undefined;
	#gapMs = FIRST_GAP_MS;

	/** `stalled`: nothing comes back. `ask`: something is to be said, so that it would be noticed. */
	look(nowMs: number, { sentBytes, receivedBytes, silentMs, rttMs, asks }: StallSample): "fine" | "ask" | "stalled" {
		const lookedMs = this.#lookedMs ?? nowMs;
		const heardMs = nowMs - silentMs;
		const sent = sentBytes > this.#sentBytes;
		if (receivedBytes - this.#receivedBytes >= MUCH_BYTES) this.#gapMs = FIRST_GAP_MS;
		[this.#lookedMs, this.#sentBytes, this.#receivedBytes] = [nowMs, sentBytes, receivedBytes];
		if (this.#stalledMs !== undefined) {
			if (heardMs <= this.#stalledMs) return "stalled";
			this.#stalledMs = this.#owedMs = undefined;
		}
		if (this.#owedMs !== undefined && heardMs > this.#owedMs) this.#owedMs = undefined;
		// This process did not run for a while: what came meanwhile may not have been told yet.
		else if (this.#owedMs !== undefined && nowMs - lookedMs > LATE_MS) this.#owedMs = nowMs;
		// What was sent before the last thing that came may be what that answers.
		if (this.#owedMs === undefined && sent && heardMs <= lookedMs) this.#owedMs = nowMs;
		if (this.#owedMs === undefined) {
			if (!asks || silentMs < this.#gapMs) return "fine";
			this.#gapMs = Math.min(2 * this.#gapMs, LONGEST_GAP_MS);
			this.#owedMs = nowMs;
			return "ask";
		}
		if (nowMs - this.#owedMs < patienceMs(rttMs)) return "fine";
		this.#stalledMs = nowMs;
		return "stalled";
	}
}

/** Three probe timeouts of QUIC (RFC 9002, 6.2.1) whose round trips vary as much as at first, and a second at least. */
export function patienceMs(rttMs: number): number {
	return Math.max(LEAST_MS, 3 * (3 * rttMs + ACK_DELAY_MS));
}

const LEAST_MS = 1_000;
const ACK_DELAY_MS = 25;

/** Silences after which this side asks. Beyond the longest one the channel's upkeep does so anyway. */
const FIRST_GAP_MS = 1_000;
const LONGEST_GAP_MS = 5_000;

/** More than pings and acknowledgements between two looks. */
const MUCH_BYTES = 2_000;

/** Whoever looks that late has not run for a while. */
const LATE_MS = 1_000;
