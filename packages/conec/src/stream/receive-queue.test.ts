import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConecError } from "../errors.ts";
import { ReceiveQueue } from "./receive-queue.ts";

/** A queue of numbers, and those that it has given back, in order. */
function queue(): { readonly queue: ReceiveQueue<number>; readonly consumed: number[] } {
	const consumed: number[] = [];
	return { queue: new ReceiveQueue({ consumed: (message) => consumed.push(message), describe: 'stream 7 from "bob"' }), consumed };
}

const LOST = new ConecError("PEER_LOST", "gone");

test("receive queue: a batch is everything that waits, and a batch that is waited for is everything of one turn", async () => {
	const { queue: messages, consumed } = queue();
	const batches = messages.iterateBatches(Number.POSITIVE_INFINITY);
	for (const message of [1, 2, 3]) messages.push(message);
	assert.deepEqual(consumed, []);
	assert.deepEqual(await batches.next(), { done: false, value: [1, 2, 3] });
	assert.deepEqual(consumed, [1, 2, 3]);
	const waiting = batches.next();
	for (const message of [4, 5]) messages.push(message);
	assert.deepEqual(consumed, [1, 2, 3], "it is given when the turn is over");
	assert.deepEqual(await waiting, { done: false, value: [4, 5] });
	assert.deepEqual(consumed, [1, 2, 3, 4, 5]);
});

test("receive queue: a batch has at most as many messages as its reader wants", async () => {
	const { queue: messages } = queue();
	const batches = messages.iterateBatches(2);
	const waiting = batches.next();
	for (const message of [1, 2, 3, 4, 5]) messages.push(message);
	messages.finish(null);
	assert.deepEqual(await waiting, { done: false, value: [1, 2] });
	assert.deepEqual(await batches.next(), { done: false, value: [3, 4] });
	assert.deepEqual(await batches.next(), { done: false, value: [5] });
	assert.deepEqual(await batches.next(), { done: true, value: undefined });
});

test("receive queue: an end in the turn of the last messages comes after their batch", async () => {
	for (const outcome of [null, LOST]) {
		const { queue: messages } = queue();
		const batches = messages.iterateBatches(Number.POSITIVE_INFINITY);
		const waiting = batches.next();
		messages.push(1);
		messages.finish(outcome);
		messages.finish(new ConecError("STREAM_RESET", "the first outcome stays"));
		assert.deepEqual(await waiting, { done: false, value: [1] });
		if (outcome === null) assert.deepEqual(await batches.next(), { done: true, value: undefined });
		else await assert.rejects(batches.next(), { code: "PEER_LOST" });
		await assert.doesNotReject(outcome === null ? messages.receive(undefined) : Promise.resolve());
	}
});

test("receive queue: an end without messages ends a batch that is waited for", async () => {
	const ended = queue().queue;
	const waiting = ended.iterateBatches(5).next();
	ended.finish(null);
	assert.deepEqual(await waiting, { done: true, value: undefined });
	const lost = queue().queue;
	const rejected = lost.iterateBatches(5).next();
	lost.finish(LOST);
	await assert.rejects(rejected, { code: "PEER_LOST" });
});

test("receive queue: what is discarded in the turn in which it came is in no batch", async () => {
	const { queue: messages, consumed } = queue();
	const waiting = messages.iterateBatches(5).next();
	messages.push(1);
	messages.discard(new ConecError("STREAM_CLOSED", "stopped"));
	await assert.rejects(waiting, { code: "STREAM_CLOSED" });
	assert.deepEqual(consumed, []);
});

test("receive queue: a reader of batches that leaves takes nothing of what has just come", async () => {
	const { queue: messages, consumed } = queue();
	const batches = messages.iterateBatches(5);
	const waiting = batches.next();
	messages.push(1);
	messages.push(2);
	await batches.return?.();
	assert.deepEqual(await waiting, { done: true, value: undefined });
	assert.deepEqual(await batches.next(), { done: true, value: undefined });
	assert.deepEqual(consumed, []);
	assert.equal(await messages.receive(undefined), 1);
	assert.deepEqual(await messages.iterateBatches(5).next(), { done: false, value: [2] });
});

/** What a reader does: reads one by `receive`, or some by an iterator, or some batches; then it leaves. */
const act = fc.oneof(
	fc.record({ type: fc.constant("push" as const), count: fc.integer({ min: 0, max: 40 }) }),
	fc.record({ type: fc.constant("receive" as const), count: fc.integer({ min: 1, max: 3 }) }),
	fc.record({ type: fc.constant("iterate" as const), count: fc.integer({ min: 1, max: 20 }) }),
	fc.record({ type: fc.constant("batches" as const), count: fc.integer({ min: 1, max: 20 }) }),
);

test("receive queue: whoever reads, each message is read once and in order, and given back once and in order", async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
			const { queue: messages, consumed } = queue();
			let pushed = 0;
			const read: number[] = [];
			const push = (count: number): void => {
				for (let index = 0; index < count; index++) messages.push(pushed++);
			};
			for (const { type, count } of acts) {
				if (type === "push") {
					push(count);
				} else if (type === "receive") {
					for (let index = 0; index < count; index++) {
						const receiving = messages.receive(undefined);
						if (messages.length === 0 && read.length === pushed) push(1 + (index % 2));
						read.push((await receiving) as number);
					}
				} else if (type === "iterate") {
					const iterator = messages.iterate();
					for (let index = 0; index < count; index++) {
						const next = iterator.next();
						if (read.length === pushed) push(1 + (index % 3));
						read.push((await next).value as number);
					}
					await iterator.return?.();
				} else {
					const iterator = messages.iterateBatches(count);
					for (let index = 0; index < 3; index++) {
						const next = iterator.next();
						if (read.length === pushed) push(1 + index * count);
						const batch = (await next).value as number[];
						assert.ok(batch.length >= 1 && batch.length <= count, `${batch.length} messages in a batch of at most ${count}`);
						read.push(...batch);
					}
					await iterator.return?.();
				}
				assert.deepEqual(consumed, read);
			}
			assert.deepEqual(
				read,
				Array.from({ length: read.length }, (_, index) => index),
			);
			assert.equal(messages.length, pushed - read.length);
		}),
		{ numRuns: 500 },
	);
});

test("receive queue: each kind of reader says that it waits, and that it has given that up", async () => {
	const said: boolean[] = [];
	const messages = new ReceiveQueue<number>({ consumed: () => undefined, waits: (yes) => said.push(yes), describe: "stream 7" });
	const one = messages.iterate();
	void one.next();
	await one.return?.();
	const batches = messages.iterateBatches(2);
	void batches.next();
	await batches.return?.();
	const abort = new AbortController();
	const receiving = messages.receive(abort.signal);
	abort.abort();
	await assert.rejects(receiving, { name: "AbortError" });
	assert.deepEqual(said, [true, false, true, false, true, false]);
});
