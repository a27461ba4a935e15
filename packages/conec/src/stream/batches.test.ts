import assert from "node:assert/strict";
import { test } from "node:test";
import { connectEnds, type Ends } from "../../testing/stream-fixture.ts";
import { until } from "../../testing/transport/suite-recorder.ts";
import { nonBlocking } from "./adapters/index.ts";
import type { FramedStream } from "./framed-stream.ts";

const TEXT = new TextDecoder();

/** A test on two connected ends, after which nothing may be left. */
function onEnds(behaviour: string, options: Parameters<typeof connectEnds>[0], run: (ends: Ends) => Promise<void>): void {
	test(`batches: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds(options);
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

const words = (batch: readonly Uint8Array[]): string[] => batch.map((message) => TEXT.decode(message));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));

/** Sends the numbers, and waits until as many messages wait at the other side. */
async function sent(near: FramedStream, far: FramedStream, from: number, to: number): Promise<void> {
	const before = far.waitingMessages;
	for (const text of numbers(from, to)) await near.send(text);
	await until("the messages are there", () => far.waitingMessages === before + to - from);
}

onEnds("all that is here comes in one array, whole and in order", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await sent(near, far, 0, 100);
	for await (const batch of far.batches()) {
		assert.deepEqual(words(batch), numbers(0, 100));
		break;
	}
	await near.close();
	for await (const batch of far.batches()) assert.fail(`${batch.length} messages came after the end`);
	assert.equal(await far.receive(), null);
});

onEnds("empty and longest messages are as whole as others", { limits: { messageBytes: 100_000 } }, async (ends) => {
	const { near, far } = await ends.streams();
	const closed = (async () => {
		await near.send("");
		await near.send(new Uint8Array(100_000).fill(7));
		await near.send("");
		await near.close();
	})();
	const lengths: number[] = [];
	for await (const batch of far.batches({ maxMessages: 2 })) lengths.push(...batch.map((message) => message.length));
	assert.deepEqual(lengths, [0, 100_000, 0]);
	await closed;
});

onEnds("more than fits between the ends comes as its reader takes it", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const message = new Uint8Array(16 * 1_024);
	const count = 500;
	const sending = (async () => {
		for (let index = 0; index < count; index++) {
			message[0] = index % 256;
			await near.send(message);
		}
		await near.close();
	})();
	let next = 0;
	for await (const batch of far.batches()) {
		assert.ok(batch.length > 0);
		for (const received of batch) assert.equal(received[0], next++ % 256);
	}
	assert.equal(next, count);
	await sending;
});

onEnds("credit goes back when an array is given: a batch that is held makes nobody wait, one that is not read does", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const message = new Uint8Array(16 * 1_024);
	const taken = { count: 0 };
	const fill = async (): Promise<number> => {
		const before = taken.count;
		for (let refused = 0; refused < 20; ) {
			if (near.trySend(message)) {
				taken.count++;
				refused = 0;
			} else {
				refused++;
				await new Promise((resolve) => setTimeout(resolve, 2));
			}
		}
		return taken.count - before;
	};
	await fill();
	const iterator = far.batches()[Symbol.asyncIterator]();
	const held = await iterator.next();
	const more = await fill();
	// The window may have grown to its greatest, 2 MiB.
	assert.ok(more > 0 && more <= 130, `${more} more went while ${held.value?.length} are held`);
	assert.equal(await fill(), 0);
	await iterator.return?.();
	near.reset();
	far.stop();
});

onEnds("one reader at a time; break leaves to the next reader what no batch has given", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await sent(near, far, 0, 10);
	for await (const batch of far.batches({ maxMessages: 3 })) {
		assert.deepEqual(words(batch), numbers(0, 3));
		await assert.rejects(far.receive(), { code: "ITERATOR_IN_USE" });
		await assert.rejects(far[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
		await assert.rejects(far.batches()[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
		break;
	}
	assert.equal(TEXT.decode((await far.receive()) ?? undefined), "3");
	for await (const message of far) {
		assert.equal(TEXT.decode(message), "4");
		await assert.rejects(far.batches()[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
		break;
	}
	const iterator = far.batches()[Symbol.asyncIterator]();
	assert.deepEqual(words((await iterator.next()).value ?? []), numbers(5, 10));
	const waiting = iterator.next();
	await assert.rejects(iterator.next(), { code: "ITERATOR_IN_USE" });
	await iterator.return?.();
	assert.deepEqual(await waiting, { done: true, value: undefined });
	const receiving = far.receive();
	await assert.rejects(far.batches()[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
	await near.send("last");
	assert.equal(TEXT.decode((await receiving) ?? undefined), "last");
});

onEnds("the same iterable can be read again", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const batches = far.batches({ maxMessages: 2 });
	await sent(near, far, 0, 4);
	const read: string[][] = [];
	for (let turn = 0; turn < 2; turn++) {
		for await (const batch of batches) {
			read.push(words(batch));
			break;
		}
	}
	assert.deepEqual(read, [numbers(0, 2), numbers(2, 4)]);
});

onEnds("an error comes after what came whole", {}, async (ends) => {
	for (const [end, error] of [
		[(near: FramedStream) => near.reset(9), { code: "STREAM_RESET", closeCode: 9 }],
		[() => ends.network.cut(ends.nearTransport, ends.farTransport), { code: "CONNECTION_LOST" }],
	] as const) {
		const { near, far } = await ends.streams();
		await sent(near, far, 0, 5);
		end(near);
		const read: string[] = [];
		await assert.rejects(async () => {
			for await (const batch of far.batches({ maxMessages: 2 })) {
				read.push(...words(batch));
				await until("the stream has broken", () => far.failures.length > 0);
			}
		}, error);
		assert.deepEqual(read, numbers(0, 5));
		await assert.rejects(far.batches()[Symbol.asyncIterator]().next(), { code: error.code });
	}
});

onEnds("stop drops what waits, and a reader that waits is told", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const waiting = far.batches()[Symbol.asyncIterator]().next();
	far.stop(4);
	await assert.rejects(waiting, { code: "STREAM_CLOSED" });
	await assert.rejects(
		async () => {
			for (;;) await near.send("x");
		},
		{ code: "STREAM_STOPPED", closeCode: 4 },
	);
});

onEnds("a nonBlocking may read them, as any async iterable", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await sent(near, far, 0, 6);
	await near.close();
	const read: string[] = [];
	for await (const item of nonBlocking(far.batches({ maxMessages: 2 }), 10)) if (item.type === "message") read.push(...words(item.message));
	assert.deepEqual(read, numbers(0, 6));
});

onEnds("what is no bound is refused at once", {}, async (ends) => {
	const { far } = await ends.streams();
	for (const maxMessages of [0, -1, 0.5, 1_048_577, Number.POSITIVE_INFINITY, Number.NaN])
		assert.throws(() => far.batches({ maxMessages }), { name: "RangeError", code: "OPTION_INVALID" }, String(maxMessages));
	for (const options of [{ maxMessages: "2" }, { maxMessages: null }, { max: 1 }, null, 7])
		assert.throws(() => far.batches(options as never), { name: "TypeError", code: "OPTION_INVALID" }, JSON.stringify(options));
	far.batches({});
	far.batches({ maxMessages: 1_048_576 });
	// Asking is not reading.
	const receiving = far.receive();
	far.stop();
	await assert.rejects(receiving, { code: "STREAM_CLOSED" });
});
