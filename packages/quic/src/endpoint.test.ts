import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { calm, dialling, endpoint, ends, eventually, join, link, listening, nextConnection } from "../test/support/link.ts";
import { Endpoint } from "./index.ts";

test("endpoint: one socket listens and dials at once", async (t) => {
	const a = endpoint(t);
	const b = endpoint(t);
	a.listen(listening());
	b.listen(listening());
	const there = join(a, b);
	const back = join(b, a);
	for (const { dialled, accepted } of [await there, await back]) {
		const { near, farHeard } = await ends(dialled, accepted);
		near.write(0, Buffer.from("hello"));
		await farHeard.untilCount(1);
	}
	assert.deepEqual((await there).accepted.remoteAddress, a.address);
	assert.deepEqual((await back).accepted.remoteAddress, b.address);
});

test('endpoint: "::" is reached over both families, and shows IPv4 addresses as such', async (t) => {
	const server = endpoint(t, { host: "::" });
	server.listen(listening());
	for (const host of ["127.0.0.1", "::1"]) {
		const client = endpoint(t, { host });
		const { dialled, accepted } = await join(client, server, { address: host });
		assert.deepEqual(accepted.remoteAddress, { address: host, port: client.address.port });
		assert.deepEqual(dialled.remoteAddress, { address: host, port: server.address.port });
	}
	const target = endpoint(t);
	target.listen(listening());
	const { accepted } = await join(server, target);
	assert.deepEqual(accepted.remoteAddress, { address: "127.0.0.1", port: server.address.port });
});

test("endpoint: a taken port, a foreign address and what is no address have codes of their own", (t) => {
	const { port } = endpoint(t).address;
	assert.throws(() => endpoint(t, { port }), { name: "QuicError", code: "ADDRESS_IN_USE" });
	assert.throws(() => endpoint(t, { host: "192.0.2.1" }), { name: "QuicError", code: "ADDRESS_UNAVAILABLE" });
	assert.throws(() => endpoint(t, { host: "localhost" }), { name: "QuicError", code: "INVALID_ARGUMENT" });
	assert.throws(() => endpoint(t, { port: 65_536 }), { name: "QuicError", code: "INVALID_ARGUMENT" });
	assert.throws(() => endpoint(t, { port: -1 }), { name: "QuicError", code: "INVALID_ARGUMENT" });
});

test("endpoint: an address of a family the socket lacks cannot be dialled", async (t) => {
	const client = endpoint(t);
	await assert.rejects(client.connect({ ...dialling(client), address: "::1" }), { name: "QuicError", code: "DIAL_FAILED" });
	await assert.rejects(client.connect({ ...dialling(client), address: "localhost" }), { name: "QuicError", code: "INVALID_ARGUMENT" });
	await assert.rejects(client.connect({ ...dialling(client), serverName: "not a name" }), { name: "QuicError", code: "DIAL_FAILED" });
});

test("endpoint: rebind to a taken port fails and changes nothing", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	const { address } = client;
	assert.throws(() => client.rebind("127.0.0.1", server.address.port), { code: "ADDRESS_IN_USE" });
	assert.deepEqual(client.address, address);
	const { near, farHeard } = await ends(dialled, accepted);
	near.write(0, Buffer.from("on"));
	await farHeard.untilCount(1);
});

test("endpoint: after stopListening nobody comes in, and who is in stays", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	server.stopListening();
	await assert.rejects(client.connect(dialling(server, { handshakeTimeoutMs: 200 })), { name: "QuicError" });
	const { near, farHeard } = await ends(dialled, accepted);
	near.write(0, Buffer.from("on"));
	await farHeard.untilCount(1);
	server.listen(listening());
	await join(client, server);
});

test("endpoint: nobody is let in while there is no handler for connections", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const dialled = await endpoint(t).connect(dialling(server));
	assert.equal((await dialled.closed).by, "peer");
});

test("endpoint: random bytes to the port change nothing", async (t) => {
	const { server, dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted);
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	let seed = 1;
	const next = (): number => {
		seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
		return seed >>> 8;
	};
	for (let i = 0; i < 3_000; i++) {
		const junk = Buffer.from(Array.from({ length: 1 + (next() % (i % 10 === 0 ? 1_400 : 80)) }, () => next() & 0xff));
		if (i % 3 === 0) junk[0] = 0xc0 | (next() & 0x3f); // looks like a long header
		if (i % 6 === 0) junk.fill(Buffer.of(0, 0, 0, 1), 1, Math.min(5, junk.length)); // of our version
		await new Promise<void>((resolve) => socket.send(junk.subarray(0, 1_400), server.address.port, "127.0.0.1", () => resolve()));
		if (i % 100 === 0) near.write(0, junk);
	}
	await farHeard.untilCount(30);
	assert.equal(server.stats().openConnections, 1);
	assert.equal(server.stats().acceptedHandshakes, 1);
	await join(endpoint(t), server);
});

test("close: peers learn the code, both ends of each connection know who ended it, and the port is free", async (t) => {
	const { server, dialled, accepted } = await link(t);
	await calm();
	const { port } = server.address;
	const closing = server.close({ code: 77, reason: "gone" });
	assert.equal(server.close({ code: 1 }), closing, "a second close changes nothing");
	await closing;
	assert.deepEqual(await dialled.closed, { by: "peer", closeCode: 77, reason: "gone" });
	assert.deepEqual(await accepted.closed, { by: "local", closeCode: 77, reason: "gone" });
	assert.throws(() => server.listen(listening()), { code: "CLOSED" });
	assert.throws(() => server.stats(), { code: "CLOSED" });
	await assert.rejects(server.connect(dialling(server)), { code: "CLOSED" });
	await eventually(() => bindable(t, port), "the port to be free", 5_000);
});

function bindable(t: Parameters<typeof endpoint>[0], port: number): boolean {
	try {
		endpoint(t, { port });
		return true;
	} catch {
		return false;
	}
}

test("close: takes no longer than asked although the peer is silent", async (t) => {
	const { client, server, dialled } = await link(t, { connect: { transport: { idleTimeoutMs: 60_000 } } });
	// The peer is cut off: it moves away, and what is sent to its old port reaches nobody.
	server.rebind("127.0.0.1");
	const start = performance.now();
	await client.close({ drainMs: 50 });
	assert.ok(performance.now() - start < 10_000, "the idle limit is 60 s");
	assert.equal((await dialled.closed).by, "local");
});

test("close: dials on their way end with CLOSED", async (t) => {
	const client = endpoint(t);
	const silent = createSocket("udp4");
	t.after(() => silent.close());
	await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
	const dialled = client.connect({ ...dialling(client), port: silent.address().port });
	const refused = assert.rejects(dialled, { name: "QuicError", code: "CLOSED" });
	await client.close();
	await refused;
});

test("close: a wrong code is refused and the endpoint stays", async (t) => {
	const server = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	t.after(() => server.close());
	assert.throws(() => server.close({ code: -1 }), { name: "QuicError", code: "INVALID_ARGUMENT" });
	server.listen(listening());
	const arrived = nextConnection(server);
	await endpoint(t).connect(dialling(server));
	await arrived;
});
