import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Ends, endpoint, ends, eventually, join, type Link, link, listening } from "../test/support/link.ts";
import { relay } from "../test/support/relay.ts";
import { writeMany } from "./index.ts";

const WINDOW = 128 * 1024;
const CREDIT = 64 * 1024;
const HIGH_WATER = 32 * 1024;
/** A reader takes up to 64 packets at a time before it looks at its credit. */
const SLACK = 128 * 1024;

function linked(t: TestContext): Promise<Link> {
	return link(t, { listen: { transport: { streamWindowBytes: WINDOW } } });
}

/** Waits until what is queued has stopped changing. */
async function settled({ near }: Ends): Promise<void> {
	let before = -1;
	let same = 0;
	await eventually(() => {
		same = near.queuedBytes === before ? same + 1 : 0;
		before = near.queuedBytes;
		return same > 20;
	}, "the writer to stop");
}

function consumeAll({ far, farHeard }: Ends): void {
	farHeard.stream = far;
	for (const { payload } of farHeard.frames) far.consumed(payload.length);
}

test("credit: a reader that stops makes the writer wait within window and credit; drained comes after it reads on", async (t) => {
	const { dialled, accepted } = await linked(t);
	const both = await ends(dialled, accepted, { paused: true, far: { creditBytes: CREDIT }, near: { highWaterBytes: HIGH_WATER } });
	const { near, nearHeard, farHeard } = both;
	let written = 0;
	for (let i = 0; i < 1_000; i++) {
		near.write(0, Buffer.alloc(1_000));
		written += 1_004;
	}
	await settled(both);
	assert.ok(written - near.queuedBytes <= WINDOW + CREDIT + SLACK, `${written - near.queuedBytes} bytes left the writer`);
	assert.ok(farHeard.bytes <= CREDIT + SLACK, `${farHeard.bytes} bytes came to the reader`);
	const before = nearHeard.events.length; // the queue may have drained while the windows were still open
	consumeAll(both);
	await farHeard.untilCount(1_000);
	await eventually(() => nearHeard.events.length === before + 1, "drained");
	assert.equal(nearHeard.events.at(-1), "drained");
	assert.ok(near.queuedBytes < HIGH_WATER / 2);
});

test("credit: counts empty frames too", async (t) => {
	const { dialled, accepted } = await linked(t);
	const both = await ends(dialled, accepted, { paused: true, far: { creditBytes: CREDIT } });
	for (let i = 0; i < 200_000; i++) both.near.write(0, Buffer.of());
	await settled(both);
	assert.ok(both.farHeard.count <= (CREDIT + 16 * SLACK) / 64 + 1, `${both.farHeard.count} frames came to the reader`);
	both.near.reset(0);
});

test("credit: one frame larger than the credit and the window passes, and so does the next", async (t) => {
	const { dialled, accepted } = await linked(t);
	const { near, farHeard } = await ends(dialled, accepted, { far: { creditBytes: 1_000, frames: { longBytes: 4 << 20 } } });
	for (let i = 0; i < 3; i++) near.write(0, Buffer.alloc(3 << 20, i));
	await farHeard.untilCount(3);
	assert.deepEqual(
		farHeard.frames.map(({ payload }) => [payload.length, payload[0], payload.at(-1)]),
		[0, 1, 2].map((i) => [3 << 20, i, i]),
	);
});

test("credit: byte mode waits as well", async (t) => {
	const { dialled, accepted } = await linked(t);
	const both = await ends(dialled, accepted, { paused: true, near: { mode: "bytes" }, far: { mode: "bytes", creditBytes: CREDIT } });
	for (let i = 0; i < 100; i++) both.near.write(0, Buffer.alloc(10_000));
	await settled(both);
	assert.ok(both.farHeard.bytes <= CREDIT + SLACK);
	consumeAll(both);
	await both.farHeard.untilBytes(1_000_000);
});

test("drained: comes after each time the mark was reached, and not otherwise", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard, farHeard } = await ends(dialled, accepted, { near: { highWaterBytes: 10_000 } });
	near.write(0, Buffer.alloc(100));
	await farHeard.untilCount(1);
	assert.deepEqual(nearHeard.events, []);
	for (let round = 1; round <= 3; round++) {
		near.write(0, Buffer.alloc(20_000));
		await eventually(() => nearHeard.events.length === round, "drained");
	}
	assert.deepEqual(nearHeard.events, ["drained", "drained", "drained"]);
});

/** Sends 12.8 MB; how long they took. */
async function flow({ near, farHeard }: Ends): Promise<number> {
	farHeard.keep = false;
	const start = performance.now();
	for (let i = 0; i < 200; i++) near.write(0, Buffer.alloc(64_000));
	await farHeard.untilCount(200);
	return performance.now() - start;
}

test("stalled: all but one of a connection's streams stand still, and the last one flows", async (t) => {
	const streams = 16;
	const options = { listen: { transport: { streamWindowBytes: WINDOW, bidirectionalStreams: streams } } };
	const other = await link(t, options);
	const aloneMs = await flow(await ends(other.dialled, other.accepted));
	const { dialled, accepted } = await link(t, options);
	const stalled: Ends[] = [];
	for (let i = 0; i < streams - 1; i++) {
		const both = await ends(dialled, accepted, { paused: true, far: { creditBytes: 1_000 } });
		for (let k = 0; k < 10; k++) both.near.write(0, Buffer.alloc(64_000));
		stalled.push(both);
	}
	await Promise.all(stalled.map(settled));
	const besideMs = await flow(await ends(dialled, accepted));
	assert.ok(besideMs < 5_000 + 10 * aloneMs, `${besideMs} ms, alone ${aloneMs} ms`);
	for (const { near: still } of stalled) assert.ok(still.queuedBytes > 0);
});

test("priority: is taken at opening and accepting, in both signs", async (t) => {
	const { dialled, accepted } = await link(t);
	for (const priority of [-(2 ** 31), -1, 0, 5, 2 ** 31 - 1]) {
		const { near, farHeard, far, nearHeard } = await ends(dialled, accepted, { near: { priority }, far: { priority } });
		near.write(0, Buffer.of(1));
		far.write(0, Buffer.of(2));
		await farHeard.untilCount(1);
		await nearHeard.untilCount(1);
	}
});

test("priority: what is written last goes first, and what is written first goes last", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const { port, hold } = await relay(t, server.address.port);
	const { dialled, accepted } = await join(endpoint(t), server, { port });
	const opened = [
		{ name: "low", both: await ends(dialled, accepted, { near: { priority: -1 } }) },
		{ name: "plain", both: await ends(dialled, accepted) },
		{ name: "plain", both: await ends(dialled, accepted) },
		{ name: "high", both: await ends(dialled, accepted, { near: { priority: 1 } }) },
	];
	const ended: string[] = [];
	const all = Promise.all(opened.map(({ name, both }) => both.farHeard.until("end").then(() => ended.push(name))));
	// No acknowledgement comes meanwhile. What is beyond the first flight waits on this side, where the order is decided.
	const release = hold("client");
	for (const { both } of opened) {
		for (let i = 0; i < 8; i++) both.near.write(0, Buffer.alloc(10_000));
		both.near.finish();
	}
	await eventually(() => opened.every(({ both }) => both.near.queuedBytes === 0), "QUIC to have all of it");
	release();
	await all;
	assert.deepEqual(ended, ["high", "plain", "plain", "low"]);
});

for (const size of [100, 20_000]) {
	test(`writeMany: ${size} bytes reach 100 streams; a slow reader keeps only its own back, and the dead are told apart`, async (t) => {
		const { dialled, accepted } = await link(t, { listen: { transport: { streamWindowBytes: WINDOW } } });
		const all: Ends[] = [];
		for (let i = 0; i < 100; i++) all.push(await ends(dialled, accepted, { paused: i === 50, far: { creditBytes: i === 50 ? 1_000 : CREDIT } }));
		const dead = all[99] as Ends;
		dead.near.reset(0);
		const streams = all.map(({ near }) => near);
		const rounds = Math.ceil(500_000 / size) > 100 ? 100 : 40;
		for (let round = 0; round < rounds; round++) {
			const queued = writeMany(streams, 0, Buffer.alloc(size, round));
			assert.equal(queued.length, 100);
			assert.equal(queued[99], -1);
			assert.ok(queued.subarray(0, 99).every((bytes) => bytes >= size));
		}
		const fast = all.filter((_, i) => i !== 50 && i !== 99);
		await Promise.all(fast.map(({ farHeard }) => farHeard.untilCount(rounds)));
		for (const { farHeard } of fast) {
			assert.ok(farHeard.frames.every(({ kind, payload }, i) => kind === 0 && Buffer.alloc(size, i).equals(payload)));
		}
		const slow = all[50] as Ends;
		if (size > 1_000) assert.ok(slow.near.queuedBytes > 0 && slow.farHeard.count < rounds);
		consumeAll(slow);
		await slow.farHeard.untilCount(rounds);
	});
}

test("writeMany: to nobody is nothing", () => {
	assert.deepEqual(writeMany([], 0, Buffer.of(1)), new Int32Array(0));
});
