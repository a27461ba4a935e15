import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoint, ends, eventually, join, listening } from "./support/link.ts";
import { relay } from "./support/relay.ts";

const KIB = 1024;

/** A connection over a relay, with windows at the receiver that never hold the sender back. */
async function relayed(t: Parameters<typeof endpoint>[0], sendWindowBytes?: number) {
	const [server, client] = [endpoint(t), endpoint(t)];
	const transport = {
		idleTimeoutMs: 60_000,
		keepAliveIntervalMs: 200,
		streamWindowBytes: 16 * KIB * KIB,
		...(sendWindowBytes === undefined ? {} : { sendWindowBytes }),
	};
	server.listen(listening({ transport }));
	const path = await relay(t, server.address.port);
	const { dialled, accepted } = await join(client, server, { port: path.port, transport });
	return { server, dialled, accepted, path };
}

for (const fixed of [undefined, 64 * KIB]) {
	test(`send window: QUIC takes ${fixed === undefined ? "512 KiB at first, and more when the congestion window has grown" : "no more than it is told to"}`, async (t) => {
		const { server, dialled, accepted, path } = await relayed(t, fixed);
		const { near, nearHeard, far, farHeard } = await ends(dialled, accepted);
		farHeard.keep = false;
		const block = Buffer.alloc(64 * KIB);
		/** Writes much while nothing gets through. Returns how much QUIC takes. */
		const taken = async (): Promise<number> => {
			path.target(0);
			let written = 0;
			for (; written < 8 * KIB * KIB; written += block.length + 4) near.write(0, block);
			let queued = -1;
			for (let looks = 0; looks < 40; looks++) {
				if (near.queuedBytes !== queued) looks = 0;
				queued = near.queuedBytes;
				await new Promise((resolve) => setTimeout(resolve, 5));
			}
			path.target(server.address.port);
			return written - queued;
		};
		const atFirst = await taken();
		assert.ok(atFirst <= (fixed ?? 512 * KIB) && atFirst > (fixed ?? 512 * KIB) / 2, `${atFirst} bytes`);
		await farHeard.untilCount(128);
		// The answer brings the acknowledgement of all that it comes after.
		far.write(0, Buffer.of(1));
		await nearHeard.untilCount(1);
		const { congestionWindowBytes } = dialled.stats();
		const later = await taken();
		// It is not renewed for small changes.
		const expected = fixed ?? Math.min(8 * KIB * KIB, Math.max(512 * KIB, 2 * congestionWindowBytes + 256 * KIB));
		const words = `${later} bytes with a congestion window of ${congestionWindowBytes}`;
		assert.ok(later > expected * 0.7 && later < expected * 1.4, words);
		t.diagnostic(words);
	});
}

test("send window: urgent frames, and streams with a priority, do not wait for it", async (t) => {
	const { server, dialled, accepted, path } = await relayed(t);
	const first = await ends(dialled, accepted);
	const bulk = [await ends(dialled, accepted), await ends(dialled, accepted), await ends(dialled, accepted)];
	const control = await ends(dialled, accepted, { near: { priority: 1 } });
	path.target(0);
	for (const { near } of bulk) near.write(0, Buffer.alloc(1024 * KIB));
	await eventually(() => bulk.some(({ near }) => near.queuedBytes < 1024 * KIB), "QUIC to take something");
	let queued = -1;
	for (let looks = 0; looks < 20; looks++) {
		const sum = bulk.reduce((bytes, { near }) => bytes + near.queuedBytes, 0);
		if (sum !== queued) looks = 0;
		queued = sum;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	assert.ok(queued > 2 * 1024 * KIB, "the window is full");
	control.near.write(0, Buffer.alloc(10_000));
	first.near.writeUrgent(0x11, Buffer.alloc(100));
	await eventually(() => control.near.queuedBytes === 0 && first.near.queuedBytes === 0, "QUIC to take what goes first");
	const still = bulk.reduce((bytes, { near }) => bytes + near.queuedBytes, 0);
	assert.equal(still, queued);
	// An ordinary frame waits.
	first.near.write(0, Buffer.alloc(100));
	await new Promise((resolve) => setTimeout(resolve, 50));
	assert.equal(first.near.queuedBytes, 104);
	path.target(server.address.port);
	await Promise.all([first.farHeard.untilCount(2), control.farHeard.untilCount(1), ...bulk.map(({ farHeard }) => farHeard.untilCount(1))]);
});

for (const side of ["opened", "accepted"] as const) {
	test(`priority: of what waits for the network, that of a stream with a higher one leaves first (${side})`, async (t) => {
		const { server, dialled, accepted, path } = await relayed(t);
		const streams = [];
		for (const priority of [0, 0, 0, 0, 1, 2]) {
			const { near, nearHeard, far, farHeard } = await ends(dialled, accepted, { [side === "opened" ? "near" : "far"]: { priority } });
			const [writer, heard] = side === "opened" ? [near, farHeard] : [far, nearHeard];
			heard.keep = false;
			streams.push({ priority, writer, heard });
		}
		path.target(0);
		// In the order of their priorities, the lowest first: all of it fits into what QUIC takes.
		for (const { writer } of streams) for (let i = 0; i < 20; i++) writer.write(0, Buffer.alloc(4_000));
		await eventually(() => streams.every(({ writer }) => writer.queuedBytes === 0), "QUIC to have all of it");
		/** How much had come of the streams with less priority when all of one had come. */
		const before = new Map<number, number>();
		const order: number[] = [];
		for (const { priority, heard } of streams) {
			const { frame } = heard;
			heard.frame = (kind, payload) => {
				frame.call(heard, kind, payload);
				if (heard.count < 20) return;
				order.push(priority);
				before.set(
					priority,
					streams.filter((other) => other.priority < priority).reduce((bytes, other) => bytes + other.heard.bytes, 0),
				);
			};
		}
		path.target(server.address.port);
		await Promise.all(streams.map(({ heard }) => heard.untilCount(20)));
		assert.deepEqual(order.slice(0, 2), [2, 1]);
		// What had left before the path was cut comes on top: a first congestion window.
		for (const [priority, bytes] of before) if (priority > 0) assert.ok(bytes <= 80_000, `${bytes} bytes came before those of priority ${priority}`);
	});
}

test("silence: the time since the peer was heard grows while nothing comes, and a packet ends it", async (t) => {
	const { server, dialled, accepted, path } = await relayed(t);
	path.target(0);
	await eventually(() => dialled.stats().silentMs > 1_000 && accepted.stats().silentMs > 1_000, "a second of silence");
	path.target(server.address.port);
	await eventually(() => dialled.stats().silentMs < 500 && accepted.stats().silentMs < 500, "keep-alive packets");
});
