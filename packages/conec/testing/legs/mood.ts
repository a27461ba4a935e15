/**
 * What a pair of machines does often, and what can happen in it.
 *
 * @module
 */

import type { Random } from "../../src/base/random.ts";

/** What can happen in a pair. Counted, so that a test can see that it did. */
export type Happening =
	| "orderly"
	| "reset"
	| "stop"
	| "destroy"
	| "kill"
	| "moved"
	| "moved in order"
	| "resumed"
	| "restart"
	| "rejected"
	| "expired"
	| "blocked"
	| "acknowledged"
	| "unacknowledged"
	| "from"
	| "silent";

/** What this pair does often, so that quiet ends are met too. */
export interface Mood {
	readonly resumable: boolean;
	readonly forMs: number;
	readonly kills: number;
	readonly moves: number;
	readonly urgentMoves: boolean;
	readonly resets: number;
	readonly stops: number;
	readonly destroys: number;
	readonly restarts: number;
	readonly waits: number;
	readonly rejects: boolean;
	readonly silent: boolean;
	readonly closesLate: readonly [boolean, boolean];
	readonly readsLate: readonly [boolean, boolean];
	readonly bytes: number;
	readonly noWay: boolean;
	readonly noticesLate: boolean;
	/** A leg dies only while there is another. */
	readonly killsOneOfTwo: boolean;
	readonly acts: number;
}

/** A mood from a seed. */
export function moodOf(random: Random): Mood {
	const sometimes = (chance: number, value: number): number => (random.fraction() < chance ? value : 0);
	const resumable = random.fraction() < 0.7;
	return {
		resumable,
		forMs: 60_000,
		kills: sometimes(0.7, resumable ? 0.06 : 0.01),
		moves: sometimes(0.6, 0.7),
		urgentMoves: random.fraction() < 0.5,
		resets: sometimes(0.25, 0.1),
		stops: sometimes(0.25, 0.1),
		destroys: sometimes(0.1, 0.05),
		restarts: sometimes(0.08, 0.01),
		waits: sometimes(0.3, 0.02),
		rejects: random.fraction() < 0.06,
		silent: random.fraction() < 0.04,
		closesLate: [random.fraction() < 0.5, random.fraction() < 0.5],
		readsLate: [random.fraction() < 0.15, random.fraction() < 0.15],
		bytes: random.fraction() < 0.5 ? 40 : random.fraction() < 0.6 ? 9_000 : 60_000,
		noWay: random.fraction() < 0.1,
		noticesLate: random.fraction() < 0.4,
		killsOneOfTwo: random.fraction() < 0.4,
		acts: 20 + Math.floor(random.fraction() * 220),
	};
}
