import assert from "node:assert/strict";
import { test } from "node:test";
import { roundTripsOf, roundTripWords } from "./round-trips.ts";

test("ping times: quantiles of unsorted times, which stay as they are", () => {
	const times = [3, 1, 2, 10];
	assert.deepEqual(roundTripsOf(times), { count: 4, minMs: 1, p50Ms: 3, p99Ms: 10 });
	assert.deepEqual(times, [3, 1, 2, 10]);
	assert.equal(roundTripWords(roundTripsOf([0.5])), "min 0.50 ms, p50 0.50 ms, p99 0.50 ms");
});
