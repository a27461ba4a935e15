import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { createVirtualClock } from "./virtual-clock.ts";

test("virtual clock: timers fire at their moments, those of one moment in the order they were set", async () => {
	const clock = createVirtualClock();
	const fired: string[] = [];
	const set = (name: string, ms: number): unknown => clock.setTimeout(() => fired.push(`${name} ${clock.now()}`), ms);
	set("c", 20);
	set("a", 10);
	set("b", 10);
	const forgotten = set("x", 10);
	clock.soon(() => fired.push("soon"));
	clock.clearTimeout(forgotten);
	assert.equal(clock.pending, 4);
	await clock.advance(9);
	assert.deepEqual([fired, clock.now(), clock.pending], [["soon"], 9, 3]);
	await clock.advance(11);
	assert.deepEqual([fired, clock.now(), clock.pending], [["soon", "a 10", "b 10", "c 20"], 20, 0]);
	assert.equal(clock.wallMs() - createVirtualClock().wallMs(), 20);
});

test("virtual clock: what a timer sets off in promises and immediates is over before the next moment", async () => {
	const clock = createVirtualClock();
	const heard: string[] = [];
	clock.setTimeout(() => {
		void (async () => {
			for (let step = 0; step < 10; step++) await undefined;
			heard.push("promises");
			setImmediate(() => setImmediate(() => heard.push("immediates")));
			clock.setTimeout(() => heard.push("same moment"), 0);
		})();
	}, 1);
	clock.setTimeout(() => heard.push("next moment"), 2);
	await clock.advance(2);
	assert.deepEqual(heard, ["promises", "immediates", "same moment", "next moment"]);
});

test("virtual clock: a timer that another one of its moment forgets does not fire", async () => {
	const clock = createVirtualClock();
	let fired = 0;
	const second: { timer?: unknown } = {};
	clock.setTimeout(() => clock.clearTimeout(second.timer), 5);
	second.timer = clock.setTimeout(() => fired++, 5);
	await clock.advance(5);
	assert.deepEqual([fired, clock.pending], [0, 0]);
});

test("virtual clock: until stops at the moment when the promise settles, and does not wait for ever", async () => {
	const clock = createVirtualClock();
	const later = new Promise<number>((resolve) => clock.setTimeout(() => resolve(clock.now()), 700));
	assert.equal(await clock.until(later, 1_000), 700);
	assert.equal(clock.now(), 700);
	await assert.rejects(clock.until(new Promise(() => undefined), 1_000), { code: "PEER_TIMEOUT" });
	assert.equal(clock.now(), 1_700);
	await assert.rejects(clock.until(Promise.reject(new TypeError("no")), 1_000), TypeError);
});

test("virtual clock: what a callback throws reaches who moves the clock, and the others of its moment still fire", async () => {
	const clock = createVirtualClock();
	let fired = 0;
	clock.setTimeout(() => {
		throw new TypeError("thrown");
	}, 1);
	clock.setTimeout(() => fired++, 1);
	await assert.rejects(clock.advance(1), TypeError);
	assert.equal(fired, 1);
	await assert.rejects(clock.advance(-1), { name: "RangeError", code: "OPTION_INVALID" });
});

test("virtual clock: calls at the same time follow each other, each to the moment that it meant", async () => {
	const clock = createVirtualClock();
	const fired: string[] = [];
	for (const ms of [1, 3, 5]) clock.setTimeout(() => fired.push(`${ms}`), ms);
	const moves = [4, 2, 5].map((ms) => clock.advance(ms).then(() => fired.push(`moved ${ms}`)));
	await Promise.all(moves);
	assert.deepEqual([fired, clock.now()], [["1", "3", "moved 4", "moved 2", "5", "moved 5"], 5]);
});

test("virtual clock: thousands of timers, many of them forgotten, fire in order", async () => {
	const clock = createVirtualClock({ turns: 1 });
	const random = seededRandom(3);
	const fired: number[] = [];
	const timers = Array.from({ length: 5_000 }, () => {
		const at = Math.floor(500 * random.fraction());
		return { at, timer: clock.setTimeout(() => fired.push(at), at) };
	});
	const kept = timers.filter(({ timer }) => {
		const keep = random.fraction() < 0.3;
		if (!keep) clock.clearTimeout(timer);
		return keep;
	});
	assert.equal(clock.pending, kept.length);
	await clock.advance(500);
	assert.deepEqual(
		fired,
		kept.map(({ at }) => at).sort((a, b) => a - b),
	);
});
