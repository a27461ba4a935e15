import assert from "node:assert/strict";
import { test } from "node:test";
import { ends, eventually, link } from "./support/link.ts";

const MIB = 1024 * 1024;

test("urgent: a frame waits for a long one of which QUIC has a part, whichever thread sends it, and for nothing else", async (t) => {
	const { dialled, accepted } = await link(t);
	const frames = { longBytes: 2 * MIB };
	const { near, far, farHeard } = await ends(dialled, accepted, { near: { frames }, far: { frames }, paused: true });
	for (const length of [2 * MIB, 2 * MIB, 70_000]) near.write(0, Buffer.alloc(length, length & 0xff));
	near.write(0, Buffer.alloc(10));
	// The first one uses up the credit, and the window has room for a part of the second.
	await farHeard.untilCount(1);
	let queued = -1;
	for (let looks = 0; looks < 40; looks++) {
		if (near.queuedBytes !== queued) looks = 0;
		queued = near.queuedBytes;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	assert.ok(queued > 70_018 && queued < 70_018 + 2 * MIB, `${queued} bytes wait`);
	for (let i = 0; i < 3; i++) near.writeUrgent(0x11, Buffer.alloc(8, i));
	farHeard.stream = far;
	far.consumed(2 * MIB);
	await farHeard.untilCount(7);
	assert.deepEqual(
		farHeard.frames.map(({ kind, payload }) => [kind, payload.length, payload[0]]),
		[
			[0, 2 * MIB, 0],
			[0, 2 * MIB, 0],
			[0x11, 8, 0],
			[0x11, 8, 1],
			[0x11, 8, 2],
			[0, 70_000, 70_000 & 0xff],
			[0, 10, 0],
		],
	);
});

test("urgent: one on an idle stream arrives by itself, in a tick of its own, and one that is too long throws", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, far, nearHeard, farHeard } = await ends(dialled, accepted);
	for (let i = 0; i < 20; i++) {
		near.writeUrgent(0x11, Buffer.of(i));
		await farHeard.untilCount(i + 1);
		far.writeUrgent(0x12, Buffer.of(i));
		await nearHeard.untilCount(i + 1);
	}
	assert.throws(() => near.writeUrgent(0, Buffer.alloc(2 ** 24)), { code: "INVALID_ARGUMENT" });
	near.finish();
	far.finish();
	await Promise.all([nearHeard.until("end", "finished"), farHeard.until("end", "finished")]);
	await eventually(() => near.writeUrgent(0, Buffer.of(1)) === -1, "the stream to be over");
});

test("urgent: in byte mode it is an ordinary write", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted, { near: { mode: "bytes" }, far: { mode: "bytes" } });
	near.write(0, Buffer.of(1, 2));
	near.writeUrgent(9, Buffer.of(3));
	near.finish();
	await farHeard.until("end");
	assert.deepEqual(Buffer.concat(farHeard.frames.map(({ payload }) => payload)), Buffer.of(1, 2, 3));
});
