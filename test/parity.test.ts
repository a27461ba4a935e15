/**
 * What the tests of conec (the Rust crate, 0.2.0) show of it, shown of ours, on memory and on QUIC. By conec's names:
 *
 * | conec                                            | here                                                                      |
 * |--------------------------------------------------|---------------------------------------------------------------------------|
 * | simple, repeat_name                              | connecting; an id that is held                                            |
 * | stream_uni, stream_bi, new_stream, stream_bi_multi | one way, both ways, the best path, explicit numbers and many at once    |
 * | stream_block_nonblock                            | a reader that does not read: the sender waits, or messages are counted out |
 * | stream_loopback                                  | a stream to oneself                                                       |
 * | client_cert, reject_client_cert                  | Clients with certificates of an authority, and with none of it            |
 * | channel_errors, channel_simple, channel_close, channel_oneway, client_cert_channel | parity-channels-suite.ts |
 * | broadcast_loopback, broadcast_bidi, broadcast_codec, broadcast_sender_close, broadcast_receiver_close, broadcast_block_nonblock | parity-broadcasts-suite.ts |
 * | keepalive                                        | QUIC alone: memory has no idle limit                                      |
 *
 * That each name of conec's is here is a test itself.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, connectOn } from "../packages/conec/src/client/client.ts";
import { nonBlocking } from "../packages/conec/src/stream/adapters/non-blocking.ts";
import { createCertificateAuthority, issueCertificate } from "../packages/conec/src/tls/certificate-authority.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { declare, type Fabric, next, pair, runtimeOf, text, until, World, withoutPin } from "./entities-world.ts";
import { broadcastsParity } from "./parity-broadcasts-suite.ts";
import { channelsParity } from "./parity-channels-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];
for (const fabric of FABRICS) {
	parity(fabric);
	channelsParity(fabric);
	broadcastsParity(fabric);
}

/** The tests of conec 0.2.0, by its names. */
const CRATE: readonly string[] = [
	...["simple", "repeat_name", "stream_uni", "stream_bi", "new_stream", "stream_block_nonblock", "stream_bi_multi", "stream_loopback"],
	...["broadcast_loopback", "broadcast_bidi", "broadcast_codec", "broadcast_sender_close", "broadcast_receiver_close", "broadcast_block_nonblock"],
	...["channel_errors", "channel_simple", "channel_close", "channel_oneway", "client_cert", "client_cert_channel", "reject_client_cert", "keepalive"],
];

test("parity: each test of the crate has one of its name here", () => {
	const sources = ["parity.test.ts", "parity-channels-suite.ts", "parity-broadcasts-suite.ts"].map((file) =>
		readFileSync(join(import.meta.dirname, file), "utf8"),
	);
	const named = sources.flatMap((source) =>
		[...source.matchAll(/\("(?:quic: )?parity, ([a-z_, ]+(?: and [a-z_]+)*):/g)].flatMap((match) => (match[1] as string).split(/, | and /)),
	);
	assert.deepEqual([...new Set(named)].sort(), [...CRATE].sort());
});

function parity(fabric: Fabric): void {
	const it = declare(fabric);

	it("parity, simple: a Client connects and is counted, and is not any more after it has left", async (t) => {
		const world = await World.create(t, fabric);
		assert.equal(world.coordinator.clientCount, 0);
		const client = await world.connect("client");
		assert.equal(world.coordinator.clientCount, 1);
		await client.close();
		await until(() => world.coordinator.clientCount === 0);
	});

	it("parity, repeat_name: an id that is held is refused, and free again once its holder has gone", async (t) => {
		const world = await World.create(t, fabric);
		const holder = await world.connect("client");
		await assert.rejects(world.connect("client"), { code: "ID_TAKEN" });
		await world.connect("client2");
		await holder.close();
		assert.equal((await world.connect("client")).id, "client");
	});

	it("parity, stream_uni: messages one way, to the end, between Clients and to the Coordinator", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [toBob, atBob] = await pair(alice, bob, { path: "proxied" });
		const [up, atCoordinator] = await Promise.all([alice.openCoordinatorStream(), next(world.coordinator.incomingStreams)]);
		for (const [near, far] of [
			[toBob, atBob],
			[up, atCoordinator],
		] as const) {
			assert.equal(far.peer, "alice");
			for (let i = 0; i < 10; i++) await near.send(`message ${i}`);
			await near.close();
			const heard: (string | null)[] = [];
			for await (const message of far) heard.push(text(message));
			assert.deepEqual(
				heard,
				Array.from({ length: 10 }, (_, i) => `message ${i}`),
			);
			await far.close();
			assert.equal(await near.receive(), null);
		}
	});

	it("parity, stream_bi and new_stream: questions and answers on one stream, by the best path there is", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [near, far] = await pair(alice, bob, { path: "auto" });
		assert.equal(near.path, "proxied");
		for (let i = 0; i < 20; i++) {
			await near.send(`question ${i}`);
			assert.equal(text(await far.receive()), `question ${i}`);
			await far.send(`answer ${i}`);
			assert.equal(text(await near.receive()), `answer ${i}`);
		}
		await Promise.all([near.close(), far.close()]);
		await assert.rejects(alice.openStream("carol"), { code: "PEER_UNKNOWN" });
	});

	it("parity, stream_bi_multi: many streams at once, by numbers that the application chose, none mixed up", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const serving = (async () => {
			const done: Promise<void>[] = [];
			for await (const stream of bob.incomingStreams) {
				done.push(
					(async () => {
						for await (const message of stream) await stream.send(`${stream.id}: ${text(message)}`);
						await stream.close();
					})(),
				);
				if (done.length === 10) break;
			}
			await Promise.all(done);
		})();
		const ids = Array.from({ length: 10 }, (_, i) => i * 7);
		const streams = await Promise.all(ids.map((id) => alice.openStream("bob", { id })));
		await assert.rejects(alice.openStream("bob", { id: 7 }), { name: "RangeError", code: "STREAM_ID_IN_USE" });
		for (let round = 0; round < 5; round++) {
			await Promise.all(streams.map((stream) => stream.send(`round ${round}`)));
			for (const [i, stream] of streams.entries()) assert.equal(text(await stream.receive()), `${ids[i]}: round ${round}`);
		}
		await Promise.all(streams.map((stream) => stream.close()));
		await serving;
		for (const stream of streams) assert.equal(await stream.receive(), null);
	});

	it("parity, stream_block_nonblock: the sender to one who does not read waits, and loses nothing", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [near, far] = await pair(alice, bob);
		const message = new Uint8Array(64 * 1_024);
		const count = 200;
		let sent = 0;
		const sending = (async () => {
			for (; sent < count; sent++) {
				message[0] = sent;
				await near.send(message);
			}
			await near.close();
		})();
		let before = -1;
		await until(() => {
			const stopped = sent === before && sent > 0;
			before = sent;
			return stopped;
		});
		assert.ok(sent < count, "it waits for the reader");
		let received = 0;
		for await (const { 0: first, length } of far) {
			assert.deepEqual([first, length], [received & 0xff, message.length]);
			received++;
		}
		assert.equal(received, count);
		await sending;
	});

	it("parity, stream_block_nonblock: a reader that may lose never holds up the sender, and hears exactly how many it lost", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [near, far] = await pair(alice, bob);
		const reading = nonBlocking(far, 8)[Symbol.asyncIterator]();
		const message = new Uint8Array(64 * 1_024);
		for (let i = 0; i < 200; i++) {
			message[0] = i;
			await near.send(message);
		}
		await near.close();
		const kept: number[] = [];
		let lost = 0;
		for (let event = await reading.next(); event.done !== true; event = await reading.next()) {
			if (event.value.type === "lagged") lost += event.value.lost;
			else kept.push(event.value.message[0] as number);
		}
		assert.equal(kept.length + lost, 200);
		assert.ok(lost > 0);
		assert.equal(kept.at(-1), 199);
	});

	it("parity, stream_loopback: a Client's streams to itself go through the Coordinator", async (t) => {
		const world = await World.create(t, fabric);
		const client = await world.connect("client");
		const [near, far] = await pair(client, client);
		assert.deepEqual([near.peer, far.peer, near.path], ["client", "client", "proxied"]);
		await near.send("to myself");
		assert.equal(text(await far.receive()), "to myself");
		await Promise.all([near.close(), far.close()]);
	});

	it("parity, client_cert: with an authority for Clients, certificates of it are let in under their own ids only", async (t) => {
		const { world, ca, connect } = await certified(t, fabric);
		const [alice, bob] = await Promise.all([connect("alice", ca, "alice"), connect("bob", ca, "bob")]);
		const [near, far] = await pair(alice, bob);
		await near.send("certified");
		assert.equal(text(await far.receive()), "certified");
		assert.equal(far.peer, "alice");
		await assert.rejects(connect("carol", ca, "alice"), { code: "CERTIFICATE_NAME_MISMATCH" });
		assert.equal(world.coordinator.clientCount, 2);
	});

	it("parity, reject_client_cert: certificates of another authority and of nobody are refused", async (t) => {
		const { world, ca, connect } = await certified(t, fabric);
		const theirs = await createCertificateAuthority({ name: "theirs" });
		const refused = { code: /^CERTIFICATE_(UNTRUSTED|REFUSED|INVALID)$/ };
		await assert.rejects(connect("alice", theirs, "alice"), refused);
		await assert.rejects(world.connect("alice"), refused);
		assert.equal(world.coordinator.clientCount, 0);
		assert.equal((await connect("alice", ca, "alice")).id, "alice");
	});
}

type Authority = Awaited<ReturnType<typeof createCertificateAuthority>>;

async function certified(t: Parameters<typeof World.create>[0], fabric: Fabric) {
	const ca = await createCertificateAuthority({ name: "ours" });
	const world = await World.create(t, fabric, { ...(await issueCertificate(ca, "localhost")), clientCa: ca.certificate });
	const connect = async (id: string, authority: Authority, name: string): Promise<Client> => {
		const client = await connectOn(
			runtimeOf(fabric),
			withoutPin(world.clientOptions(id, { ca: ca.certificate, ...(await issueCertificate(authority, name)) })),
		);
		t.after(() => client.destroy());
		return client;
	};
	return { ca, world, connect };
}

test("quic: parity, keepalive: with it silence is no loss; without it the connection ends at the idle limit, and says so", async (t) => {
	const limits = { idleTimeoutMs: 2_000 };
	const started = performance.now();
	const world = await World.create(t, FABRICS[1] as Fabric, { limits: { ...limits, keepAliveIntervalMs: 0 } });
	const [kept, idle] = await Promise.all([
		world.connect("kept", { limits, keepAliveIntervalMs: 250 }),
		world.connect("idle", { limits, keepAliveIntervalMs: 0 }),
	]);
	const [stream, itself] = await pair(kept, kept);
	const { by, code, reason } = await idle.closed;
	assert.deepEqual([by, code, reason], ["error", "COORDINATOR_LOST", "nothing came from there for too long"], "what is known, and not who is to blame");
	const silence = performance.now() - started;
	assert.ok(silence >= limits.idleTimeoutMs && silence < 10_000, `${silence} ms, not the 15 s of the default`);
	await until(() => world.coordinator.clientCount === 1);
	await new Promise((resolve) => setTimeout(resolve, 3 * limits.idleTimeoutMs));
	await stream.send("still here");
	assert.equal(text(await itself.receive()), "still here");
});
