import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { endpoint, ends, eventually, link } from "../test/support/link.ts";
import type { SocketAddress } from "./index.ts";

test("raw: datagrams pass beside QUIC under load, both ways, and QUIC loses nothing", async (t) => {
	const { client, server, dialled, accepted } = await link(t, { endpoint: { rawDatagrams: true } });
	const got = { client: new Set<number>(), server: new Set<number>() };
	const froms = new Set<string>();
	const collect = (into: Set<number>) => (data: Uint8Array, from: SocketAddress) => {
		assert.equal(data.length, 9);
		into.add(data[1] as number);
		froms.add(`${from.address} ${from.port}`);
	};
	client.onRaw = collect(got.client);
	server.onRaw = collect(got.server);
	const { near, farHeard } = await ends(dialled, accepted);
	farHeard.keep = false;
	const block = Buffer.alloc(60_000, 7);
	for (let i = 0; i < 100; i++) {
		for (let k = 0; k < 5; k++) near.write(0, block);
		client.sendRaw(Buffer.from([0x01, i, 2, 3, 4, 5, 6, 7, 8]), server.address);
		server.sendRaw(Buffer.from([0x3f, i, 2, 3, 4, 5, 6, 7, 8]), client.address);
		if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
	}
	await farHeard.untilCount(500);
	assert.equal(farHeard.bytes, 500 * block.length);
	// Datagrams may be lost, but on an idle loopback most are not.
	await eventually(() => got.client.size >= 80 && got.server.size >= 80, "most raw datagrams");
	assert.deepEqual(froms, new Set([`127.0.0.1 ${client.address.port}`, `127.0.0.1 ${server.address.port}`]));
	assert.equal(client.stats().droppedRawDatagrams, 0);
});

test("raw: any UDP socket can be talked to, in both directions", async (t) => {
	const ours = endpoint(t, { rawDatagrams: true });
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
	const { port } = socket.address();
	const heard = new Promise<[Uint8Array, SocketAddress]>((resolve) => {
		ours.onRaw = (data, from) => resolve([data, from]);
	});
	const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
	socket.send(Buffer.from([0, 1, 2]), ours.address.port, "127.0.0.1");
	const [data, from] = await heard;
	assert.deepEqual([...data], [0, 1, 2]);
	assert.deepEqual(from, { address: "127.0.0.1", port });
	assert.equal(ours.sendRaw(Buffer.from([0x3f]), from), true);
	assert.deepEqual([...(await answer)], [0x3f]);
});

test("raw: a dual-stack socket shows both families' own addresses", async (t) => {
	const ours = endpoint(t, { host: "::", rawDatagrams: true });
	const { port } = ours.address;
	for (const host of ["127.0.0.1", "::1"]) {
		const other = endpoint(t, { host, rawDatagrams: true });
		const heard = new Promise<SocketAddress>((resolve) => {
			ours.onRaw = (_, from) => resolve(from);
		});
		other.sendRaw(Buffer.of(1), { address: host, port });
		assert.deepEqual(await heard, other.address);
		const back = new Promise<SocketAddress>((resolve) => {
			other.onRaw = (_, from) => resolve(from);
		});
		assert.equal(ours.sendRaw(Buffer.of(1), other.address), true);
		assert.deepEqual(await back, { address: host, port });
	}
});

test("raw: what could be taken for QUIC, is empty or goes nowhere is not sent", (t) => {
	const ours = endpoint(t);
	const to = { address: "127.0.0.1", port: 9 };
	for (const first of [0x40, 0x7f, 0xc0, 0xff]) assert.throws(() => ours.sendRaw(Buffer.of(first), to), { name: "QuicError", code: "INVALID_ARGUMENT" });
	assert.throws(() => ours.sendRaw(new Uint8Array(0), to), { name: "QuicError", code: "INVALID_ARGUMENT" });
	assert.throws(() => ours.sendRaw(Buffer.of(1), { address: "localhost", port: 9 }), { name: "QuicError", code: "INVALID_ARGUMENT" });
	assert.equal(ours.sendRaw(Buffer.of(1), { address: "::1", port: 9 }), false, "an IPv4 socket reaches no IPv6 address");
	assert.equal(ours.sendRaw(Buffer.alloc(70_000), to), false, "longer than UDP can");
});

test("raw: who did not ask for datagrams gets none, and counts them", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	server.onRaw = () => assert.fail("not asked for");
	for (let i = 0; i < 10; i++) assert.equal(client.sendRaw(Buffer.of(1, i), server.address), true);
	await eventually(() => server.stats().droppedRawDatagrams === 10, "ten dropped datagrams");
	const { near, farHeard } = await ends(dialled, accepted);
	near.write(0, Buffer.from("fine"));
	await farHeard.untilCount(1);
});

test("raw: datagrams still come after a rebind", async (t) => {
	const ours = endpoint(t, { rawDatagrams: true });
	const other = endpoint(t);
	ours.rebind("127.0.0.1");
	const heard = new Promise<Uint8Array>((resolve) => {
		ours.onRaw = (data) => resolve(data);
	});
	other.sendRaw(Buffer.of(1, 2), ours.address);
	assert.deepEqual([...(await heard)], [1, 2]);
});

test("raw: a flood of datagrams is bounded in memory and time, what is too much is counted, and QUIC goes on", async (t) => {
	const { client, server, dialled, accepted } = await link(t, { endpoint: { rawDatagrams: true } });
	const { near, farHeard } = await ends(dialled, accepted);
	let got = 0;
	let thisTurn = 0;
	let mostInATurn = 0;
	server.onRaw = () => {
		got++;
		if (thisTurn++ === 0) setImmediate(() => (thisTurn = 0));
		mostInATurn = Math.max(mostInATurn, thisTurn);
	};
	const probe = Buffer.alloc(33, 0x10);
	for (let round = 1; round <= 10; round++) {
		// This thread is busy, so they all wait: in the kernel, which may drop some, and in the addon.
		for (let i = 0; i < 1_000; i++) client.sendRaw(probe, server.address);
		near.write(0, probe);
		await farHeard.untilCount(round);
	}
	const { droppedRawDatagrams } = server.stats();
	assert.ok(got > 0);
	assert.ok(mostInATurn <= 256, `${mostInATurn} in one turn of the event loop`);
	assert.ok(droppedRawDatagrams > 0, "some were too much");
	assert.ok(got + droppedRawDatagrams <= 10_000);
	// And it is over when the flood is.
	const before = got;
	await eventually(() => client.sendRaw(probe, server.address) && got > before, "datagrams to come again");
});
