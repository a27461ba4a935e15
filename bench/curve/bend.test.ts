import assert from "node:assert/strict";
import { test } from "node:test";
import { bendOf, wordsOf } from "./bend.ts";

const points = (pairs: readonly (readonly [number, number])[]) => pairs.map(([x, y]) => ({ x, y }));

test("curve bend: a line that grows and then does not bends where it stops", () => {
	const bend = bendOf(
		points([
			[16, 16],
			[256, 256],
			[4_096, 4_096],
			[65_536, 4_200],
			[1_048_576, 4_100],
		]),
	);
	assert.equal(bend?.x, 4_096);
	assert.ok(Math.abs((bend?.before ?? 0) - 1) < 0.01 && Math.abs(bend?.after ?? 1) < 0.02);
	assert.match(wordsOf({ x: 1, before: 1, after: 0.01 }), /^rises \(1\.00\) before, flat \(0\.01\) behind$/);
	assert.match(wordsOf({ x: 1, before: -1, after: 0.5 }), /^falls \(-1\.00\) before, rises \(0\.50\) behind$/);
});

test("curve bend: the sharpest of several is told, in whatever order the points come", () => {
	const steps = points([
		[10, 100],
		[100, 100],
		[1_000, 50],
		[10_000, 0.5],
	]);
	assert.equal(bendOf(steps)?.x, 1_000);
	assert.deepEqual(bendOf([...steps].reverse()), bendOf(steps));
});

test("curve bend: a straight line has none, however steep, and some per cent are noise", () => {
	assert.equal(
		bendOf(
			points([
				[1, 1],
				[10, 10],
				[100, 100],
				[1_000, 1_000],
			]),
		),
		undefined,
	);
	assert.equal(
		bendOf(
			points([
				[1, 100],
				[10, 104],
				[100, 97],
				[1_000, 103],
			]),
		),
		undefined,
	);
});

test("curve bend: too few points, and points without a figure, make none", () => {
	assert.equal(bendOf([]), undefined);
	assert.equal(
		bendOf(
			points([
				[1, 1],
				[10, 5],
			]),
		),
		undefined,
	);
	assert.equal(
		bendOf(
			points([
				[1, 1],
				[10, 0],
				[100, Number.NaN],
				[1_000, 1_000],
			]),
		),
		undefined,
	);
});

test("curve bend: a round trip of nothing has a place, too", () => {
	assert.equal(
		bendOf(
			points([
				[0, 300],
				[20, 250],
				[100, 20],
			]),
		)?.x,
		20,
	);
	assert.equal(
		bendOf(
			points([
				[0, 300],
				[20, 15],
				[100, 3],
			]),
		),
		undefined,
		"straight from the first millisecond on",
	);
});
