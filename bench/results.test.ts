import assert from "node:assert/strict";
import { test } from "node:test";
import { isMet, type Measured, type ResultPlan, resultOf } from "./results.ts";

const plan: ResultPlan = {
	name: "quic-bulk-64k",
	title: "bulk",
	unit: "MB/s",
	references: ["raw-quinn", "node-tls"],
	target: { of: "ratio", relation: ">=", bound: 0.6 },
};

const others = (entries: Record<string, number[]>): Map<string, Measured> => new Map(Object.entries(entries).map(([name, rounds]) => [name, { rounds }]));

test("result: the first reference decides the ratio and the target", () => {
	const result = resultOf(plan, { rounds: [700, 600, 650] }, others({ "node-tls": [500], "raw-quinn": [1000, 990, 1010] }));
	assert.equal(result.value, 650);
	assert.deepEqual(result.reference, { name: "raw-quinn", value: 1000, spread: 0.01 });
	assert.equal(result.ratio, 0.65);
	assert.deepEqual(
		result.references.map((reference) => reference.name),
		["raw-quinn", "node-tls"],
	);
	assert.equal(result.target?.met, true);
	assert.equal(result.note, undefined);
});

test("result: without the deciding reference a target on the ratio is not met, and the note says why", () => {
	const result = resultOf(plan, { rounds: [650] }, others({ "node-tls": [500] }));
	assert.equal(result.reference?.name, "node-tls");
	assert.equal(result.target?.met, false);
	assert.equal(result.note, "raw-quinn was not measured");
});

test("result: a reference of zero gives no ratio", () => {
	const result = resultOf(plan, { rounds: [1] }, others({ "raw-quinn": [0] }));
	assert.equal(result.ratio, undefined);
	assert.equal(result.target?.met, false);
});

test("target: bounds are inclusive, in both directions", () => {
	assert.equal(isMet({ of: "value", relation: ">=", bound: 3 }, 3, undefined), true);
	assert.equal(isMet({ of: "value", relation: ">=", bound: 3 }, 2.9, undefined), false);
	assert.equal(isMet({ of: "value", relation: "<=", bound: 3 }, 3, undefined), true);
	assert.equal(isMet({ of: "ratio", relation: "<=", bound: 1.6 }, 100, 1.7), false);
	assert.equal(isMet({ of: "value", relation: "<=", bound: 3 }, Number.NaN, undefined), false);
});
