import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { ends, link, nextStream } from "../test/support/link.ts";
import type { FrameMemory, StreamHandler } from "./index.ts";

test("frames: arrive whole, in order, with their kinds, both ways", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard, far, farHeard } = await ends(dialled, accepted);
	const sizes = [0, 1, 3, 4, 5, 511, 512, 1_452, 16_383, 16_384, 32_767, 32_768, 65_536, 300_000, 1_048_576];
	const frames = [...sizes, ...sizes].map((size, i) => ({ kind: i % 2 === 0 || size > 16_384 ? 0 : 200, payload: new Uint8Array(randomBytes(size)) }));
	for (const { kind, payload } of frames) {
		assert.ok(near.write(kind, payload) >= 0);
		assert.ok(far.write(kind, payload) >= 0);
	}
	near.finish();
	far.finish();
	await Promise.all([nearHeard.until("end", "finished"), farHeard.until("end", "finished")]);
	for (const { frames: got } of [nearHeard, farHeard]) {
		assert.equal(got.length, frames.length);
		got.forEach(({ kind, payload }, i) => {
			assert.equal(kind, frames[i]?.kind);
			assert.deepEqual(Buffer.from(payload), Buffer.from(frames[i]?.payload ?? []), `frame ${i}`);
		});
	}
});

test("frames: 100,000 small ones of one tick keep their order", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted);
	const payload = Buffer.alloc(8);
	for (let i = 0; i < 100_000; i++) {
		payload.writeUInt32LE(i, 0);
		near.write(i & 0xff, payload);
	}
	near.finish();
	await farHeard.until("end");
	assert.equal(farHeard.count, 100_000);
	farHeard.frames.forEach(({ kind, payload: got }, i) => {
		if (kind !== (i & 0xff) || Buffer.from(got).readUInt32LE(0) !== i) assert.fail(`frame ${i} is not in its place`);
	});
});

/** Frames that come in one packet: none, of one byte, of 64. */
const SHORT = Array.from({ length: 300 }, (_, i) => ({ kind: i & 0xff, payload: Buffer.alloc([0, 1, 64][i % 3] as number, i) }));

function assertShort(got: readonly { readonly kind: number; readonly payload: Uint8Array }[]): void {
	assert.deepEqual(
		got.map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload) })),
		SHORT,
	);
}

test("frames: short ones that come together come in their order to a handler that reads them where they lie", async (t) => {
	const { dialled, accepted } = await link(t);
	const heard = new Heard();
	let together = 0;
	const reading: StreamHandler = Object.assign(heard, {
		frameAt(kind: number, { buffer, bytes }: FrameMemory, at: number, length: number) {
			together++;
			const payload = new Uint8Array(buffer, at, length);
			assert.deepEqual(payload, new Uint8Array(bytes.subarray(at, at + length)));
			heard.frame(kind, payload);
		},
	});
	const near = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.alloc(0) });
	(await nextStream(accepted)).accept(reading, { frames: { otherBytes: 100 } });
	for (const { kind, payload } of SHORT) near.write(kind, payload);
	near.finish();
	await heard.until("end");
	assertShort(heard.frames);
	assert.ok(together > SHORT.length / 2, `${together} came together`);
});

test("frames: a handler that throws for one of those that come together gets the others", async (t) => {
	const { dialled, accepted } = await link(t);
	const thrown: unknown[] = [];
	const listener = (error: unknown): void => void thrown.push(error);
	process.setUncaughtExceptionCaptureCallback(listener);
	t.after(() => process.setUncaughtExceptionCaptureCallback(null));
	const heard = new Heard();
	const hear = heard.frame.bind(heard);
	heard.frame = (kind, payload) => {
		hear(kind, payload);
		if (kind === 7) throw new Error("seven");
	};
	const near = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.alloc(0) });
	(await nextStream(accepted)).accept(heard);
	for (const { kind, payload } of SHORT) near.write(kind, payload);
	near.finish();
	await heard.until("end");
	assertShort(heard.frames);
	assert.deepEqual(thrown.map(String), ["Error: seven", "Error: seven"]);
});

test("frames: a frame that is too long ends the stream behind the short ones that come with it", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted, { near: { mode: "bytes" }, far: { frames } });
	near.write(0, Buffer.from([0, 0, 0, 1, 1, 9, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 101, 5]));
	await farHeard.until("lost FRAME_TOO_LONG");
	assert.deepEqual(
		farHeard.frames.map(({ kind, payload }) => [kind, ...payload]),
		[[0, 1], [9], [0, 2]],
	);
});

const frames = { longKinds: 0b101, longBytes: 5_000, otherBytes: 100, tooLongCode: 61, truncatedCode: 62 };
for (const [kind, most] of [
	[0, 5_000],
	[2, 5_000],
	[1, 100],
	[31, 100],
	[32, 100],
	[255, 100],
] as const) {
	test(`frames: kind ${kind} may have ${most} bytes and no more`, async (t) => {
		const { dialled, accepted } = await link(t);
		const { near, nearHeard, farHeard } = await ends(dialled, accepted, { far: { frames } });
		near.write(kind, Buffer.alloc(most));
		await farHeard.untilCount(1);
		near.write(kind, Buffer.alloc(most + 1));
		await farHeard.until("lost FRAME_TOO_LONG");
		await nearHeard.until("reset 61", "stopped 61");
		assert.equal(farHeard.count, 1);
		assert.deepEqual(farHeard.events, ["lost FRAME_TOO_LONG"]);
		assert.equal(near.write(kind, Buffer.alloc(1)), -1);
	});
}

test("frames: a length is refused on the header alone, before its bytes come", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted, { near: { mode: "bytes" }, far: { frames } });
	near.write(0, Buffer.of(0, 0, 0x13, 0x89)); // declares 5,001 bytes
	await farHeard.until("lost FRAME_TOO_LONG");
});

for (const [what, bytes] of [
	["in the header", [0, 0]],
	["in the payload", [0, 0, 0, 5, 1, 2]],
	["before the payload", [0, 0, 0, 5]],
	["in the second frame", [0, 0, 0, 1, 1, 0]],
] as const) {
	test(`frames: a stream that ends ${what} is truncated, and the peer learns the code`, async (t) => {
		const { dialled, accepted } = await link(t);
		const { near, nearHeard, farHeard } = await ends(dialled, accepted, { near: { mode: "bytes" }, far: { frames } });
		near.write(0, Buffer.from(bytes));
		near.finish();
		await farHeard.until("lost FRAME_TRUNCATED");
		await nearHeard.until("reset 62");
		assert.ok(!farHeard.events.includes("end"));
	});
}

test("frames: the largest the wire knows passes, one byte more is refused here", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted, { far: { frames: { longBytes: 0xff_ffff } } });
	const largest = randomBytes(0xff_ffff);
	assert.throws(() => near.write(0, Buffer.alloc(0x100_0000)), { name: "QuicError", code: "INVALID_ARGUMENT" });
	near.write(0, largest);
	await farHeard.untilCount(1);
	assert.ok(largest.equals(farHeard.frames[0]?.payload ?? Buffer.of()));
});

test("bytes: chunks carry exactly what was written, both ways", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard, far, farHeard } = await ends(dialled, accepted, { near: { mode: "bytes" }, far: { mode: "bytes" } });
	const data = randomBytes(700_000);
	for (let at = 0; at < data.length; at += 7_001) near.write(9, data.subarray(at, at + 7_001));
	near.finish();
	far.write(0, Buffer.from("answer"));
	far.finish();
	await farHeard.until("end");
	await nearHeard.until("end");
	assert.ok(farHeard.frames.every(({ kind }) => kind === 0));
	assert.ok(Buffer.concat(farHeard.frames.map(({ payload }) => payload)).equals(data));
	assert.equal(Buffer.concat(nearHeard.frames.map(({ payload }) => payload)).toString(), "answer");
});

test("unidirectional: only the opener sends", async (t) => {
	const transport = { unidirectionalStreams: 4 };
	const { dialled, accepted } = await link(t, { listen: { transport } });
	const arrived = nextStream(accepted);
	const nearHeard = new Heard();
	const near = dialled.openUnidirectionalStream(nearHeard, {}, { kind: 3, payload: Buffer.from("one way") });
	near.write(0, Buffer.from("more"));
	near.finish();
	const incoming = await arrived;
	assert.equal(incoming.bidirectional, false);
	assert.equal(incoming.kind, 3);
	const farHeard = new Heard();
	const far = incoming.accept(farHeard);
	farHeard.stream = far;
	await farHeard.until("end");
	await nearHeard.until("finished");
	assert.equal(farHeard.count, 1);
	assert.equal(far.write(0, Buffer.of(1)), -1);
});

test("unidirectional: reset and stop pass", async (t) => {
	const transport = { unidirectionalStreams: 4 };
	const { dialled, accepted } = await link(t, { listen: { transport } });
	const reset = await ends(dialled, accepted, { unidirectional: true });
	reset.near.reset(5);
	await reset.farHeard.until("reset 5");
	const stopped = await ends(dialled, accepted, { unidirectional: true });
	stopped.far.stop(6);
	await stopped.nearHeard.until("stopped 6");
});

test("memory: moving a received payload to another thread does not take its neighbours along", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted);
	for (let i = 0; i < 10; i++) near.write(0, Buffer.alloc(1_000, i));
	await farHeard.untilCount(10);
	const { port1, port2 } = new MessageChannel();
	t.after(() => port1.close());
	const first = farHeard.frames[0]?.payload as Uint8Array<ArrayBuffer>;
	try {
		port1.postMessage(first, [first.buffer]); // Node 20 copies it instead, Node 22 refuses
	} catch (error) {
		assert.equal((error as Error).name, "DataCloneError");
	}
	port2.close();
	farHeard.frames.forEach(({ payload }, i) => {
		assert.deepEqual(Buffer.from(payload), Buffer.alloc(1_000, i));
	});
	near.write(0, Buffer.from("and the next one"));
	await farHeard.untilCount(11);
});
