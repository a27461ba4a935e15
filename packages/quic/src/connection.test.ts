import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import process from "node:process";
import { test } from "node:test";
import { calm, dialling, endpoint, ends, eventually, join, link, listening, nextConnection } from "../test/support/link.ts";
import { relay } from "../test/support/relay.ts";

/** What path MTU discovery finds between two sockets of this machine. Other systems do not tell how far it may go. */
const LARGEST_MTU = process.platform === "linux" ? 6_540 : 1_452;

test("connection: figures are plausible and grow with what is sent", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	const before = dialled.stats();
	const { near, farHeard } = await ends(dialled, accepted);
	for (let i = 0; i < 10; i++) near.write(0, Buffer.alloc(50_000));
	await farHeard.untilCount(10);
	const far = accepted.stats(); // first: the dialling end may send more at any moment
	const after = dialled.stats();
	assert.ok(after.sentBytes - before.sentBytes >= 500_000);
	assert.ok(far.receivedBytes >= 500_000 && far.receivedBytes <= after.sentBytes);
	assert.ok(after.receivedBytes > before.receivedBytes, "acknowledgements");
	assert.ok(after.sentPackets > before.sentPackets && after.sentDatagrams > before.sentDatagrams && far.receivedDatagrams > 20);
	assert.ok(after.rttMs > 0 && after.rttMs < 1_000 && after.minRttMs > 0 && after.minRttMs <= 1_000);
	assert.ok(after.mtuBytes >= 1_200 && after.mtuBytes <= LARGEST_MTU);
	assert.ok(after.congestionWindowBytes > 1_200);
	assert.ok(after.lostPackets <= after.sentPackets && after.lostBytes <= after.sentBytes);
	for (const figure of Object.values(after)) assert.ok(Number.isFinite(figure) && figure >= 0);
	assert.equal(server.stats().acceptedHandshakes, 1);
	assert.equal(server.stats().failedHandshakes, 0);
	assert.equal(server.stats().openConnections, 1);
	assert.equal(server.stats().undecidedConnections, 0);
	assert.equal(client.stats().acceptedHandshakes, 0);
});

test("connection: path MTU discovery goes up to what is asked for", async (t) => {
	const { dialled } = await link(t, { connect: { transport: { maxMtuBytes: 1_452 } }, listen: { transport: { maxMtuBytes: 1_452 } } });
	await eventually(() => dialled.stats().mtuBytes === 1_452, "the MTU");
	const small = await link(t, { connect: { transport: { maxMtuBytes: 1_200 } } });
	await new Promise((resolve) => setTimeout(resolve, 100));
	assert.equal(small.dialled.stats().mtuBytes, 1_200);
});

test("connection: packets grow beyond those of Ethernet on the machine itself", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted);
	// It is found out with packets that carry something.
	const found = () => [dialled, accepted].every((end) => end.stats().mtuBytes > LARGEST_MTU - 100);
	const message = randomBytes(64 * 1024);
	let sent = 0;
	await eventually(() => {
		if (sent === farHeard.frames.length && sent < 64) {
			near.write(0, message);
			sent++;
		}
		return found();
	}, "the MTU");
	await farHeard.untilCount(sent);
	for (const { payload } of farHeard.frames) assert.deepEqual(Buffer.from(payload), message);
	const old = await link(t, { listen: { transport: { maxMtuBytes: 1_452 } } });
	await eventually(() => old.accepted.stats().mtuBytes === 1_452, "the MTU of the side that was told");
});

for (const passes of [1_500, 1_200]) {
	test(`connection: goes on when its path takes no more than ${passes} bytes any more, in both directions`, async (t) => {
		const server = endpoint(t);
		server.listen(listening());
		const wire = await relay(t, server.address.port);
		const { dialled, accepted } = await join(endpoint(t), server, { port: wire.port });
		const { near, far, nearHeard, farHeard } = await ends(dialled, accepted);
		const message = randomBytes(64 * 1024);
		const exchange = async (count: number): Promise<void> => {
			const until = [nearHeard, farHeard].map((heard) => heard.frames.length + count) as [number, number];
			for (let i = 0; i < count; i++) {
				near.write(0, message);
				far.write(0, message);
			}
			await Promise.all([nearHeard.untilCount(until[0]), farHeard.untilCount(until[1])]);
		};
		while ([dialled, accepted].some((end) => end.stats().mtuBytes < LARGEST_MTU)) await exchange(1);
		wire.narrow(passes);
		const start = performance.now();
		await exchange(4);
		t.diagnostic(`${Math.round(performance.now() - start)} ms for 256 KiB each way`);
		for (const heard of [nearHeard, farHeard]) {
			for (const { payload } of heard.frames) assert.deepEqual(Buffer.from(payload), message);
		}
		assert.ok(dialled.stats().mtuBytes <= passes && accepted.stats().mtuBytes <= passes);
	});
}

for (const congestion of ["cubic", "bbr", "newreno"] as const) {
	for (const segmentationOffload of [true, false]) {
		test(`connection: carries bytes with ${congestion}, segmentation offload ${segmentationOffload}`, async (t) => {
			const transport = { congestion, segmentationOffload };
			const { dialled, accepted } = await link(t, { connect: { transport }, listen: { transport } });
			assert.deepEqual([dialled.congestion, accepted.congestion], [congestion, congestion]);
			const { near, farHeard } = await ends(dialled, accepted);
			const data = randomBytes(300_000);
			near.write(0, data);
			await farHeard.untilCount(1);
			assert.deepEqual(Buffer.from(farHeard.frames[0]?.payload ?? []), data);
		});
	}
}

test("connection: datagrams go both ways", async (t) => {
	const { dialled, accepted } = await link(t);
	const received = (connection: typeof dialled) =>
		new Promise<Uint8Array>((resolve) => {
			connection.onDatagram = resolve;
		});
	const there = received(accepted);
	const back = received(dialled);
	assert.equal(dialled.sendDatagram(Buffer.from("there")), "sent");
	assert.equal(accepted.sendDatagram(new Uint8Array(0)), "sent");
	assert.equal(Buffer.from(await there).toString(), "there");
	assert.equal((await back).length, 0);
});

test("connection: a datagram of the largest size passes, one byte more is too large", async (t) => {
	const { dialled, accepted } = await link(t, { connect: { transport: { maxMtuBytes: 1_452 } } });
	await eventually(() => dialled.stats().mtuBytes === 1_452, "the MTU");
	const largest = dialled.maxDatagramBytes;
	assert.ok(largest > 1_100 && largest < 1_452);
	const there = new Promise<Uint8Array>((resolve) => {
		accepted.onDatagram = resolve;
	});
	assert.equal(dialled.sendDatagram(Buffer.alloc(largest + 1)), "too-large");
	assert.equal(dialled.sendDatagram(Buffer.alloc(largest, 9)), "sent");
	assert.deepEqual(Buffer.from(await there), Buffer.alloc(largest, 9));
});

test("connection: who takes no datagrams is not sent any", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { transport: { datagramBufferBytes: 0 } } });
	assert.equal(dialled.maxDatagramBytes, 0);
	assert.equal(dialled.sendDatagram(Buffer.of(1)), "unsupported");
	dialled.close(0);
	await accepted.closed;
	await dialled.closed;
	assert.equal(dialled.sendDatagram(Buffer.of(1)), "closed");
});

test("connection: a flood of datagrams to a busy reader is bounded, and QUIC goes on", async (t) => {
	const { dialled, accepted } = await link(t);
	let got = 0;
	accepted.onDatagram = () => {
		got++;
	};
	for (let i = 0; i < 5_000; i++) dialled.sendDatagram(Buffer.alloc(1_000));
	const { near, farHeard } = await ends(dialled, accepted);
	near.write(0, Buffer.from("fine"));
	await farHeard.untilCount(1);
	await eventually(() => got > 0, "some datagrams");
	assert.ok(got <= 5_000);
});

test("connection: close tells the peer code and reason, once, and later calls are harmless", async (t) => {
	const { dialled, accepted } = await link(t);
	await calm();
	const largest = Number.MAX_SAFE_INTEGER;
	assert.throws(() => dialled.close(-1), { name: "QuicError", code: "INVALID_ARGUMENT" });
	assert.throws(() => dialled.close(1.5), { name: "QuicError", code: "INVALID_ARGUMENT" });
	dialled.close(largest, "words \u{1f600}");
	dialled.close(3);
	assert.deepEqual(await accepted.closed, { by: "peer", closeCode: largest, reason: "words \u{1f600}" });
	assert.deepEqual(await dialled.closed, { by: "local", closeCode: largest, reason: "words \u{1f600}" });
	dialled.close(4);
	accepted.close(4);
	accepted.confirm();
	assert.deepEqual(accepted.remoteAddress.address, "127.0.0.1");
	assert.throws(() => dialled.stats(), { name: "QuicError", code: "CLOSED" });
	assert.throws(() => dialled.openStream({} as never), { name: "QuicError", code: "CLOSED" });
	assert.throws(() => dialled.exportKeyingMaterial("x", new Uint8Array(0), 16), { name: "QuicError", code: "CLOSED" });
});

for (const [who, maxMtuBytes] of [
	["of ordinary packets", 1_452],
	["of large ones", undefined],
] as const) {
	for (const what of ["a connection", "an endpoint"]) {
		test(`connection: the close of ${what} is not held back by data that waits for a full window ${who}`, async (t) => {
			const transport = maxMtuBytes === undefined ? {} : { maxMtuBytes };
			for (let round = 0; round < 20; round++) {
				const { client, dialled, accepted } = await link(t, { connect: { transport }, listen: { transport } });
				const { near } = await ends(dialled, accepted, { paused: true, far: { creditBytes: 64 << 20 } });
				for (let i = 0; i < 8; i++) near.write(0, Buffer.alloc(1 << 20));
				// Some of it is on its way, and the rest waits for that to be acknowledged.
				if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
				if (what === "a connection") dialled.close(7, "done");
				else void client.close({ code: 7, reason: "done", drainMs: 1_000 });
				// Less than the idle limit, after which the peer would be lost in any case.
				let info: { readonly closeCode?: number; readonly reason: string } | undefined;
				void accepted.closed.then((end) => {
					info = end;
				});
				await eventually(() => info !== undefined, "the close");
				assert.deepEqual([info?.closeCode, info?.reason], [7, "done"], `round ${round}`);
			}
		});
	}
}

test("connection: a silent peer is lost after the idle limit, one with keep-alive is not", async (t) => {
	const quiet = { idleTimeoutMs: 2_000, keepAliveIntervalMs: 0 };
	const server = endpoint(t);
	server.listen(listening({ transport: quiet }));
	const client = endpoint(t);
	const { dialled: alive } = await join(client, server, { transport: { idleTimeoutMs: 2_000, keepAliveIntervalMs: 100 } });
	const { dialled, accepted } = await join(client, server, { transport: quiet });
	for (const { closed } of [dialled, accepted]) {
		const { by, error } = await closed;
		assert.equal(by, "error");
		assert.equal((error as { code?: string }).code, "IDLE_TIMEOUT");
	}
	assert.ok(alive.stats().rttMs > 0);
	alive.close(0);
});

test("connection: a restarted endpoint with the same reset key tells old peers at once", async (t) => {
	const statelessResetKey = randomBytes(32);
	const server = endpoint(t, { statelessResetKey });
	server.listen(listening());
	const { port, target } = await relay(t, server.address.port);
	const { dialled } = await join(endpoint(t), server, { port, transport: { keepAliveIntervalMs: 50 } });
	const restarted = endpoint(t, { statelessResetKey });
	restarted.listen(listening());
	const start = performance.now();
	target(restarted.address.port);
	const { by, error } = await dialled.closed;
	assert.equal(by, "error");
	assert.equal((error as { code?: string }).code, "STATELESS_RESET");
	assert.ok(performance.now() - start < 10_000, "the idle limit is 15 s");
});

test("connection: an incoming one is announced once, with its addresses", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const client = endpoint(t);
	const arrived = nextConnection(server);
	const dialled = await client.connect(dialling(server));
	const accepted = await arrived;
	assert.deepEqual(accepted.remoteAddress, client.address);
	assert.deepEqual(dialled.remoteAddress, server.address);
	assert.equal(accepted.localAddress, "127.0.0.1");
	assert.equal(dialled.localAddress, undefined);
	accepted.confirm();
	accepted.confirm();
	assert.equal(server.stats().undecidedConnections, 0);
});
