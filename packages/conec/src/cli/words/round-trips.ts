/**
 * Figures of round trips. Pure.
 *
 * @module
 */

/** Of one path. */
export interface RoundTrips {
	readonly count: number;
	readonly minMs: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
}

/** Of at least one time. */
export function roundTripsOf(timesMs: readonly number[]): RoundTrips {
	const sorted = timesMs.toSorted((a, b) => a - b);
	return { count: sorted.length, minMs: sorted[0] ?? 0, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
}

/** `min 0.10 ms, p50 0.20 ms, p99 0.30 ms`. */
export function roundTripWords({ minMs, p50Ms, p99Ms }: RoundTrips): string {
	return `min ${minMs.toFixed(2)} ms, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
}

function quantile(sorted: readonly number[], share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
