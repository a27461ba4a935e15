import assert from "node:assert/strict";
import { test } from "node:test";
import { isAsFast, pairedRatio } from "./paired.ts";

test("paired: the ratio is that of pairs, however much the machine changes between them", () => {
	const pairs = Array.from({ length: 15 }, (_, i) => [100 * (i + 1), 110 * (i + 1)] as const);
	const ratio = pairedRatio(pairs);
	assert.deepEqual([ratio.pairs, Math.round(ratio.median * 1e6)], [15, 1_100_000]);
	assert.ok(Math.abs(ratio.low - 1.1) < 1e-9 && Math.abs(ratio.high - 1.1) < 1e-9);
});

test("paired: the interval holds the median, is wider with noise, and the same each time", () => {
	const noisy = Array.from({ length: 15 }, (_, i) => [100, 100 + (i - 7) * 4] as const);
	const ratio = pairedRatio(noisy);
	assert.ok(ratio.low < ratio.median && ratio.median < ratio.high);
	assert.deepEqual(pairedRatio(noisy), ratio);
});

test("paired: a round without a figure is no pair, and without pairs there is no ratio", () => {
	assert.equal(
		pairedRatio([
			[100, Number.NaN],
			[0, 1],
			[100, 90],
		]).pairs,
		1,
	);
	const none = pairedRatio([]);
	assert.ok(none.pairs === 0 && Number.isNaN(none.median) && Number.isNaN(none.low));
	assert.equal(isAsFast(none, "MB/s"), false);
});

test("paired: rates may not be lower, times not higher", () => {
	const slower = { pairs: 15, median: 0.9, low: 0.88, high: 0.92 };
	assert.deepEqual([isAsFast(slower, "MB/s"), isAsFast(slower, "ms")], [false, true]);
	const longer = { pairs: 15, median: 1.1, low: 1.08, high: 1.12 };
	assert.deepEqual([isAsFast(longer, "messages/s"), isAsFast(longer, "us")], [true, false]);
});
