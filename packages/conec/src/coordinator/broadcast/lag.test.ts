import assert from "node:assert/strict";
import { test } from "node:test";
import { LagClock } from "./lag.ts";

test("a member may be waited for 100 ms in total within a second", () => {
	const clock = new LagClock(100, 1_000);
	assert.equal(clock.remainingMs(0), 100);
	clock.start(0);
	assert.equal(clock.remainingMs(40), 60);
	clock.start(30); // it is running
	clock.stop(35);
	assert.equal(clock.restedAt(40), false);
	clock.stop(40);
	assert.ok(Math.abs(clock.remainingMs(500) - 60) < 1e-6);
	clock.start(500);
	assert.ok(Math.abs(clock.remainingMs(560)) < 1e-6);
	assert.equal(clock.remainingMs(600), 0);
	clock.stop(560);
	assert.equal(Math.round(clock.remainingMs(900)), 0);
	assert.ok(clock.remainingMs(1_045) >= 38, "the first 40 ms are more than a second ago");
	assert.equal(clock.remainingMs(2_000), 100);
	assert.deepEqual([clock.restedAt(2_000), clock.restedAt(70_000)], [false, true]);
});

test("a member may be waited for 1 s in total within a minute, however it is spread", () => {
	const clock = new LagClock(100, 1_000);
	let waited = 0;
	let now = 0;
	for (; now < 50_000; now += 1_100) {
		const left = clock.remainingMs(now);
		clock.start(now);
		clock.stop(now + Math.min(90, left));
		waited += Math.min(90, left);
	}
	assert.ok(Math.abs(waited - 1_000) < 1, `${waited} ms`);
	assert.ok(clock.remainingMs(now) < 1);
	assert.ok(clock.remainingMs(64_000) > 0);
	assert.equal(clock.remainingMs(200_000), 100);
});

test("waiting that is longer than any window counts once, and time that is no whole number of slots adds up", () => {
	const clock = new LagClock(5_000, 5_000);
	clock.start(1_234.567);
	clock.stop(500_000.123);
	assert.equal(clock.remainingMs(500_001), 0);
	const fine = new LagClock(100, 1_000);
	for (let i = 0; i < 1_000; i++) {
		fine.start(i * 0.7);
		fine.stop(i * 0.7 + 0.05);
	}
	assert.ok(Math.abs(fine.remainingMs(700) - 50) < 1, `${fine.remainingMs(700)} ms`);
});
