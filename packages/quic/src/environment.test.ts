import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { type Bundle, bundle } from "../test/support/bundle.ts";
import { Heard } from "../test/support/heard.ts";
import { ends, link, nextStream } from "../test/support/link.ts";
import type { StreamHandler } from "./index.ts";

let talker: Bundle;

before(async () => {
	talker = await bundle("talker");
});

after(() => talker.remove());

test("workers: each has its own endpoint, and they talk to each other", async () => {
	const server = new Worker(talker.file);
	const [hello] = await once(server, "message");
	const clients = [1, 2, 3].map((id) => new Worker(talker.file, { workerData: { ...hello, id } }));
	const exits = clients.map((client) => once(client, "exit"));
	const answers = await Promise.all(clients.map((client) => once(client, "message")));
	assert.deepEqual(
		answers.map(([{ sum }]) => sum),
		[1, 2, 3].map((id) => id * 1_000),
	);
	for (const [code] of await Promise.all(exits)) assert.equal(code, 0);
	const exit = once(server, "exit");
	server.postMessage("close");
	assert.equal((await exit)[0], 0);
});

test("handlers: what one throws is reported as uncaught, and costs nobody a record", async (t) => {
	const { dialled, accepted } = await link(t);
	const thrown: unknown[] = [];
	// The test runner would take it for a failure of its own.
	const listeners = process.listeners("uncaughtException");
	process.removeAllListeners("uncaughtException");
	process.on("uncaughtException", (error) => thrown.push(error));
	t.after(() => {
		process.removeAllListeners("uncaughtException");
		for (const listener of listeners) process.on("uncaughtException", listener);
	});
	const good = await ends(dialled, accepted);
	const arrived = nextStream(accepted);
	const sender = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.of() });
	const seen: number[] = [];
	const bad = new Heard();
	const handler: StreamHandler = Object.create(bad);
	handler.frame = (_, payload) => {
		seen.push(payload[0] as number);
		throw new Error(`frame ${payload[0]}`);
	};
	handler.end = () => bad.end();
	(await arrived).accept(handler);
	for (let i = 0; i < 10; i++) {
		sender.write(0, Buffer.of(i));
		good.near.write(0, Buffer.of(i));
	}
	sender.finish();
	await good.farHeard.untilCount(10);
	await bad.until("end");
	assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	assert.deepEqual(
		thrown.map((error) => (error as Error).message),
		seen.map((i) => `frame ${i}`),
	);
});

test("batches: however much has piled up, one turn of the event loop delivers about 1 MiB", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { transport: { streamWindowBytes: 64 << 20 } } });
	for (const size of [100_000, 1_000]) {
		const { near, farHeard } = await ends(dialled, accepted, { far: { creditBytes: 64 << 20 } });
		farHeard.keep = false;
		const frames = 20_000_000 / size;
		for (let i = 0; i < frames; i++) near.write(0, Buffer.alloc(size));
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); // this thread sleeps while its I/O thread receives
		let most = 0;
		let before = 0;
		while (farHeard.count < frames) {
			await new Promise((resolve) => setImmediate(resolve));
			most = Math.max(most, farHeard.bytes - before);
			before = farHeard.bytes;
		}
		assert.ok(most <= 2.5 * 1024 * 1024, `${most} bytes in one turn`);
	}
});

test("memory: a small message that is kept pins at most 256 KiB, a large one only itself", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted);
	for (let i = 0; i < 500; i++) near.write(0, Buffer.alloc(1_000));
	near.write(0, Buffer.alloc(100_000));
	await farHeard.untilCount(501);
	for (const { payload } of farHeard.frames.slice(0, 500)) assert.ok(payload.buffer.byteLength <= 256 * 1024);
	assert.equal(farHeard.frames[500]?.payload.buffer.byteLength, 100_000);
	assert.equal(farHeard.frames[500]?.payload.byteOffset, 0);
});
