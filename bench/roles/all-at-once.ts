/**
 * How long many take that begin together.
 *
 * @module
 */

import { percentile } from "../stats.ts";
import type { Crowd } from "./figures.ts";

/** Runs `task` for all of them at once. Never rejects: the first failure is part of the answer. */
export async function allAtOnce<T>(crowd: readonly T[], task: (one: T) => Promise<unknown>): Promise<Crowd> {
	const startedMs = performance.now();
	const seconds: number[] = [];
	const outcomes = await Promise.allSettled(
		crowd.map(async (one) => {
			await task(one);
			seconds.push((performance.now() - startedMs) / 1_000);
		}),
	);
	const failed = outcomes.find((outcome) => outcome.status === "rejected");
	return {
		connected: seconds.length,
		seconds: seconds.at(-1) ?? Number.NaN,
		p50Seconds: percentile(seconds, 0.5),
		...(failed === undefined ? {} : { failure: String(failed.reason) }),
	};
}
