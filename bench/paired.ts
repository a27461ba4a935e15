/**
 * Two work trees compared, round by round: what the pairs of figures say of the ratio between them. Pure.
 *
 * @module
 */

import { median, percentile } from "./stats.ts";

/** What pairs of one figure say. */
export interface PairedRatio {
	/** Rounds in which both trees had a figure. */
	readonly pairs: number;
	/** Median of new / old. */
	readonly median: number;
	/** Ends of the 90 % interval of that median, by resampling the pairs. */
	readonly low: number;
	readonly high: number;
}

/** New divided by old, pair by pair. `seed` chooses the resamples, so that the same pairs give the same interval. */
export function pairedRatio(pairs: readonly (readonly [old: number, now: number])[], seed = 1): PairedRatio {
	const ratios = pairs.filter(([old, now]) => old > 0 && now > 0).map(([old, now]) => now / old);
	const random = mulberry32(seed);
	const medians = new Float64Array(ratios.length === 0 ? 0 : RESAMPLES);
	for (let i = 0; i < medians.length; i++) medians[i] = median(ratios.map(() => ratios[Math.floor(random() * ratios.length)] as number));
	return { pairs: ratios.length, median: median(ratios), low: percentile(medians, 0.05), high: percentile(medians, 0.95) };
}

/** Whether more of that unit is better. */
export function isRate(unit: string): boolean {
	return RATES.has(unit);
}

/** Whether the new tree is as fast as the old one, within `share`: rates may not be lower, times and sizes not higher. */
export function isAsFast({ low, high }: PairedRatio, unit: string, share = 0.05): boolean {
	return isRate(unit) ? low >= 1 - share : high <= 1 + share;
}

const RATES: ReadonlySet<string> = new Set(["messages/s", "streams/s", "MB/s", "ratio"]);

const RESAMPLES = 4_000;

/** A small generator of numbers in [0, 1). It need not be good, only the same each time. */
function mulberry32(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
