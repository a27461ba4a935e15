import assert from "node:assert/strict";
import { test } from "node:test";
import { pipe, releaseMemory } from "../src/index.ts";
import { Heard } from "./support/heard.ts";
import { endpoint, ends, eventually, join, listening, nextStream } from "./support/link.ts";
import { relay } from "./support/relay.ts";

const KIB = 1024;
const NOTHING = { unsentBytes: 0, unreadBytes: 0, waitingPipes: 0, acknowledgedBytes: 0 };
const transport = { idleTimeoutMs: 60_000, keepAliveIntervalMs: 200, streamWindowBytes: 16 * KIB * KIB };

test("held: what is written counts until the peer has acknowledged it, also what QUIC has not taken yet", async (t) => {
	const [server, client] = [endpoint(t), endpoint(t)];
	server.listen(listening({ transport }));
	const path = await relay(t, server.address.port);
	const { dialled, accepted } = await join(client, server, { port: path.port, transport });
	const held = () => client.held(16 * KIB).get(dialled) ?? NOTHING;
	const { near, farHeard, far, nearHeard } = await ends(dialled, accepted);
	farHeard.keep = false;
	await eventually(() => held().unsentBytes === 0, "nothing to be held at first");
	path.target(0);
	const bytes = 2 * KIB * KIB;
	for (let written = 0; written < bytes; written += 64 * KIB) near.write(0, Buffer.alloc(64 * KIB));
	await eventually(() => near.queuedBytes < bytes - 256 * KIB, "QUIC to take something");
	const { unsentBytes, acknowledgedBytes } = held();
	// At most twice what is taken between the two figures that it is made of.
	assert.ok(unsentBytes >= bytes && unsentBytes <= bytes + 64 * KIB, `${unsentBytes}`);
	assert.equal(held().acknowledgedBytes, acknowledgedBytes);
	// Who is asked for more than that has less to tell.
	assert.equal(client.held(4 * bytes).size, 0);
	path.target(server.address.port);
	await farHeard.untilCount(32);
	far.write(0, Buffer.of(1));
	await nearHeard.untilCount(1);
	await eventually(() => held().unsentBytes === 0, "all to be acknowledged");
	// The other side has sent next to nothing.
	assert.equal(server.held(16 * KIB).size, 0);
});

test("held: what is dropped with its stream counts no more", async (t) => {
	const [server, client] = [endpoint(t), endpoint(t)];
	server.listen(listening({ transport }));
	const path = await relay(t, server.address.port);
	const { dialled, accepted } = await join(client, server, { port: path.port, transport });
	const { near } = await ends(dialled, accepted);
	path.target(0);
	near.write(0, Buffer.alloc(4 * KIB * KIB));
	await eventually(() => near.queuedBytes < 4 * KIB * KIB, "QUIC to take something");
	near.reset(1);
	await eventually(() => (client.held(1).get(dialled)?.unsentBytes ?? 0) < KIB * KIB, "what waited to be dropped");
	path.target(server.address.port);
	await eventually(() => client.held(16 * KIB).size === 0, "the rest to be dropped");
});

test("held: what comes on a stream that is piped to one without room is unread", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ transport: { ...transport, streamWindowBytes: 512 * KIB } }));
	const path = await relay(t, server.address.port);
	const alice = await join(endpoint(t), server, { transport });
	const bob = await join(endpoint(t), server, { port: path.port, transport });
	const atServer = nextStream(alice.accepted);
	const near = alice.dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.from("open") });
	void pipe(await atServer, bob.accepted.openHeldStream({ kind: 1, payload: Buffer.from("open") }), 9);
	path.target(0);
	near.write(0, Buffer.alloc(8 * KIB * KIB));
	const held = () => server.held(16 * KIB);
	await eventually(() => (held().get(alice.accepted)?.unreadBytes ?? 0) > 200 * KIB, "something to wait");
	const [from, to] = [held().get(alice.accepted) ?? NOTHING, held().get(bob.accepted) ?? NOTHING];
	assert.equal(from.waitingPipes, 1);
	assert.equal(from.unsentBytes, 0);
	assert.equal(to.waitingPipes, 0);
	assert.ok(to.unsentBytes > 256 * KIB && to.unsentBytes <= 640 * KIB, `${to.unsentBytes}`);
	near.reset(3);
	await eventually(() => held().get(alice.accepted) === undefined, "what has come to be dropped");
});

test("memory that is free can be given back at any time", () => {
	for (let i = 0; i < 3; i++) assert.equal(releaseMemory(), undefined);
});
