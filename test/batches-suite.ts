/**
 * What `batches()` promises wherever there is one: on streams of every kind, on broadcasts, and where values are carried, on any transport.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Client, type Codec, jsonCodec, type MessageStream, typed } from "../packages/conec/src/index.ts";
import { declare, type Fabric, next, pair, text, until, World } from "./entities-world.ts";

const COUNT = 3_000;
const codec = jsonCodec<number>();

/** A way from one that sends to one that reads. */
interface Way {
	send(number: number): Promise<void>;
	/** No more is sent. */
	end(): Promise<void>;
	/** Ends it by a failure. */
	fail(): void;
	/** Codes of which the reader hears one then. */
	readonly failures: readonly string[];
	/** Batches of numbers. */
	batches(options?: { readonly maxMessages?: number }): AsyncIterable<number[]>;
	/** Single numbers. */
	[Symbol.asyncIterator](): AsyncIterator<number, undefined>;
}

type Streams = readonly [near: MessageStream, far: MessageStream];

/** Declares the tests. */
export function batchesSuite(fabric: Fabric): void {
	const it = declare(fabric);
	for (const [name, make] of Object.entries(WAYS)) {
		it(`batches of ${name}: everything comes once and in order, in arrays that are not empty, and then the end`, async (t) => {
			const way = await make(t, fabric);
			const sending = sendAll(way, 0, COUNT).then(() => way.end());
			const seen: number[] = [];
			for await (const batch of way.batches()) {
				assert.ok(batch.length > 0);
				seen.push(...batch);
			}
			assert.deepEqual(seen, numbers(0, COUNT));
			for await (const batch of way.batches()) assert.fail(`${batch.length} came after the end`);
			await sending;
		});

		it(`batches of ${name}: break leaves the rest to the next reader, of one kind or the other; maxMessages is heeded`, async (t) => {
			const way = await make(t, fabric);
			const sending = sendAll(way, 0, 200).then(() => way.end());
			const seen: number[] = [];
			const take = async (items: AsyncIterable<number | number[]>): Promise<void> => {
				for await (const item of items) {
					const batch = typeof item === "number" ? [item] : item;
					assert.ok(batch.length > 0 && batch.length <= 7);
					seen.push(...batch);
					await assert.rejects(way.batches()[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
					return;
				}
			};
			while (seen.length < 200) await take(seen.length % 3 === 0 ? way : way.batches({ maxMessages: 7 }));
			assert.deepEqual(seen, numbers(0, 200));
			assert.throws(() => way.batches({ maxMessages: 0 }), { name: "RangeError", code: "OPTION_INVALID" });
			await sending;
		});

		it(`batches of ${name}: a reader that waits is asked for one thing at a time, and may leave`, async (t) => {
			const way = await make(t, fabric);
			const reader = way.batches()[Symbol.asyncIterator]();
			const waiting = reader.next();
			await assert.rejects(reader.next(), { code: "ITERATOR_IN_USE" });
			await reader.return?.();
			assert.deepEqual(await waiting, { done: true, value: undefined });
			await way.send(1);
			assert.deepEqual(await way.batches()[Symbol.asyncIterator]().next(), { done: false, value: [1] });
			assert.deepEqual(await reader.next(), { done: true, value: undefined });
		});

		it(`batches of ${name}: an error comes after what came whole`, async (t) => {
			const way = await make(t, fabric);
			await sendAll(way, 0, 5);
			const seen: number[] = [];
			await assert.rejects(
				async () => {
					for await (const batch of way.batches({ maxMessages: 2 })) {
						seen.push(...batch);
						if (seen.length === 5) way.fail();
					}
				},
				(error: { code: string }) => way.failures.includes(error.code),
			);
			assert.deepEqual(seen, numbers(0, 5));
		});
	}

	it("batches of values: one that cannot be decoded ends its array, is thrown alone, and the next reader goes on behind it", async (t) => {
		for (const slow of [false, true]) {
			const [near, far] = await proxied(t, fabric);
			const values = typed(far, slow ? SLOW : codec);
			for (const message of ["0", "1", "x", "y", "2", "3"]) await near.send(message);
			await near.close();
			const seen: string[] = [];
			for (let ended = false; !ended; ) {
				try {
					for await (const batch of values.batches({ maxMessages: 4 })) for (const value of batch) seen.push(String(value));
					ended = true;
				} catch (error) {
					seen.push((error as { code: string }).code);
				}
			}
			assert.deepEqual(seen, ["0", "1", "DECODE_FAILED", "DECODE_FAILED", "2", "3"]);
		}
	});

	it("batches of values: what an array has not given is still a message of the stream below", async (t) => {
		const [near, far] = await proxied(t, fabric);
		for (const message of ["0", "x", "1"]) await near.send(message);
		for await (const batch of typed(far, codec).batches()) {
			assert.deepEqual(batch, [0]);
			break;
		}
		assert.equal(text(await far.receive()), "x");
		assert.equal(text(await far.receive()), "1");
	});

	it("batches of values: a reader that leaves while a value is checked loses none of the others", async (t) => {
		const [near, far] = await proxied(t, fabric);
		let pass = (): void => undefined;
		const checked = new Promise<void>((resolve) => {
			pass = resolve;
		});
		const values = typed(
			far,
			checking(async (value) => (value === 1 ? checked.then(() => value) : value)),
		);
		for (const message of ["0", "1", "2"]) await near.send(message);
		const reader = values.batches()[Symbol.asyncIterator]();
		const given = reader.next();
		await near.close();
		await reader.return?.();
		pass();
		assert.deepEqual(await given, { done: false, value: [0] });
		const rest: number[] = [];
		for await (const value of values) rest.push(value);
		assert.deepEqual(rest, [1, 2]);
	});

	it("batches of values: a stream that is stopped inside a codec gives no more", async (t) => {
		const [near, far] = await proxied(t, fabric);
		const values = typed(far, {
			encode: codec.encode,
			decode(bytes) {
				const value = codec.decode(bytes) as number;
				if (value === 1) far.stop(4);
				return value;
			},
		} as Codec<number>);
		for (const message of ["0", "1", "2"]) await near.send(message);
		const reader = values.batches()[Symbol.asyncIterator]();
		const first = await reader.next();
		assert.ok(first.done !== true && first.value.length <= 1, "what was stopped is not given");
		await assert.rejects(
			async () => {
				for (;;) await reader.next();
			},
			{ code: "STREAM_CLOSED" },
		);
	});

	it("batches of a reader that stops: its sender waits, and goes on when it reads again", async (t) => {
		const [near, far] = await proxied(t, fabric);
		const message = new Uint8Array(1_024);
		let sent = 0;
		const fill = (): void => {
			while (near.trySend(message)) sent++;
		};
		const reader = far.batches()[Symbol.asyncIterator]();
		const first = reader.next();
		fill();
		await first;
		let before = -1;
		await until(() => {
			const more = sent > before;
			before = sent;
			fill();
			return !more && sent === before;
		});
		assert.ok(sent * message.length < 3 * 1_048_576, `${sent} KiB went to one that does not read`);
		let got = (await first).value?.length ?? 0;
		near.close().catch(() => undefined);
		for (let step = await reader.next(); step.done !== true; step = await reader.next()) got += step.value.length;
		assert.equal(got, sent);
	});
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

async function sendAll(way: Way, from: number, to: number): Promise<void> {
	for (const number of numbers(from, to)) await way.send(number);
}

/** A codec whose schema takes its time. */
function checking(check: (value: unknown) => Promise<unknown>): Codec<number> {
	const validate = async (value: unknown) => ({ value: (await check(value)) as number });
	return jsonCodec<number, number>({ "~standard": { version: 1, vendor: "test", validate } });
}

const SLOW = checking(async (value) => value);

type Maker = (t: TestContext, fabric: Fabric) => Promise<Way>;

async function two(t: TestContext, fabric: Fabric, listen = false): Promise<[Client, Client, World]> {
	const world = await World.create(t, fabric);
	return [await world.connect("alice", { listen }), await world.connect("bob", { listen }), world];
}

async function proxied(t: TestContext, fabric: Fabric): Promise<Streams> {
	const [alice, bob] = await two(t, fabric);
	return pair(alice, bob, { path: "proxied" });
}

function ofStreams([near, far]: Streams): Way {
	return {
		send: (number) => near.send(`${number}`),
		end: () => near.close(),
		fail: () => near.reset(9),
		failures: ["STREAM_RESET"],
		batches: (options) => mapped(far.batches(options), (batch) => batch.map((message) => Number(text(message)))),
		[Symbol.asyncIterator]: () => mapped(far, (message) => Number(text(message)))[Symbol.asyncIterator](),
	};
}

function ofValues([near, far]: Streams, of: Codec<number>): Way {
	const [sender, reader] = [typed(near, of), typed(far, of)];
	return {
		send: (number) => sender.send(number),
		end: () => near.close(),
		fail: () => near.reset(9),
		failures: ["STREAM_RESET"],
		batches: (options) => reader.batches(options),
		[Symbol.asyncIterator]: () => reader[Symbol.asyncIterator](),
	};
}

/** Nothing but a message may come, and none may be lost. */
function messageOf<M extends { readonly type: string }>(event: M): Extract<M, { readonly type: "message" }> {
	assert.equal(event.type, "message");
	return event as Extract<M, { readonly type: "message" }>;
}

/** Whoever reads is asked in the same way as what it reads. */
function mapped<T, V>(items: AsyncIterable<T>, map: (item: T) => V): AsyncIterable<V> {
	return {
		[Symbol.asyncIterator]() {
			const iterator = items[Symbol.asyncIterator]();
			return {
				next: () => iterator.next().then((result) => (result.done === true ? { done: true, value: undefined } : { done: false, value: map(result.value) })),
				return: () => (iterator.return?.() ?? Promise.resolve()).then(() => ({ done: true, value: undefined })),
			};
		},
	};
}

const WAYS: Readonly<Record<string, Maker>> = {
	"a proxied stream": async (t, fabric) => ofStreams(await proxied(t, fabric)),
	"a direct stream": async (t, fabric) => {
		const [alice, bob] = await two(t, fabric, true);
		await alice.openChannel("bob");
		return ofStreams(await pair(alice, bob, { path: "direct" }));
	},
	"a stream to the Coordinator": async (t, fabric) => {
		const [alice, , { coordinator }] = await two(t, fabric);
		return ofStreams(await Promise.all([alice.openCoordinatorStream(), next(coordinator.incomingStreams)]));
	},
	"a resumable stream": async (t, fabric) => {
		const [alice, bob] = await two(t, fabric, true);
		return ofStreams(await pair(alice, bob, { resumable: true }));
	},
	"typed values": async (t, fabric) => ofValues(await proxied(t, fabric), codec),
	"values whose schema takes its time": async (t, fabric) => ofValues(await proxied(t, fabric), SLOW),
	"a broadcast": async (t, fabric) => {
		const [alice, bob, { coordinator }] = await two(t, fabric);
		const [sender, member] = [
			await alice.joinBroadcast("news", { mode: "send" }),
			await bob.joinBroadcast("news", { mode: "receive", slowReader: "disconnect" }),
		];
		return {
			send: (number) => sender.send(`${number}`),
			end: () => sender.finish(),
			fail: () => coordinator.destroy(),
			failures: ["COORDINATOR_LOST", "COORDINATOR_CLOSED"],
			batches: (options) => mapped(member.batches(options), (batch) => batch.map((event) => Number(text(messageOf(event).data)))),
			[Symbol.asyncIterator]: () => mapped(member, (event) => Number(text(messageOf(event).data)))[Symbol.asyncIterator](),
		};
	},
	"a typed broadcast": async (t, fabric) => {
		const [alice, bob, { coordinator }] = await two(t, fabric);
		const sender = typed(await alice.joinBroadcast("news", { mode: "send" }), codec);
		const member = typed(await bob.joinBroadcast("news", { mode: "receive", slowReader: "disconnect" }), codec);
		return {
			send: (number) => sender.send(number),
			end: () => sender.finish(),
			fail: () => coordinator.destroy(),
			failures: ["COORDINATOR_LOST", "COORDINATOR_CLOSED"],
			batches: (options) => mapped(member.batches(options), (batch) => batch.map((event) => messageOf(event).data)),
			[Symbol.asyncIterator]: () => mapped(member, (event) => messageOf(event).data)[Symbol.asyncIterator](),
		};
	},
};
