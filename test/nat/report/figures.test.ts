import assert from "node:assert/strict";
import { test } from "node:test";
import { median, mostWithin, percentile } from "./figures.ts";

test("figures: the most within a window looks at every window, not only at the first, and includes both of its ends", () => {
	const samples = [0, 10, 10, 40, 70].map((count, i) => ({ atMs: i * 30, count }));
	assert.equal(mostWithin(samples, 60), 60);
	assert.equal(mostWithin(samples, 59), 30);
	assert.equal(mostWithin(samples, 1_000), 70);
	assert.equal(mostWithin(samples, 0), 0);
	assert.equal(mostWithin([], 60), 0);
});

test("figures: percentiles are by nearest rank", () => {
	const twenty = Array.from({ length: 20 }, (_, i) => 20 - i);
	assert.equal(percentile(twenty, 0.95), 19);
	assert.equal(percentile(twenty, 1), 20);
	assert.equal(percentile(twenty, 0), 1);
	assert.equal(percentile([7], 0.95), 7);
	assert.ok(Number.isNaN(percentile([], 0.95)));
});

test("figures: the median of an even number is between the two in the middle", () => {
	assert.equal(median([9, 1, 5]), 5);
	assert.equal(median([9, 1, 5, 6]), 5.5);
	assert.ok(Number.isNaN(median([])));
});
