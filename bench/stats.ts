/**
 * Statistics of a handful of samples. Pure.
 *
 * @module
 */

/** What a set of rounds says: the middle, and how far the rounds lie apart. */
export interface Summary {
	readonly median: number;
	readonly min: number;
	readonly max: number;
	/** Half of the range as a share of the median: 0.05 reads as "+-5 %". 0 when the median is 0. */
	readonly spread: number;
	readonly rounds: readonly number[];
}

/** Middle value; the mean of the two middle ones when their number is even. NaN without samples. */
export function median(samples: readonly number[]): number {
	const sorted = ascending(samples);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? Number.NaN;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The sample at `share` (0 to 1) of the sorted samples, nearest rank. NaN without samples. */
export function percentile(samples: ArrayLike<number>, share: number): number {
	const sorted = Float64Array.from(samples).sort();
	return sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
}

/** Median and spread of the rounds, which are kept in the order they were run. */
export function summarise(rounds: readonly number[]): Summary {
	const sorted = ascending(rounds);
	const middle = median(rounds);
	const min = sorted[0] ?? Number.NaN;
	const max = sorted.at(-1) ?? Number.NaN;
	return { median: middle, min, max, spread: middle === 0 ? 0 : (max - min) / 2 / Math.abs(middle), rounds: [...rounds] };
}

function ascending(samples: readonly number[]): number[] {
	return [...samples].sort((a, b) => a - b);
}
