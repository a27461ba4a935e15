import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { connectEnds, type Ends } from "../../../testing/stream-fixture.ts";
import { until } from "../../../testing/transport/suite-recorder.ts";
import { ConecError } from "../../errors.ts";
import { jsonCodec } from "./json-codec.ts";
import { type NonBlockingItem, nonBlocking } from "./non-blocking.ts";
import { typed } from "./typed.ts";

const TEXT = new TextDecoder();

function onEnds(behaviour: string, options: Parameters<typeof connectEnds>[0], run: (ends: Ends) => Promise<void>): void {
	test(`non-blocking: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds(options);
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

/** Lets everything run that can without I/O. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A source that is fed by the test. */
class Feed<T> implements AsyncIterable<T> {
	readonly #results: (IteratorResult<T, undefined> | { readonly error: unknown })[] = [];
	#wake: (() => void) | undefined = undefined;
	returned = 0;

	push(...values: T[]): void {
		for (const value of values) this.#results.push({ done: false, value });
		this.#wake?.();
	}

	end(): void {
		this.#results.push({ done: true, value: undefined });
		this.#wake?.();
	}

	fail(error: unknown): void {
		this.#results.push({ error });
		this.#wake?.();
	}

	[Symbol.asyncIterator](): AsyncIterator<T, undefined> {
		return {
			next: async () => {
				while (this.#results.length === 0) {
					await new Promise<void>((resolve) => {
						this.#wake = resolve;
					});
				}
				const result = this.#results.shift() as IteratorResult<T, undefined> | { readonly error: unknown };
				if ("error" in result) throw result.error;
				return result;
			},
			return: async () => {
				this.returned++;
				return { done: true, value: undefined };
			},
		};
	}
}

async function readAll<T>(items: AsyncIterable<NonBlockingItem<T>>): Promise<(T | string)[]> {
	const seen: (T | string)[] = [];
	for await (const item of items) seen.push(item.type === "message" ? item.message : `lost ${item.lost}`);
	return seen;
}

test("non-blocking: reads before anybody asks, keeps the newest, says how many were lost, and ends", async () => {
	const feed = new Feed<number>();
	const items = nonBlocking(feed, 3);
	feed.push(1, 2, 3, 4, 5, 6, 7);
	await settle();
	const iterator = items[Symbol.asyncIterator]();
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "lagged", lost: 4 } });
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "message", message: 5 } });
	feed.push(8, 9, 10);
	await settle();
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "lagged", lost: 2 } });
	feed.end();
	await settle();
	assert.deepEqual(await readAll(items), [8, 9, 10]);
	assert.deepEqual(await iterator.next(), { done: true, value: undefined });
	assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

test("non-blocking: a reader that keeps up loses nothing", async () => {
	const feed = new Feed<number>();
	const seen = readAll(nonBlocking(feed, 1));
	for (let value = 0; value < 100; value++) {
		feed.push(value);
		await settle();
	}
	feed.end();
	assert.deepEqual(
		await seen,
		Array.from({ length: 100 }, (_, value) => value),
	);
});

test("non-blocking: whatever the pace, kept and lost add up, in order", async () => {
	await fc.assert(
		fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(fc.record({ push: fc.nat(15), read: fc.nat(6) }), { maxLength: 30 }), async (capacity, steps) => {
			const feed = new Feed<number>();
			const items = nonBlocking(feed, capacity);
			const iterator = items[Symbol.asyncIterator]();
			let pushed = 0;
			let seen = 0;
			const account = (item: NonBlockingItem<number>): void => {
				if (item.type === "lagged") {
					assert.ok(item.lost > 0);
					seen += item.lost;
				} else {
					assert.equal(item.message, seen++);
				}
			};
			for (const { push, read } of steps) {
				for (let index = 0; index < push; index++) feed.push(pushed++);
				await settle();
				for (let index = 0; index < read && seen < pushed; index++) {
					const { value } = await iterator.next();
					account(value as NonBlockingItem<number>);
				}
				assert.ok(pushed - seen >= 0);
			}
			feed.end();
			await settle();
			let messages = 0;
			for await (const item of items) {
				account(item);
				if (item.type === "message") messages++;
			}
			assert.ok(messages <= capacity);
			assert.equal(seen, pushed);
		}),
		{ numRuns: 60 },
	);
});

test("non-blocking: an error comes after what is kept, and stays", async () => {
	const feed = new Feed<string>();
	const items = nonBlocking(feed, 2);
	const error = new ConecError("STREAM_RESET", "Cannot go on: reset");
	feed.push("a", "b", "c");
	feed.fail(error);
	await settle();
	const iterator = items[Symbol.asyncIterator]();
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "lagged", lost: 1 } });
	assert.deepEqual((await iterator.next()).value, { type: "message", message: "b" });
	assert.deepEqual((await iterator.next()).value, { type: "message", message: "c" });
	for (let time = 0; time < 2; time++) {
		await assert.rejects(iterator.next(), (reason) => reason === error);
		await assert.rejects(readAll(items), (reason) => reason === error);
	}
	const waiting = nonBlocking(feed, 2)[Symbol.asyncIterator]().next();
	feed.fail(error);
	await assert.rejects(waiting, (reason) => reason === error);
});

test("non-blocking: break and return release the source, also one that never answers", async () => {
	const feed = new Feed<number>();
	const items = nonBlocking(feed, 8);
	feed.push(1, 2, 3);
	for await (const item of items) {
		assert.deepEqual(item, { type: "message", message: 1 });
		break;
	}
	assert.equal(feed.returned, 1);
	assert.deepEqual(await readAll(items), []);
	const silent = nonBlocking(
		(async function* () {
			await new Promise(() => {});
			yield 1;
		})(),
		8,
	)[Symbol.asyncIterator]();
	const waiting = silent.next();
	assert.deepEqual(await silent.return?.(), { done: true, value: undefined });
	assert.deepEqual(await waiting, { done: true, value: undefined });
	assert.deepEqual(await silent.next(), { done: true, value: undefined });
});

test("non-blocking: a source that always has more leaves the event loop its turns", async () => {
	let made = 0;
	const items = nonBlocking(
		(async function* () {
			for (;;) yield made++;
		})(),
		4,
	);
	await until("it has made many", () => made > 2_000);
	const iterator = items[Symbol.asyncIterator]();
	const first = await iterator.next();
	assert.ok(first.value?.type === "lagged" && first.value.lost >= 1_000);
	await iterator.return?.();
	const then = made;
	await settle();
	assert.ok(made <= then + 1, "it reads no more after return");
});

test("non-blocking: one reader at a time; wrong arguments are TypeErrors and RangeErrors", async () => {
	const feed = new Feed<number>();
	const items = nonBlocking(feed, 1);
	const first = items[Symbol.asyncIterator]().next();
	await assert.rejects(items[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
	feed.end();
	await first;
	for (const capacity of [0, -1, 2 ** 20 + 1]) assert.throws(() => nonBlocking(feed, capacity), { name: "RangeError", code: "OPTION_INVALID" });
	for (const capacity of [1.5, Number.NaN, "1", undefined])
		assert.throws(() => nonBlocking(feed, capacity as number), { name: "TypeError", code: "OPTION_INVALID" });
	for (const source of [null, undefined, 1, {}, [1]]) assert.throws(() => nonBlocking(source as never, 1), { name: "TypeError", code: "OPTION_INVALID" });
});

test("non-blocking: a source that repeats one undecodable error is over", async () => {
	const error = new ConecError("DECODE_FAILED", "Cannot decode a message");
	const items = nonBlocking({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }, 4);
	for (let time = 0; time < 3; time++) await assert.rejects(readAll(items), (reason) => reason === error);
});

onEnds("a reader that stops costs the sender nothing", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const items = nonBlocking(far, 10);
	const message = new Uint8Array(16 * 1_024);
	// 32 MiB: more than a hundred times what the way itself holds.
	for (let index = 0; index < 2_048; index++) await near.send(message);
	await near.send("last");
	await near.close();
	let seen = 0;
	for await (const item of items) seen += item.type === "lagged" ? item.lost : 1;
	assert.equal(seen, 2_049);
});

onEnds("return leaves the stream to other readers", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const iterator = nonBlocking(far, 10)[Symbol.asyncIterator]();
	const waiting = iterator.next();
	await near.send("one");
	assert.deepEqual((await waiting).value?.type, "message");
	await assert.rejects(far.receive(), { code: "ITERATOR_IN_USE" });
	await iterator.return?.();
	await near.send("two");
	assert.equal(TEXT.decode((await far.receive()) as Uint8Array), "two");
});

onEnds("typed over it: values, losses, and an undecodable message costs itself only", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const items = typed(nonBlocking(far, 4), jsonCodec<number>());
	for (const message of ["0", "1", "2", "?", "4", "5"]) await near.send(message);
	await near.close();
	await until("everything is read", () => far.waitingMessages === 0);
	const iterator = items[Symbol.asyncIterator]();
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "lagged", lost: 2 } });
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "message", message: 2 } });
	await assert.rejects(iterator.next(), { code: "DECODE_FAILED" });
	const seen: unknown[] = [];
	for await (const item of items) {
		seen.push(item);
		if (seen.length === 2) break;
	}
	assert.deepEqual(seen, [
		{ type: "message", message: 4 },
		{ type: "message", message: 5 },
	]);
});

onEnds("over a typed stream: the same, and what is undecodable counts as lost", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const codec = jsonCodec<number>();
	let read = 0;
	const decode = (message: Uint8Array): unknown => {
		read++;
		return codec.decode(message);
	};
	const items = nonBlocking(typed(far, { ...codec, decode }), 3);
	for (const message of ["0", "?", "2", "?", "4", "?"]) await near.send(message);
	await until("everything is read", () => read === 6);
	await settle();
	const iterator = items[Symbol.asyncIterator]();
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "lagged", lost: 3 } });
	await assert.rejects(iterator.next(), { code: "DECODE_FAILED" });
	assert.deepEqual(await iterator.next(), { done: false, value: { type: "message", message: 4 } });
	await assert.rejects(iterator.next(), { code: "DECODE_FAILED" });
	const waiting = iterator.next();
	await near.send("also ?");
	await assert.rejects(waiting, { code: "DECODE_FAILED" });
	near.reset(3);
	await assert.rejects(iterator.next(), { code: "STREAM_RESET", closeCode: 3 });
	far.reset();
	near.stop();
});
