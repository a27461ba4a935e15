import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { type TestContext, test } from "node:test";
import { calm, dialling, endpoint, join, listening } from "../test/support/link.ts";

/** A port at which nothing listens. */
async function closedPort(host: string): Promise<number> {
	const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
	await new Promise<void>((resolve, reject) => {
		socket.once("error", reject);
		socket.bind(0, host, resolve);
	});
	const { port } = socket.address();
	await new Promise<void>((resolve) => socket.close(resolve));
	return port;
}

/** Linux tells which packet was refused, and other systems do not. A first packet may be lost, and the next one comes a second later. */
const REFUSED = process.platform === "linux" ? { code: "DIAL_REFUSED", network: "port" } : { code: "HANDSHAKE_TIMEOUT" };

for (const [bound, host] of [
	["127.0.0.1", "127.0.0.1"],
	["::", "127.0.0.1"],
	["::", "::1"],
] as const) {
	test(`dial: a closed port at ${host} is told from a socket at ${bound}, long before the deadline`, async (t) => {
		const port = await closedPort(host).catch(() => undefined);
		if (port === undefined) return t.skip(`this machine has no ${host}`);
		const client = endpoint(t, { host: bound });
		const start = performance.now();
		const handshakeTimeoutMs = process.platform === "linux" ? 60_000 : 500;
		await assert.rejects(client.connect({ ...dialling(client), address: host, port, handshakeTimeoutMs, heedNetwork: true }), REFUSED);
		assert.ok(performance.now() - start < 30_000);
	});
}

test("dial: the network is heeded only where that is asked for", async (t) => {
	const port = await closedPort("127.0.0.1");
	const client = endpoint(t);
	await assert.rejects(client.connect({ ...dialling(client), port, handshakeTimeoutMs: 300 }), { code: "HANDSHAKE_TIMEOUT" });
});

/** A UDP socket that never answers. */
async function silence(t: TestContext): Promise<Socket> {
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
	return socket;
}

test("dial: what is refused ends that dial alone, and not another one of the socket that waits for an answer", async (t) => {
	const client = endpoint(t);
	const { port } = (await silence(t)).address();
	const waiting = client.connect({ ...dialling(client), port, handshakeTimeoutMs: 1_000, heedNetwork: true });
	waiting.catch(() => undefined);
	await assert.rejects(client.connect({ ...dialling(client), port: await closedPort("127.0.0.1"), handshakeTimeoutMs: 10_000, heedNetwork: true }), REFUSED);
	await assert.rejects(waiting, { code: "HANDSHAKE_TIMEOUT" });
});

test("dial: a live connection goes on though the network refuses its packets", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const client = endpoint(t);
	const relay = createSocket("udp4");
	let clientPort = 0;
	await new Promise<void>((resolve) => relay.bind(0, "127.0.0.1", resolve));
	const serverPort = server.address.port;
	relay.on("message", (data, from) => {
		if (from.port !== serverPort) clientPort = from.port;
		relay.send(data, from.port === serverPort ? clientPort : serverPort, "127.0.0.1");
	});
	const { port } = relay.address();
	const { dialled } = await join(client, server, { port, heedNetwork: true });
	let isOver = false;
	void dialled.closed.then(() => {
		isOver = true;
	});
	// What still comes from there would count as an answer.
	await new Promise((resolve) => setTimeout(resolve, 200));
	await new Promise<void>((resolve) => relay.close(resolve));
	await calm();
	// While a dial waits, the socket hears what the network says. Then another dial is refused, of the very port that the connection sends to.
	const waiting = client.connect({ ...dialling(client), port: (await silence(t)).address().port, handshakeTimeoutMs: 800, heedNetwork: true });
	waiting.catch(() => undefined);
	for (let round = 0; round < 5; round += 1) dialled.sendDatagram(new Uint8Array(100));
	await assert.rejects(client.connect({ ...dialling(client), port, handshakeTimeoutMs: 10_000, heedNetwork: true }), REFUSED);
	await assert.rejects(waiting, { code: "HANDSHAKE_TIMEOUT" });
	assert.equal(isOver, false);
});
