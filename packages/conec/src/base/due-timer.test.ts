import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { DueTimer } from "./due-timer.ts";

test("due timer: fires once, at the earliest time that it was set to, and can be set anew from there", async () => {
	const clock = createVirtualClock();
	const fired: number[] = [];
	const timer: DueTimer = new DueTimer(clock, () => {
		fired.push(clock.now());
		if (fired.length === 1) timer.by(clock.now() + 50);
	});
	for (const atMs of [300, 100, 200]) timer.by(atMs);
	assert.equal(clock.pending, 1);
	await clock.advance(1_000);
	assert.deepEqual([fired, clock.pending], [[100, 150], 0]);
	timer.by(2_000);
	timer.clear();
	timer.clear();
	await clock.advance(5_000);
	assert.deepEqual([fired.length, clock.pending], [2, 0]);
});
