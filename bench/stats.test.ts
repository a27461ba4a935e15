import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { median, percentile, summarise } from "./stats.ts";

test("median: takes the middle whatever the order", () => {
	assert.equal(median([5, 1, 3]), 3);
	assert.equal(median([4, 1, 3, 2]), 2.5);
	assert.equal(median([7]), 7);
	assert.ok(Number.isNaN(median([])));
});

test("median: sorts by value, not by text", () => {
	assert.equal(median([10, 9, 100]), 10);
});

test("median: lies between the extremes and does not change its argument", () => {
	fc.assert(
		fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (samples) => {
			const before = [...samples];
			const middle = median(samples);
			assert.deepEqual(samples, before);
			assert.ok(middle >= Math.min(...samples) && middle <= Math.max(...samples));
		}),
	);
});

test("percentile: nearest rank, ends included", () => {
	const samples = Array.from({ length: 101 }, (_, index) => 100 - index);
	assert.equal(percentile(samples, 0), 0);
	assert.equal(percentile(samples, 0.5), 50);
	assert.equal(percentile(samples, 0.99), 99);
	assert.equal(percentile(samples, 1), 100);
	assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("summarise: keeps the rounds and says how far they lie apart", () => {
	const summary = summarise([110, 90, 100]);
	assert.deepEqual(summary, { median: 100, min: 90, max: 110, spread: 0.1, rounds: [110, 90, 100] });
	assert.equal(summarise([0, 0]).spread, 0);
});
