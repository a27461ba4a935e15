/**
 * Lets through so much a second, with a burst. What comes faster waits, in its order, and nothing is turned away.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";
import { Fifo } from "../../base/fifo.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What a {@link Turnstile} is made of. */
export interface TurnstileParts {
	readonly perSecond: number;
	/** How many may come at once. */
	readonly burst: number;
	readonly clock: Clock;
	/** Something waits. Called at most once a second. */
	readonly slowed: () => void;
}

/** See the module. How much may wait is bounded by whoever gives it something. */
export class Turnstile {
	readonly #parts: TurnstileParts;
	readonly #bucket: TokenBucket;
	readonly #waiting: Fifo<() => void> = new Fifo();
	readonly #timer: DueTimer;
	#toldMs = Number.NEGATIVE_INFINITY;
	#over = false;

	constructor(parts: TurnstileParts) {
		this.#parts = parts;
		this.#bucket = new TokenBucket(parts.perSecond, parts.burst, parts.clock.now());
		this.#timer = new DueTimer(parts.clock, () => this.#goOn());
	}

	/** How many wait. */
	get length(): number {
		return this.#waiting.length;
	}

	/** Calls `pass` when it is its turn: now, or later. */
	pass(pass: () => void): void {
		if (this.#over) return;
		if (this.#waiting.length === 0 && this.#bucket.take(this.#parts.clock.now(), 1)) return pass();
		this.#waiting.push(pass);
		this.#wait();
	}

	/** What waits is forgotten. */
	end(): void {
		this.#over = true;
		this.#waiting.clear();
		this.#timer.clear();
	}

	#goOn(): void {
		const nowMs = this.#parts.clock.now();
		while (this.#waiting.length > 0 && this.#bucket.take(nowMs, 1)) this.#waiting.shift()?.();
		if (this.#waiting.length > 0) this.#wait();
	}

	#wait(): void {
		const nowMs = this.#parts.clock.now();
		this.#timer.by(nowMs + Math.max(LUMP_MS, this.#bucket.waitMs(nowMs, 1)));
		if (nowMs - this.#toldMs < TOLD_GAP_MS) return;
		this.#toldMs = nowMs;
		this.#parts.slowed();
	}
}

const LUMP_MS = 50;
const TOLD_GAP_MS = 1_000;
