import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { Turnstile } from "./turnstile.ts";

test("turnstile: a burst passes at once, what is more passes at its rate and in its order, and the end forgets what waits", async () => {
	const clock = createVirtualClock();
	const slowed: number[] = [];
	const passed: number[] = [];
	const turnstile = new Turnstile({ perSecond: 100, burst: 1_000, clock, slowed: () => slowed.push(clock.now()) });
	for (let i = 0; i < 1_000; i++) turnstile.pass(() => passed.push(i));
	assert.deepEqual([passed.length, slowed.length, clock.pending], [1_000, 0, 0]);
	for (let i = 1_000; i < 1_500; i++) turnstile.pass(() => passed.push(i));
	assert.equal(turnstile.length, 500);
	await clock.advance(2_000);
	assert.ok(Math.abs(passed.length - 1_200) <= 10, `${passed.length}`);
	assert.ok(slowed.length >= 2 && slowed.length <= 3, `${slowed}`);
	assert.deepEqual(
		passed,
		passed.map((_, i) => i),
	);
	turnstile.end();
	turnstile.pass(() => passed.push(-1));
	await clock.advance(10_000);
	assert.deepEqual([turnstile.length, clock.pending, passed.includes(-1)], [0, 0, false]);
});

test("turnstile: where many wait it says so, and says when few are left", async () => {
	const clock = createVirtualClock();
	const told: string[] = [];
	let passed = 0;
	const crowded = (is: boolean): void => void told.push(`${is} at ${turnstile.length}`);
	const turnstile = new Turnstile({ perSecond: 100, burst: 10, clock, slowed: () => undefined, crowded });
	const pass = (): void => void passed++;
	for (let i = 0; i < 73; i++) turnstile.pass(pass);
	assert.deepEqual(told, []);
	turnstile.pass(pass);
	assert.deepEqual(told, ["true at 64"]);
	for (let i = 0; i < 10; i++) turnstile.pass(pass);
	await clock.advance(400);
	assert.deepEqual(told, ["true at 64"]);
	await clock.advance(1_000);
	assert.deepEqual([told, passed, turnstile.length], [["true at 64", "false at 32"], 84, 0]);
});
