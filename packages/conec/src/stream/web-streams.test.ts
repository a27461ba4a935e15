import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { connectEnds, type Ends } from "../../testing/stream-fixture.ts";
import { until } from "../../testing/transport/suite-recorder.ts";
import { jsonCodec } from "./adapters/json-codec.ts";
import { typed } from "./adapters/typed.ts";

function onEnds(behaviour: string, run: (ends: Ends) => Promise<void>): void {
	test(`web streams: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds({});
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

async function collect<T>(readable: ReadableStream<T>): Promise<T[]> {
	const chunks: T[] = [];
	for await (const chunk of readable) chunks.push(chunk);
	return chunks;
}

function readableFrom<T>(chunks: readonly T[]): ReadableStream<T> {
	const left = [...chunks];
	return new ReadableStream<T>({
		pull(controller) {
			const chunk = left.shift();
			if (chunk === undefined) controller.close();
			else controller.enqueue(chunk);
		},
	});
}

onEnds("pipeTo carries messages whole, there and back", async (ends) => {
	const { near, far } = await ends.streams();
	const messages = [new Uint8Array(0), ...[1, 1_000, 100_000, 700_000].map((length) => new Uint8Array(randomBytes(length))), new Uint8Array(0)];
	const back = far.readable.pipeTo(far.writable);
	const received = collect(near.readable);
	await readableFrom(messages).pipeTo(near.writable);
	assert.deepEqual(await received, messages);
	await back;
	assert.deepEqual([await near.closed, await far.closed], [{ by: "local" }, { by: "peer" }]);
});

onEnds("tee gives both branches everything", async (ends) => {
	const { near, far } = await ends.streams();
	const [left, right] = far.readable.tee();
	const both = Promise.all([collect(left), collect(right)]);
	for (let index = 0; index < 50; index++) await near.send(new Uint8Array([index]));
	await near.close();
	const [one, other] = await both;
	assert.deepEqual(one, other);
	assert.deepEqual(
		one.map((message) => message[0]),
		Array.from({ length: 50 }, (_, index) => index),
	);
});

onEnds("a reader that stops makes the writer wait", async (ends) => {
	const { near, far } = await ends.streams();
	const reader = far.readable.getReader();
	await near.send("first");
	assert.equal((await reader.read()).value?.length, 5);
	const writer = near.writable.getWriter();
	let written = 0;
	const writing = (async () => {
		for (let index = 0; index < 100; index++) {
			await writer.write(new Uint8Array(32 * 1_024));
			written++;
		}
		await writer.close();
	})();
	// Many turns without progress.
	for (let seen = -1, still = 0; still < 20; still = seen === written ? still + 1 : 0) {
		seen = written;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	assert.ok(written > 0 && written < 50, `${written} of 100`);
	let read = 0;
	while (!(await reader.read()).done) read++;
	assert.equal(read, 100);
	await writing;
});

onEnds("aborting a pipe stops its source and resets its destination", async (ends) => {
	const [from, to] = [await ends.streams(), await ends.streams()];
	const controller = new AbortController();
	const reason = new Error("enough");
	const piping = from.far.readable.pipeTo(to.near.writable, { signal: controller.signal });
	await from.near.send("through");
	assert.equal((await to.far.receive())?.length, 7);
	controller.abort(reason);
	await assert.rejects(piping, (error) => error === reason);
	await assert.rejects(to.far.receive(), { code: "STREAM_RESET", closeCode: 0 });
	await until("the sender is stopped", () => {
		try {
			return !from.near.trySend("more") && false;
		} catch (error) {
			return (error as { code?: string }).code === "STREAM_STOPPED";
		}
	});
});

onEnds("a peer's reset comes out of read and of the pipe that it breaks", async (ends) => {
	const [from, to] = [await ends.streams(), await ends.streams()];
	const piping = from.far.readable.pipeTo(to.near.writable);
	await from.near.send("whole");
	assert.equal((await to.far.receive())?.length, 5);
	from.near.reset(9);
	await assert.rejects(piping, { code: "STREAM_RESET", closeCode: 9 });
	await assert.rejects(to.far.receive(), { code: "STREAM_RESET", closeCode: 0 });
	await assert.rejects(from.far.readable.getReader().read(), { code: "STREAM_RESET", closeCode: 9 });
});

onEnds("a peer's stop comes out of write", async (ends) => {
	const { near, far } = await ends.streams();
	far.stop(4);
	const writer = near.writable.getWriter();
	await assert.rejects(
		async () => {
			for (;;) {
				await writer.write(new Uint8Array(1));
				await new Promise((resolve) => setImmediate(resolve));
			}
		},
		{ code: "STREAM_STOPPED", closeCode: 4 },
	);
	await assert.rejects(writer.closed, { code: "STREAM_STOPPED" });
});

onEnds("cancelling one branch of a tee goes on with the other, cancelling both stops", async (ends) => {
	const { near, far } = await ends.streams();
	const [left, right] = far.readable.tee();
	const cancelled = left.cancel();
	const reader = right.getReader();
	await near.send("still");
	assert.equal((await reader.read()).value?.length, 5);
	await Promise.all([cancelled, reader.cancel()]);
	await until("the sender is stopped", () => {
		try {
			near.trySend("more");
			return false;
		} catch (error) {
			return (error as { code?: string }).code === "STREAM_STOPPED";
		}
	});
});

onEnds("typed streams have them too, of values; an undecodable message ends the readable and not the stream", async (ends) => {
	const streams = await ends.streams();
	const [near, far] = [typed(streams.near, jsonCodec<{ n: number }>()), typed(streams.far, jsonCodec<{ n: number }>())];
	assert.equal(near.writable, near.writable);
	assert.equal(far.readable, far.readable);
	const doubled = new TransformStream<{ n: number }, { n: number }>({ transform: ({ n }, controller) => controller.enqueue({ n: n * 2 }) });
	const answering = far.readable.pipeThrough(doubled).pipeTo(far.writable);
	const received = collect(near.readable);
	await readableFrom([{ n: 1 }, { n: 2 }]).pipeTo(near.writable);
	assert.deepEqual(await received, [{ n: 2 }, { n: 4 }]);
	await answering;

	const others = await ends.streams();
	const reading = typed(others.far, jsonCodec<number>());
	for (const message of ["1", "?", "3"]) await others.near.send(message);
	const reader = reading.readable.getReader();
	assert.equal((await reader.read()).value, 1);
	await assert.rejects(reader.read(), { code: "DECODE_FAILED" });
	await assert.rejects(reader.read(), { code: "DECODE_FAILED" });
	assert.equal(await reading.receive(), 3);
	const writer = typed(others.near, jsonCodec<unknown>()).writable.getWriter();
	await assert.rejects(writer.write(1n), { code: "ENCODE_FAILED" });
});
