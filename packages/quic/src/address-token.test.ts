import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { type TestContext, test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { dialling, endpoint, eventually, listening, nextStream } from "../test/support/link.ts";
import { relay } from "../test/support/relay.ts";
import type { ConnectOptions, Endpoint } from "./index.ts";

/** A server that makes everybody prove their address, and counts who need not. */
function server(t: TestContext, addressTokenKey: Uint8Array | undefined, port = 0): Endpoint {
	const made = endpoint(t, { port });
	made.onConnection = (connection) => {
		connection.confirm();
		// It comes after the tokens, which go with the end of the handshake.
		connection.openStream(new Heard(), {}, { kind: 1, payload: new Uint8Array(0) });
	};
	made.listen(listening({ retry: "always", ...(addressTokenKey === undefined ? {} : { addressTokenKey }) }));
	return made;
}

/** What the server has done since the last look. */
function looks(at: Endpoint): () => { retries: number; returning: number } {
	let last = { retries: 0, returning: 0 };
	return () => {
		const { retries, returningConnections } = at.stats();
		const now = { retries: retries - last.retries, returning: returningConnections - last.returning };
		last = { retries, returning: returningConnections };
		return now;
	};
}

const STRANGER = { retries: 1, returning: 0 };
const KNOWN = { retries: 0, returning: 1 };

/** Dials, and waits until what the server gives has come. */
async function visit(client: Endpoint, to: Endpoint, options: Partial<ConnectOptions> = {}): Promise<void> {
	const connection = await client.connect(dialling(to, options));
	await nextStream(connection);
	connection.close(0);
}

test("address tokens: a client that returns need not prove its address; each token counts once", async (t) => {
	const at = server(t, randomBytes(32));
	const look = looks(at);
	const client = endpoint(t);
	await visit(client, at);
	assert.deepEqual(look(), STRANGER);
	for (let i = 0; i < 10; i++) {
		await visit(client, at);
		assert.deepEqual(look(), KNOWN, `visit ${i}`);
	}
	await visit(endpoint(t), at);
	assert.deepEqual(look(), STRANGER, "another endpoint has none");
});

test("address tokens: none are given without a key, and a server with another key takes none", async (t) => {
	const without = server(t, undefined);
	const client = endpoint(t);
	const look = looks(without);
	await visit(client, without);
	await visit(client, without);
	assert.deepEqual(look(), { retries: 2, returning: 0 });
	const first = server(t, randomBytes(32));
	await visit(client, first);
	const { port } = first.address;
	await first.close();
	const other = server(t, randomBytes(32), port);
	await visit(client, other);
	assert.deepEqual(looks(other)(), STRANGER);
});

test("address tokens: a server that has restarted with the same key takes those of before", async (t) => {
	const key = randomBytes(32);
	const first = server(t, key);
	const client = endpoint(t);
	await visit(client, first);
	const { port } = first.address;
	await first.close();
	const second = server(t, key, port);
	await visit(client, second);
	assert.deepEqual(looks(second)(), KNOWN);
});

test("address tokens: dials that nobody has answered do not use them up", async (t) => {
	const key = randomBytes(32);
	const first = server(t, key);
	const client = endpoint(t);
	await visit(client, first);
	const { address, port } = first.address;
	await first.close();
	// A port that says nothing.
	const silent = createSocket("udp4");
	await new Promise<void>((resolve) => silent.bind(port, address, resolve));
	const gone = dialling({ address: { address, port } } as Endpoint);
	for (let i = 0; i < 12; i++) {
		const dialled = client.connect({ ...gone, handshakeTimeoutMs: 30 });
		await assert.rejects(dialled, { code: "HANDSHAKE_TIMEOUT" });
		await assert.rejects(client.connect({ ...gone, signal: AbortSignal.timeout(10) }), { name: "TimeoutError" });
	}
	// A dial that is given up says so, and that would use up its token at the next server.
	await eventually(() => client.stats().openConnections === 0, "the end of what was given up");
	await new Promise<void>((resolve) => silent.close(() => resolve()));
	const second = server(t, key, port);
	await visit(client, second);
	assert.deepEqual(looks(second)(), KNOWN);
});

test("address tokens: a forged one is worth nothing, nor is one from elsewhere, nor one that was used, whatever the server is told meanwhile", async (t) => {
	const addressTokenKey = randomBytes(32);
	const at = server(t, addressTokenKey);
	const initial = await initialWithToken(t, at);
	at.listen(listening({ retry: "always", addressTokenKey, handshakeTimeoutMs: 100 }));
	const look = looks(at);
	look();
	const say = await speaker(t, at, "127.0.0.1");

	const ids = 7 + (initial[5] as number) + (initial[6 + (initial[5] as number)] as number);
	const forged = Buffer.from(initial);
	forged[ids + 1] = (forged[ids + 1] as number) ^ 1;
	await say(forged);
	assert.deepEqual(look(), STRANGER, "forged");

	await (await speaker(t, at, "127.0.0.2"))(initial);
	assert.deepEqual(look(), STRANGER, "from elsewhere");

	await say(initial);
	assert.deepEqual(look(), KNOWN, "it is good");
	// Until then the same packet belongs to that connection.
	await eventually(() => at.stats().openConnections === 0, "the end of the handshake that nobody goes on with");
	await say(initial);
	assert.deepEqual(look(), STRANGER, "used");

	at.listen(listening({ retry: "always", addressTokenKey }));
	await say(initial);
	assert.deepEqual(look(), STRANGER, "used before the server got new options");
});

test("address tokens: a listener refuses a key that is too short", (t) => {
	const at = endpoint(t);
	assert.throws(() => at.listen(listening({ addressTokenKey: new Uint8Array(31) })), { code: "INVALID_ARGUMENT", message: /31 bytes are too few/ });
});

/** The first packet of a client that returns to the server. The server has not seen it. */
async function initialWithToken(t: TestContext, at: Endpoint): Promise<Buffer> {
	const wire = await relay(t, at.address.port);
	const between = { address: { address: "127.0.0.1", port: wire.port } } as Endpoint;
	const client = endpoint(t);
	await visit(client, between);
	await eventually(() => at.stats().openConnections === 0, "the end of the first visit");
	wire.target(0);
	let initial: Buffer | undefined;
	wire.sees((packet) => {
		// A long header of type Initial, of a new connection.
		if (((packet[0] as number) & 0xf0) === 0xc0) initial ??= Buffer.from(packet);
	});
	await assert.rejects(client.connect(dialling(between, { handshakeTimeoutMs: 200 })), { code: "HANDSHAKE_TIMEOUT" });
	assert.ok(initial);
	return initial;
}

/** Sends a packet to the server from an address, and waits until the server has judged it. */
async function speaker(t: TestContext, at: Endpoint, address: string): Promise<(packet: Buffer) => Promise<void>> {
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	await new Promise<void>((resolve) => socket.bind(0, address, resolve));
	return async (packet) => {
		const { retries, returningConnections } = at.stats();
		socket.send(packet, at.address.port, at.address.address);
		await eventually(() => at.stats().retries > retries || at.stats().returningConnections > returningConnections, "what the server thinks of it");
	};
}
