import assert from "node:assert/strict";
import { test } from "node:test";
import { orderedAhead } from "./ordered-ahead.ts";
import { TaskSlots } from "./task-slots.ts";

test("task slots: never more than the limit run at once", async () => {
	const slots = new TaskSlots(3);
	let running = 0;
	let most = 0;
	for (let index = 0; index < 20; index += 1) {
		await slots.start(async () => {
			running += 1;
			most = Math.max(most, running);
			await new Promise(setImmediate);
			running -= 1;
		});
	}
	await slots.finish();
	assert.equal(most, 3);
	assert.equal(running, 0);
});

test("task slots: the first failure is thrown by the next start and by finish", async () => {
	const slots = new TaskSlots(1);
	const failure = new RangeError("first");
	await slots.start(() => Promise.reject(failure));
	await assert.rejects(
		slots.start(async () => {}),
		failure,
	);
	await slots.settled();
	await assert.rejects(slots.finish(), failure);
});

test("ordered ahead: results keep their order and at most width are under way", async () => {
	let started = 0;
	let used = 0;
	let most = 0;
	async function* items(): AsyncGenerator<number, void, void> {
		for (let index = 0; index < 50; index += 1) yield index;
	}
	const results: number[] = [];
	for await (const result of orderedAhead(items(), 4, async (item) => {
		started += 1;
		most = Math.max(most, started - used);
		for (let turn = 0; turn < (item * 7) % 5; turn += 1) await new Promise(setImmediate);
		return item;
	})) {
		results.push(result);
		used += 1;
	}
	assert.deepEqual(results, [...Array(50).keys()]);
	assert.ok(most <= 4, `${most} under way`);
});

test("ordered ahead: ending early waits for what was started and ends the source", async () => {
	let finished = 0;
	let ended = false;
	async function* items(): AsyncGenerator<number, void, void> {
		try {
			for (let index = 0; ; index += 1) yield index;
		} finally {
			ended = true;
		}
	}
	for await (const _ of orderedAhead(items(), 3, async () => {
		await new Promise(setImmediate);
		finished += 1;
	})) {
		break;
	}
	assert.equal(ended, true);
	assert.equal(finished, 3);
});
