import assert from "node:assert/strict";
import { test } from "node:test";
import { Allowance } from "./allowance.ts";

test("allowance: as many as a minute allows at once, then evenly", () => {
	const allowance = new Allowance(60, 0);
	for (let i = 0; i < 60; i++) assert.deepEqual(allowance.take(0), { type: "taken" });
	assert.deepEqual(allowance.take(0), { type: "refused", retryAfterMs: 1_000 });
	assert.deepEqual(allowance.take(250), { type: "refused", retryAfterMs: 750 });
	assert.deepEqual(allowance.take(1_000), { type: "taken" });
	assert.equal(allowance.take(1_001).type, "refused");
	// A long rest fills it no further than a minute does.
	for (let i = 0; i < 60; i++) assert.equal(allowance.take(10_000_000).type, "taken");
	assert.equal(allowance.take(10_000_000).type, "refused");
});

test("allowance: of nothing there is never any", () => {
	assert.deepEqual(new Allowance(0, 0).take(1e9), { type: "refused", retryAfterMs: undefined });
});

test("allowance: what costs more takes more, but never more than there can be", () => {
	const allowance = new Allowance(60, 0);
	for (let i = 0; i < 6; i++) assert.equal(allowance.take(0, 10).type, "taken");
	assert.deepEqual(allowance.take(0, 10), { type: "refused", retryAfterMs: 10_000 });
	assert.deepEqual(allowance.take(10_000, 10), { type: "taken" });
	assert.equal(allowance.take(70_000, 1_000).type, "taken");
	assert.equal(allowance.take(70_000).type, "refused");
});
