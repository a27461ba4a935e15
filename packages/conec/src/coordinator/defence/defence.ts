/**
 * Counts what was refused, slowed, reset and evicted, and for whom, and tells it in reports of bounded length. It decides nothing.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";

/** What was done. */
export type DefenceAction =
	/** Something new was not let in. */
	| "refused"
	/** What came was read later, or what goes was sent later. Nothing is lost. */
	| "slowed"
	/** A stream was ended. */
	| "reset"
	/** What was held for somebody was let go, or somebody was put out. */
	| "evicted";

/** What it was done to. */
export type DefenceSubject =
	| "connection"
	| "id"
	| "lease"
	| "stream"
	| "broadcast"
	| "watch"
	| "attempt"
	| "channel"
	/** Messages on a control stream. */
	| "control"
	/** Bytes of proxied streams and broadcasts. */
	| "bytes"
	/** Memory that is held for somebody. */
	| "memory";

/** The side that caused it. */
export interface Whom {
	/** The id of the Client, where it has one. */
	readonly id?: string | undefined;
	/** `sha256:<hex>` of its key, where it is known. */
	readonly fingerprint?: string | undefined;
	/** The IP address that it came from. */
	readonly address: string;
}

/** One line of a report. */
export interface DefenceCount {
	readonly action: DefenceAction;
	readonly subject: DefenceSubject;
	/** Who caused it. `undefined`: many, of whom none is told apart. */
	readonly whom: Whom | undefined;
	/** How often, since the last report. */
	readonly times: number;
}

/** What was done since the last report. A report comes 1 s after something was done, and then every 10 s while there is something to tell. */
export interface DefenceStatus {
	readonly type: "defence";
	/** The most frequent first, at most 32. */
	readonly counts: readonly DefenceCount[];
	/** How often each was done since the Coordinator began. */
	readonly totals: Readonly<Record<DefenceAction, number>>;
}

/** See the module. */
export class Defence {
	readonly #clock: Clock;
	readonly #tell: (status: DefenceStatus) => void;
	readonly #timer: DueTimer;
	readonly #counts: Map<string, Counted> = new Map();
	readonly #totals: Record<DefenceAction, number> = { refused: 0, slowed: 0, reset: 0, evicted: 0 };
	#toldMs = Number.NEGATIVE_INFINITY;
	#over = false;

	constructor(clock: Clock, tell: (status: DefenceStatus) => void) {
		this.#clock = clock;
		this.#tell = tell;
		this.#timer = new DueTimer(clock, () => this.#report());
	}

	/** Something was done, `times` times. */
	count(action: DefenceAction, subject: DefenceSubject, whom: Whom, times: number = 1): void {
		if (this.#over) return;
		this.#totals[action] += times;
		const key = `${action} ${subject} ${whom.fingerprint ?? whom.address}`;
		const counted = this.#counts.get(key) ?? this.#add(key, action, subject, whom);
		counted.times += times;
		this.#timer.by(Math.max(this.#clock.now() + FIRST_MS, this.#toldMs + EVERY_MS));
	}

	/** How often each was done since the Coordinator began. */
	get totals(): Readonly<Record<DefenceAction, number>> {
		return this.#totals;
	}

	/** Tells what is not told yet, and nothing more. */
	end(): void {
		if (this.#counts.size > 0) this.#report();
		this.#over = true;
		this.#timer.clear();
	}

	#add(key: string, action: DefenceAction, subject: DefenceSubject, whom: Whom): Counted {
		// An attacker can have any number of keys and addresses.
		const many = this.#counts.size >= MOST_COUNTED;
		const place = many ? `${action} ${subject}` : key;
		const counted = this.#counts.get(place) ?? { action, subject, whom: many ? undefined : whom, times: 0 };
		this.#counts.set(place, counted);
		return counted;
	}

	#report(): void {
		const counts = [...this.#counts.values()].sort((a, b) => b.times - a.times);
		this.#counts.clear();
		this.#toldMs = this.#clock.now();
		this.#tell({ type: "defence", counts: counts.slice(0, MOST_TOLD), totals: { ...this.#totals } });
	}
}

interface Counted extends DefenceCount {
	times: number;
}

const FIRST_MS = 1_000;
const EVERY_MS = 10_000;
/** Told apart at once. Those beyond it count together. */
const MOST_COUNTED = 1_024;
const MOST_TOLD = 32;
