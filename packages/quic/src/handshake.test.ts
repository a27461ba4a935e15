import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { type TestContext, test } from "node:test";
import { calm, dialling, endpoint, eventually, join, listening, nextConnection } from "../test/support/link.ts";
import type { Connection } from "./index.ts";

/** A UDP socket that never answers. */
async function silence(t: TestContext): Promise<Socket> {
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
	return socket;
}

/** Sends the first flight of a real handshake to `port` and nothing more. */
async function stalledHandshake(t: TestContext, port: number): Promise<void> {
	const trap = await silence(t);
	const client = endpoint(t);
	const first = new Promise<Buffer>((resolve) => trap.once("message", resolve));
	client.connect({ ...dialling(client), port: trap.address().port }).catch(() => {});
	const initial = await first;
	await new Promise<void>((resolve) => trap.send(initial, port, "127.0.0.1", () => resolve()));
}

for (const idleTimeoutMs of [15_000, 150]) {
	test(`handshake: a silent port is given up in time (idle limit ${idleTimeoutMs} ms)`, async (t) => {
		const port = (await silence(t)).address().port;
		const client = endpoint(t);
		// With the default, 10 s, it would go on no longer than this one, which began before it.
		const [patient, stop] = [endpoint(t), new AbortController()];
		let goesOn = true;
		const other = patient.connect({ ...dialling(patient), port, handshakeTimeoutMs: 60_000, signal: stop.signal }).catch(() => {
			goesOn = false;
		});
		await assert.rejects(client.connect({ ...dialling(client), port, handshakeTimeoutMs: 300, transport: { idleTimeoutMs } }), {
			name: "QuicError",
			code: "HANDSHAKE_TIMEOUT",
		});
		assert.ok(goesOn, "each has a time of its own");
		stop.abort();
		await other;
	});
}

test("handshake: an abort rejects with the signal's own reason, before and during", async (t) => {
	const port = (await silence(t)).address().port;
	const client = endpoint(t);
	const reason = { any: "thing" };
	await assert.rejects(client.connect({ ...dialling(client), port, signal: AbortSignal.abort(reason) }), (e) => e === reason);
	const controller = new AbortController();
	const dialled = client.connect({ ...dialling(client), port, signal: controller.signal });
	setTimeout(() => controller.abort(reason), 20);
	await assert.rejects(dialled, (e) => e === reason);
	await eventually(() => client.stats().openConnections === 0, "the attempt to be forgotten");
});

test("handshake: an abort after the connection is there changes nothing", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const controller = new AbortController();
	const { dialled, accepted } = await join(endpoint(t), server, { signal: controller.signal });
	controller.abort();
	await calm();
	dialled.close(5);
	assert.deepEqual(await accepted.closed, { by: "peer", closeCode: 5, reason: "" });
});

test("handshake: stalled ones end by their deadline and delay nobody", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ handshakeTimeoutMs: 2_000 }));
	// One that began before, with more time. Were it the default, 5 s, it would end first.
	const patient = endpoint(t);
	patient.listen(listening({ handshakeTimeoutMs: 60_000 }));
	await stalledHandshake(t, patient.address.port);
	await eventually(() => patient.stats().undecidedConnections === 1, "a stalled handshake");
	await Promise.all(Array.from({ length: 8 }, () => stalledHandshake(t, server.address.port)));
	await eventually(() => server.stats().undecidedConnections === 8, "eight stalled handshakes");
	await join(endpoint(t), server);
	const { undecidedConnections, failedHandshakes } = server.stats();
	assert.deepEqual([undecidedConnections, failedHandshakes], [8, 0], "who came last waited for none of them");
	await eventually(() => server.stats().failedHandshakes === 8, "their end");
	assert.equal(patient.stats().failedHandshakes, 0, "each has the time of its own endpoint");
	await eventually(() => server.stats().undecidedConnections === 0, "their places");
});

test("undecided: beyond the cap connections are refused, and places come back", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ undecidedConnections: 2, retry: "never" }));
	const client = endpoint(t);
	const held: Connection[] = [];
	const two = new Promise<void>((resolve) => {
		server.onConnection = (connection) => {
			if (held.push(connection) === 2) resolve();
		};
	});
	await client.connect(dialling(server));
	await client.connect(dialling(server));
	await two;
	assert.equal(server.stats().undecidedConnections, 2);
	await assert.rejects(client.connect(dialling(server)), { name: "QuicError", code: "CONNECTION_REFUSED" });
	assert.equal(server.stats().refusedConnections, 1);
	held[0]?.confirm();
	held[1]?.close(0);
	await eventually(() => server.stats().undecidedConnections === 0, "both to be decided");
	await join(client, server);
});

test("undecided: beyond the cap on all connections they are refused", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ connections: 1 }));
	const client = endpoint(t);
	await join(client, server);
	await assert.rejects(client.connect(dialling(server)), { name: "QuicError", code: "CONNECTION_REFUSED" });
});

test("undecided: who is not confirmed in time is closed with the code, who is stays", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ undecidedTimeoutMs: 1_000, undecidedCode: 4_242 }));
	const client = endpoint(t);
	const { accepted: confirmed } = await join(client, server);
	// One that came before, with more time. Were it the default, 5 s, it would end first.
	const patient = endpoint(t);
	patient.listen(listening({ undecidedTimeoutMs: 60_000 }));
	const kept = nextConnection(patient);
	const waits = await endpoint(t).connect(dialling(patient));
	await kept;
	let isOver = false;
	void waits.closed.then(() => {
		isOver = true;
	});
	const arrived = nextConnection(server);
	const dialled = await client.connect(dialling(server));
	const unconfirmed = await arrived;
	assert.deepEqual(await dialled.closed, { by: "peer", closeCode: 4_242, reason: "" });
	assert.equal(isOver, false, "each has the time of its own endpoint");
	assert.deepEqual(await unconfirmed.closed, { by: "local", closeCode: 4_242, reason: "" });
	assert.equal(server.stats().openConnections >= 1, true);
	confirmed.close(9);
	assert.deepEqual(await confirmed.closed, { by: "local", closeCode: 9, reason: "" });
});

for (const [retry, expected] of [
	["never", 0],
	["always", 1],
	["under-load", 0],
] as const) {
	test(`retry: "${retry}" sends ${expected} to a lone client`, async (t) => {
		const server = endpoint(t);
		server.listen(listening({ retry }));
		await join(endpoint(t), server);
		assert.equal(server.stats().retries, expected);
	});
}

test("retry: under load newcomers have to prove their address, and get in", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ retryThreshold: 1 }));
	const client = endpoint(t);
	const arrived = nextConnection(server);
	await client.connect(dialling(server));
	const first = await arrived;
	assert.equal(server.stats().retries, 0);
	await join(client, server);
	assert.equal(server.stats().retries, 1);
	first.confirm();
	await join(client, server);
	assert.equal(server.stats().retries, 1);
});

/** A QUIC packet of a version that nobody speaks, long enough to be answered (RFC 9000, 5.2.2). */
function packetOf(version: number): Buffer {
	const packet = Buffer.alloc(1200);
	packet[0] = 0xc0;
	packet.writeUInt32BE(version, 1);
	for (const [at, first] of [
		[5, 0x11],
		[14, 0x22],
	] as const) {
		packet[at] = 8;
		packet.fill(first, at + 1, at + 9);
	}
	return packet;
}

/** The versions in a Version Negotiation packet (RFC 9000, 17.2.1). */
function versionsIn(packet: Buffer): number[] {
	assert.ok((packet[0] as number) & 0x80 && packet.readUInt32BE(1) === 0, "a Version Negotiation packet");
	let at = 5;
	for (let id = 0; id < 2; id++) at += 1 + (packet[at] as number);
	const versions = [];
	for (; at < packet.length; at += 4) versions.push(packet.readUInt32BE(at));
	return versions;
}

test("handshake: whoever speaks another version of QUIC, a draft too, is told that version 1 is the only one", async (t) => {
	for (const statelessResetKey of [undefined, Buffer.alloc(32, 7)]) {
		const server = endpoint(t, statelessResetKey === undefined ? {} : { statelessResetKey });
		server.listen(listening());
		const socket = await silence(t);
		for (const version of [0xff00_001d, 0xff00_0022, 0x6b33_43cf, 0x1234_5678]) {
			const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
			socket.send(packetOf(version), server.address.port, "127.0.0.1");
			const reserved = (listed: number): boolean => (listed & 0x0f0f_0f0f) >>> 0 === 0x0a0a_0a0a; // RFC 9000, 15: never used
			assert.deepEqual(
				versionsIn(await answer).filter((listed) => !reserved(listed)),
				[1],
			);
		}
	}
});
