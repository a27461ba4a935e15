/** Statistics of the lab's runs. Pure. */

/** A count that only grows, at a moment. */
export interface Sample {
	readonly atMs: number;
	readonly count: number;
}

/** The most by which the count grew between two samples that are at most `windowMs` apart. */
export function mostWithin(samples: readonly Sample[], windowMs: number): number {
	let most = 0;
	let first = 0;
	for (const last of samples) {
		while (last.atMs - (samples[first]?.atMs ?? 0) > windowMs) first++;
		most = Math.max(most, last.count - (samples[first]?.count ?? 0));
	}
	return most;
}

/** The value at `share` (0 to 1) by nearest rank: of 20 values the 0.95 one is the 19th. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** The middle value; the mean of the two middle ones. NaN of nothing. */
export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const upper = sorted[sorted.length >> 1] ?? Number.NaN;
	return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2;
}
