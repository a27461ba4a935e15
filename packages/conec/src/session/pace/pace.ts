/**
 * How fast the messages of one control stream are dealt with. What comes faster waits here, and its credit is not given back meanwhile. So
 * the other side can send no more, nothing is lost, and nobody is closed.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";
import type { Limits } from "../../limits.ts";
import { HeldFrames } from "./held-frames.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What a {@link Pace} is made of. */
export interface PaceParts {
	readonly limits: Pick<Limits, "controlMessagesPerSecond">;
	readonly clock: Clock;
	/** Deals with a frame, whose turn it is. */
	readonly deal: (kind: number, payload: Uint8Array) => void;
	/** Frames wait. Called at most once a second. */
	readonly slowed: () => void;
}

/** So many seconds' worth of messages may come at once. */
export const BURST_SECONDS = 5;

/** See the module. */
export class Pace {
	readonly #parts: PaceParts;
	readonly #bucket: TokenBucket;
	readonly #held: HeldFrames = new HeldFrames();
	readonly #timer: DueTimer;
	#toldMs = Number.NEGATIVE_INFINITY;
	#over = false;

	constructor(parts: PaceParts) {
		this.#parts = parts;
		const { controlMessagesPerSecond } = parts.limits;
		this.#bucket = new TokenBucket(controlMessagesPerSecond, BURST_SECONDS * controlMessagesPerSecond, parts.clock.now());
		this.#timer = new DueTimer(parts.clock, () => this.#goOn());
	}

	/** A frame has come. It is dealt with now, or when those before it have been and it is within the pace. */
	take(kind: number, payload: Uint8Array): void {
		// Who is told nothing more deals with the rest as it comes.
		if (this.#over) return this.#parts.deal(kind, payload);
		if (this.#held.isEmpty && this.#bucket.take(this.#parts.clock.now(), costOf(payload.length))) return this.#parts.deal(kind, payload);
		this.#held.push(kind, payload);
		this.#wait();
	}

	/** What waits is forgotten. */
	end(): void {
		this.#over = true;
		this.#held.clear();
		this.#timer.clear();
	}

	#goOn(): void {
		const nowMs = this.#parts.clock.now();
		while (!this.#held.isEmpty && this.#bucket.take(nowMs, costOf(this.#held.firstLength))) this.#held.shift(this.#parts.deal);
		if (!this.#held.isEmpty) this.#wait();
	}

	#wait(): void {
		const nowMs = this.#parts.clock.now();
		this.#timer.by(nowMs + Math.max(LUMP_MS, this.#bucket.waitMs(nowMs, costOf(this.#held.firstLength))));
		if (nowMs - this.#toldMs < TOLD_GAP_MS) return;
		this.#toldMs = nowMs;
		this.#parts.slowed();
	}
}

/** A message counts once, and once more for each KiB of it. */
function costOf(bytes: number): number {
	return 1 + (bytes >>> 10);
}

/** Those that wait are dealt with in lumps, so that a slow session costs 20 timers a second at most. */
const LUMP_MS = 50;

const TOLD_GAP_MS = 1_000;
