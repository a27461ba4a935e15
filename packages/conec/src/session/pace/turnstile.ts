/**
 * Lets through so much a second, with a burst. What comes faster waits, in its order, and nothing is turned away.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";
import { Fifo } from "../../base/fifo.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Asker, WorkShare } from "./work-share.ts";

/** What a {@link Turnstile} is made of. */
export interface TurnstileParts {
	readonly perSecond: number;
	/** How many may come at once. */
	readonly burst: number;
	readonly clock: Clock;
	/** What all turnstiles together may take of this thread. @default as much as it is */
	readonly work?: WorkShare | undefined;
	/** Something waits. Called at most once a second. */
	readonly slowed: () => void;
	/** So much waits that nothing more should come for now; or that is over. @default nobody is told */
	readonly crowded?: ((is: boolean) => void) | undefined;
}

/** See the module. How much may wait is bounded by whoever gives it something. */
export class Turnstile implements Asker {
	readonly #parts: TurnstileParts;
	readonly #bucket: TokenBucket;
	readonly #waiting: Fifo<() => void> = new Fifo();
	readonly #timer: DueTimer;
	#toldMs = Number.NEGATIVE_INFINITY;
	#over = false;
	#crowded = false;

	constructor(parts: TurnstileParts) {
		this.#parts = parts;
		this.#bucket = new TokenBucket(parts.perSecond, parts.burst, parts.clock.now());
		this.#timer = new DueTimer(parts.clock, () => this.goOn());
	}

	/** How many wait. */
	get length(): number {
		return this.#waiting.length;
	}

	/** Calls `pass` when it is its turn: now, or later. */
	pass(pass: () => void): void {
		if (this.#over) return;
		// Those that wait have their turn, or a time, already.
		const allowed = this.#waiting.length > 0 ? "in turn" : this.#judge();
		if (allowed === "now") return this.#let(pass);
		this.#waiting.push(pass);
		this.#tellCrowd();
		if (allowed === "later") this.#wait();
	}

	/** What waits is forgotten. */
	end(): void {
		this.#over = true;
		this.#waiting.clear();
		this.#timer.clear();
		this.#parts.work?.left(this);
	}

	/** Its turn has come. */
	goOn(): void {
		while (this.#waiting.length > 0) {
			const allowed = this.#judge();
			if (allowed === "later") this.#wait();
			const pass = allowed === "now" ? this.#waiting.shift() : undefined;
			if (pass === undefined) return;
			this.#let(pass);
			this.#tellCrowd();
		}
	}

	/** Whether something passes now, when there is room for it here, or in its turn among all. */
	#judge(): "now" | "later" | "in turn" {
		if (this.#parts.work?.may(this) === false) return "in turn";
		return this.#bucket.take(this.#parts.clock.now(), 1) ? "now" : "later";
	}

	#let(pass: () => void): void {
		const { clock, work } = this.#parts;
		const sinceMs = clock.now();
		pass();
		work?.took(clock.now() - sinceMs);
	}

	#tellCrowd(): void {
		const { length } = this.#waiting;
		const crowded = this.#crowded ? length > CROWD / 2 : length >= CROWD;
		if (crowded === this.#crowded || this.#over) return;
		this.#crowded = crowded;
		this.#parts.crowded?.(crowded);
	}

	#wait(): void {
		const nowMs = this.#parts.clock.now();
		this.#timer.by(nowMs + Math.max(LUMP_MS, this.#bucket.waitMs(nowMs, 1)));
		if (nowMs - this.#toldMs < TOLD_GAP_MS) return;
		this.#toldMs = nowMs;
		this.#parts.slowed();
	}
}

/** So many are a crowd. It is more than what passes in a lump. */
const CROWD = 64;
const LUMP_MS = 50;
const TOLD_GAP_MS = 1_000;
