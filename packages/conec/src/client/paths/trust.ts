/**
 * Whether the direct path to a peer is worth moving streams to it: when it has answered twice, and not too soon after it has failed.
 *
 * @module
 */

/** What is to be done. `ask`: the peer is asked on the channel, and {@link DirectTrust.answered} is told. `direct` and `proxied`: streams go there. */
export type TrustAct = "none" | "ask" | "direct" | "proxied";

/** See the module. One for each peer. Pure: it is given the time. */
export class DirectTrust {
	#phase: "absent" | "asking" | "settling" | "trusted" | "silent" = "absent";
	#answers = 0;
	/** Streams went to the channel that is ending. */
	#left = false;
	/** Since when streams go there. */
	#sinceMs = 0;
	/** How often it has failed soon after that, one after the other. */
	#failures = 0;
	#notBeforeMs = Number.NEGATIVE_INFINITY;
	#wakeMs = Number.POSITIVE_INFINITY;

	/** When {@link wake} is wanted. */
	get wakeMs(): number {
		return this.#wakeMs;
	}

	/** The peer is being asked, or will be. */
	get busy(): boolean {
		return this.#phase === "asking" || this.#phase === "settling";
	}

	/** Streams go there. */
	get trusted(): boolean {
		return this.#phase === "trusted";
	}

	/** Streams are not to go there, though there is a channel. */
	get silent(): boolean {
		return this.#phase === "silent";
	}

	/** There is a channel, or one that was silent has said something, or it was not looked at for a while. */
	ask(): TrustAct {
		this.#to("asking");
		this.#answers = 0;
		return "ask";
	}

	/** The peer has answered on the channel, or has not in time. */
	answered(nowMs: number, yes: boolean): TrustAct {
		if (this.#phase !== "asking") return "none";
		if (!yes) {
			this.#to("settling", nowMs + AGAIN_MS);
			this.#answers = 0;
			return "none";
		}
		if (++this.#answers < ANSWERS) return "ask";
		if (nowMs < this.#notBeforeMs) {
			this.#to("settling", this.#notBeforeMs);
			return "none";
		}
		this.#to("trusted");
		this.#sinceMs = nowMs;
		return "direct";
	}

	/** It is time. What was heard before a pause says nothing, so the peer is asked anew. */
	wake(nowMs: number): TrustAct {
		return this.#phase === "settling" && nowMs >= this.#wakeMs ? this.ask() : "none";
	}

	/** Nothing comes back on the channel. */
	stalled(nowMs: number): TrustAct {
		if (this.#phase === "absent") return "none";
		if (this.#phase === "trusted") this.#failed(nowMs);
		this.#to("silent");
		return "proxied";
	}

	/** The channel takes nothing more, and {@link over} follows. */
	leaving(): void {
		this.#left = this.#phase === "trusted";
		this.#to("absent");
	}

	/** The channel that was there last is over. `broken`: nobody wanted that. */
	over(nowMs: number, broken: boolean): void {
		if (broken && this.#left) this.#failed(nowMs);
		this.#left = false;
	}

	#failed(nowMs: number): void {
		this.#failures = nowMs - this.#sinceMs >= LASTING_MS ? 0 : this.#failures + 1;
		this.#notBeforeMs = this.#failures === 0 ? nowMs : nowMs + Math.min(LONGEST_MS, SHORTEST_MS * 2 ** (this.#failures - 1));
	}

	#to(phase: "absent" | "asking" | "settling" | "trusted" | "silent", wakeMs: number = Number.POSITIVE_INFINITY): void {
		this.#phase = phase;
		this.#wakeMs = wakeMs;
	}
}

/** A channel that has answered so often, one after the other, is there. */
const ANSWERS = 2;

/** After an answer that did not come in time. */
const AGAIN_MS = 2_000;

/** A direct path that has lasted so long is one that lasts. */
const LASTING_MS = 60_000;

/** After one that did not, streams come back to it later, twice as late each time. */
const SHORTEST_MS = 5_000;
const LONGEST_MS = 600_000;
