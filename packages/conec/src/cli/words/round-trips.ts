/**
 * Figures of round trips. Pure.
 *
 * @module
 */

import { formatMs, rounded } from "./numbers.ts";

/** Of one path. Rounded. */
export interface RoundTrips {
	readonly count: number;
	readonly minMs: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
}

/** Of at least one time. */
export function roundTripsOf(timesMs: readonly number[]): RoundTrips {
	const sorted = timesMs.toSorted((a, b) => a - b);
	return { count: sorted.length, minMs: rounded(sorted[0] ?? 0), p50Ms: rounded(quantile(sorted, 0.5)), p99Ms: rounded(quantile(sorted, 0.99)) };
}

/** `min 0.10 ms, p50 0.20 ms, p99 0.30 ms`. */
export function roundTripWords({ minMs, p50Ms, p99Ms }: RoundTrips): string {
	return `min ${formatMs(minMs)}, p50 ${formatMs(p50Ms)}, p99 ${formatMs(p99Ms)}`;
}

function quantile(sorted: readonly number[], share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
