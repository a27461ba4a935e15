import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Ends, ends, eventually, link } from "../test/support/link.ts";
import { writeMany } from "./index.ts";

const URGENT = 0x91;

async function pair(t: TestContext, options: Parameters<typeof ends>[2] = {}): Promise<Ends> {
	const { dialled, accepted } = await link(t);
	return ends(dialled, accepted, options);
}

/** A frame that says its number, of that length. */
function numbered(number: number, length: number): Buffer {
	const payload = Buffer.alloc(length, number);
	if (length >= 4) payload.writeUInt32BE(number);
	return payload;
}

/** A small generator: the same choices on every run. */
function choices(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 4_294_967_296) * below);
	};
}

test("packed: short and long frames of several streams keep their order on each, however they are mixed in a tick", async (t) => {
	const { dialled, accepted } = await link(t);
	const streams = [await ends(dialled, accepted), await ends(dialled, accepted), await ends(dialled, accepted)];
	const written: Buffer[][] = [[], [], []];
	const next = choices(7);
	for (let count = 0; count < 6_000; count++) {
		const at = next(3);
		const frame = numbered(written[at]?.length ?? 0, [4, 4, 64, 64, 1_023, 1_024, 1_025, 9_000][next(8)] as number);
		written[at]?.push(frame);
		const { near } = streams[at] as Ends;
		const way = next(20);
		if (way === 0) writeMany([near], 0, frame);
		else if (way === 1) near.writeFrames(Buffer.concat([Buffer.from([0, 0, frame.length >> 8, frame.length & 0xff]), frame]));
		else near.write(0, frame);
		if (next(40) === 0) assert.ok(near.queuedBytes >= 0);
		if (next(200) === 0) await new Promise((resolve) => setImmediate(resolve));
	}
	for (const [at, { farHeard }] of streams.entries()) {
		await farHeard.untilCount(written[at]?.length ?? 0);
		farHeard.frames.forEach(({ payload }, index) => {
			assert.ok(Buffer.from(payload).equals(written[at]?.[index] as Buffer), `stream ${at}, frame ${index}`);
		});
	}
});

test("packed: a frame is a copy, and empty ones and all kinds arrive", async (t) => {
	const { near, farHeard } = await pair(t);
	const payload = Buffer.from("first");
	near.write(1, payload);
	payload.fill(0);
	near.write(255, Buffer.of());
	near.write(0, payload);
	await farHeard.untilCount(3);
	assert.deepEqual(
		farHeard.frames.map(({ kind, payload: bytes }) => [kind, Buffer.from(bytes).toString("latin1")]),
		[
			[1, "first"],
			[255, ""],
			[0, "\0\0\0\0\0"],
		],
	);
});

test("packed: what each write gives is what is queued, until it is sent", async (t) => {
	const { near, farHeard } = await pair(t, { near: { highWaterBytes: 100_000 } });
	const given = [near.write(0, numbered(1, 10)), near.write(0, numbered(2, 20)), near.write(0, numbered(3, 2_000)), near.write(0, numbered(4, 6))];
	assert.deepEqual(given, [14, 38, 2_042, 2_052]);
	await farHeard.untilCount(4);
	await eventually(() => near.queuedBytes === 0, "everything to be sent");
	assert.equal(near.write(0, numbered(5, 1)), 5);
	await farHeard.untilCount(5);
	// Nobody asks meanwhile: what has left does not count.
	for (let count = 6; count < 40; count++) {
		await eventually(() => farHeard.count === count - 1, "the frame before");
		assert.equal(near.write(0, numbered(count, 1)), 5);
	}
});

test("packed: the high-water mark counts short frames, and drained comes once for them", async (t) => {
	const { near, nearHeard, far, farHeard } = await pair(t, { paused: true, near: { highWaterBytes: 64 * 1_024 } });
	let queued = 0;
	let count = 0;
	while (queued < 64 * 1_024) {
		queued = near.write(0, numbered(count++, 100));
		if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
	}
	farHeard.stream = far;
	for (const { payload } of farHeard.frames) far.consumed(payload.length);
	await nearHeard.until("drained");
	await farHeard.untilCount(count);
	assert.deepEqual(nearHeard.events, ["drained"]);
});

test("packed: an urgent frame goes behind what was packed before it is written, or ahead of it, and never in the middle of a frame", async (t) => {
	const { near, farHeard } = await pair(t);
	for (let round = 0; round < 50; round++) {
		for (let number = 0; number < 30; number++) near.write(0, numbered(number, 8));
		near.writeUrgent(URGENT, numbered(round, 8), round % 2 === 0);
	}
	await farHeard.untilCount(50 * 31);
	const ordinary = farHeard.frames.filter(({ kind }) => kind === 0).map(({ payload }) => Buffer.from(payload).readUInt32BE());
	assert.deepEqual(
		ordinary,
		Array.from({ length: 50 * 30 }, (_, index) => index % 30),
	);
	assert.equal(farHeard.frames.filter(({ kind }) => kind === URGENT).length, 50);
});

test("packed: FIN comes behind it, a reset drops it, and then nothing can be written", async (t) => {
	const { dialled, accepted } = await link(t);
	const finished = await ends(dialled, accepted);
	finished.near.write(0, numbered(1, 5));
	finished.near.finish();
	assert.deepEqual(
		[finished.near.write(0, numbered(2, 5)), finished.near.writeUrgent(0, numbered(2, 5)), finished.near.writeFrames(Buffer.alloc(4))],
		[-1, -1, -1],
	);
	await finished.farHeard.until("end");
	assert.equal(finished.farHeard.count, 1);
	const reset = await ends(dialled, accepted);
	reset.near.write(0, numbered(1, 5));
	reset.near.reset(9);
	assert.equal(reset.near.write(0, numbered(2, 5)), -1);
	await reset.farHeard.until("reset 9");
	const stopped = await ends(dialled, accepted);
	stopped.far.stop(3);
	await stopped.nearHeard.until("stopped 3");
	assert.equal(stopped.near.write(0, numbered(1, 5)), -1);
	assert.ok(stopped.far.write(0, numbered(1, 5)) > 0, "the other direction goes on");
});

test("packed: bytes without frames keep their order too", async (t) => {
	const { near, far, farHeard } = await pair(t, { near: { mode: "bytes" }, far: { mode: "bytes" } });
	farHeard.stream = far;
	const sent: Buffer[] = [];
	const next = choices(3);
	for (let count = 0; count < 500; count++) {
		const part = Buffer.alloc(1 + next(3_000), count);
		sent.push(part);
		near.write(0, part);
	}
	const all = Buffer.concat(sent);
	await farHeard.untilBytes(all.length);
	assert.ok(Buffer.concat(farHeard.frames.map(({ payload }) => payload)).equals(all));
});

test("packed: what was written in the tick in which the connection is closed does not disturb its end", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard } = await ends(dialled, accepted);
	near.write(0, numbered(1, 5));
	dialled.close(1, "enough");
	near.write(0, numbered(2, 5));
	await nearHeard.until("lost CONNECTION_LOST");
	assert.equal(near.write(0, numbered(3, 5)), -1);
	await accepted.closed;
});
