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
import type { Asker, WorkShare } from "./work-share.ts";

/** Whose frames are paced. */
export interface Paced {
	/** Deals with a frame, whose turn it is. */
	deal(kind: number, payload: Uint8Array): void;
	/** Frames wait. Called at most once a second. */
	slowed(): void;
}

/** So many seconds' worth of messages may come at once. */
export const BURST_SECONDS = 5;

/** See the module. */
export class Pace implements Asker {
	readonly #paced: Paced;
	/** What the messages of all control streams together may take of this thread. */
	readonly #work: WorkShare | undefined;
	readonly #clock: Clock;
	readonly #bucket: TokenBucket;
	/** `undefined`: none has ever waited. Most control streams never have one that does. */
	#held: HeldFrames | undefined;
	#timer: DueTimer | undefined;
	#toldMs = Number.NEGATIVE_INFINITY;
	#holds = false;
	#over = false;

	constructor(limits: Pick<Limits, "controlMessagesPerSecond">, clock: Clock, paced: Paced, work?: WorkShare) {
		this.#paced = paced;
		this.#work = work;
		this.#clock = clock;
		this.#bucket = new TokenBucket(limits.controlMessagesPerSecond, BURST_SECONDS * limits.controlMessagesPerSecond, clock.now());
	}

	/** A frame has come. It is dealt with now, or when those before it have been and it is within the pace. */
	take(kind: number, payload: Uint8Array): void {
		// Who is told nothing more deals with the rest as it comes.
		if (this.#over) return this.#paced.deal(kind, payload);
		const waits = this.#held !== undefined && !this.#held.isEmpty;
		// Those that wait have their turn, or a time, already.
		const allowed = waits ? "in turn" : this.#judge(payload.length);
		if (allowed === "now") return this.#deal(kind, payload);
		this.#held ??= new HeldFrames();
		this.#held.push(kind, payload);
		if (allowed === "later") this.#wait(this.#held);
	}

	/** Nothing is dealt with until {@link release}. What comes meanwhile waits. */
	hold(): void {
		this.#holds = true;
	}

	/** Whether nothing is dealt with now. */
	get holds(): boolean {
		return this.#holds;
	}

	/** After {@link hold}: those that wait have their turn. */
	release(): void {
		this.#holds = false;
		this.goOn();
	}

	/** What waits is forgotten. */
	end(): void {
		this.#over = true;
		this.#held?.clear();
		this.#timer?.clear();
		this.#work?.left(this);
	}

	/** Its turn has come. */
	goOn(): void {
		const held = this.#held;
		while (held !== undefined && !held.isEmpty) {
			const allowed = this.#judge(held.firstLength);
			if (allowed === "later") this.#wait(held);
			if (allowed !== "now") return;
			held.shift((kind, payload) => this.#deal(kind, payload));
		}
	}

	/** Whether a frame is dealt with now, when there is room for it in this pace, or in its turn: among all, or after {@link release}. */
	#judge(length: number): "now" | "later" | "in turn" {
		if (this.#holds) return "in turn";
		if (this.#work?.may(this) === false) return "in turn";
		return this.#bucket.take(this.#clock.now(), costOf(length)) ? "now" : "later";
	}

	#deal(kind: number, payload: Uint8Array): void {
		if (this.#work === undefined) return this.#paced.deal(kind, payload);
		const sinceMs = this.#clock.now();
		this.#paced.deal(kind, payload);
		this.#work.took(this.#clock.now() - sinceMs);
	}

	#wait(held: HeldFrames): void {
		const nowMs = this.#clock.now();
		this.#timer ??= new DueTimer(this.#clock, () => this.goOn());
		this.#timer.by(nowMs + Math.max(LUMP_MS, this.#bucket.waitMs(nowMs, costOf(held.firstLength))));
		if (nowMs - this.#toldMs < TOLD_GAP_MS) return;
		this.#toldMs = nowMs;
		this.#paced.slowed();
	}
}

/** A message counts once, and once more for each KiB of it. */
function costOf(bytes: number): number {
	return 1 + (bytes >>> 10);
}

/** Those that wait are dealt with in lumps, so that a slow session costs 20 timers a second at most. */
const LUMP_MS = 50;

const TOLD_GAP_MS = 1_000;
