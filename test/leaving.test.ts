/** A side that says `close`: nobody opens streams to it any more, and if it stays, it is ended after `closeTimeoutMs`. */

import assert from "node:assert/strict";
import type { CloseInfo } from "../packages/conec/src/base/close-info.ts";
import type { Client } from "../packages/conec/src/client/client.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { encodeResumable } from "../packages/conec/src/wire/stream-frames.ts";
import { WELCOME } from "../packages/conec/testing/odd-coordinator.ts";
import { impostor, Speaker } from "./control-table-world.ts";
import { declare, type Fabric, handler, hello, nowOf, pass, until, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];
/** Long enough that a busy machine does all that is done in it. */
const STAYS_MS = 2_000;
/** Another key may ask for an id. It waits longer than the holder may stay. */
const limits = { closeTimeoutMs: STAYS_MS, helloTimeoutMs: 60_000 };
const STAYED = "it said that it leaves, and did not go";

for (const fabric of FABRICS) {
	const it = declare(fabric);

	it("leaving: a Client that says close and stays gets no more streams, and is ended; only then is its id free", async (t) => {
		const world = await World.create(t, fabric, { limits });
		const ended = new Promise<CloseInfo>((resolve) => {
			void (async () => {
				for await (const status of world.coordinator.status()) if (status.type === "disconnected") resolve(status.info);
			})();
		});
		const alice = await world.connect("alice");
		const speaker = new Speaker((await world.dial()).connection).say(hello("mallory"));
		await speaker.hears("welcome");
		speaker.connection.onStream = (incoming) =>
			incoming.accept(handler()).write(FRAME.RESUMABLE, encodeResumable({ received: 0, limit: 65_536, forMs: 0, messageBytes: 1_024 }));
		const stream = await alice.openStream("mallory", { path: "proxied" });
		const sinceMs = nowOf(fabric);
		speaker.say({ type: "close", reason: "bye" });
		await speaker.isAnswered(1);
		await assert.rejects(alice.openStream("mallory", { path: "proxied" }), { code: "PEER_UNKNOWN", peer: "mallory" });
		await assert.rejects(world.coordinator.openStream("mallory"), { code: "PEER_UNKNOWN", peer: "mallory" });
		// It is still there: its id is not free, and its stream goes on.
		const other = new Speaker((await world.dial()).connection).say(hello("mallory"));
		const welcomed = other.hears("welcome").then(() => nowOf(fabric) - sinceMs);
		assert.ok((await alice.peers()).some(({ id }) => id === "mallory"));
		await stream.send("still there?");
		// Saying so again, or anything else, gives it no more time.
		for (let nonce = 2; speaker.over === undefined; nonce++) {
			await pass(fabric, STAYS_MS / 40);
			if (speaker.over !== undefined) break;
			speaker.say({ type: "close", reason: "bye" }).say({ type: "ping", nonce });
			await until(() => speaker.messages.some((message) => message["nonce"] === nonce) || speaker.over !== undefined);
		}
		assert.ok(nowOf(fabric) - sinceMs >= STAYS_MS - 10, `${nowOf(fabric) - sinceMs} ms`);
		const { by, closeCode, reason } = await speaker.end();
		assert.deepEqual([by, closeCode, reason], ["peer", CLOSE_CODES.NORMAL, STAYED]);
		assert.deepEqual(await ended, { by: "peer", code: "CLIENT_CLOSED", reason: STAYED });
		await assert.rejects(stream.receive(), { code: "PEER_LOST" });
		const welcomedMs = await welcomed;
		assert.ok(welcomedMs >= STAYS_MS - 10, `the id was free after ${welcomedMs} ms`);
		assert.equal(world.coordinator.clientCount, 2);
	});

	it("leaving: a Coordinator that says close and stays is left by its Clients", async (t) => {
		const { connect } = await impostor(t, fabric);
		const { client: connecting, speaker: come } = connect("alice", { limits: { closeTimeoutMs: 500 } });
		const speaker = (await come).say(WELCOME);
		const client = await connecting;
		const sinceMs = nowOf(fabric);
		speaker.say({ type: "close", reason: "bye" });
		await speaker.isAnswered(1);
		await assert.rejects(client.openStream("bob"), { code: "COORDINATOR_CLOSED" });
		await assert.rejects(client.openCoordinatorStream(), { code: "COORDINATOR_CLOSED" });
		assert.deepEqual(await client.closed, { by: "peer", code: "COORDINATOR_CLOSED", reason: STAYED });
		assert.ok(nowOf(fabric) - sinceMs >= 490, `${nowOf(fabric) - sinceMs} ms`);
		const { by, closeCode } = await speaker.end();
		assert.deepEqual([by, closeCode], ["peer", CLOSE_CODES.NORMAL]);
	});

	it("leaving: a Client hears when and where it may come back, and a Coordinator that lists too many places breaks the protocol", async (t) => {
		const { connect } = await impostor(t, fabric);
		const alternatives = ["b.example:1719", "[2001:db8::7]:1719"];
		const came = async (id: string): Promise<{ client: Client; speaker: Speaker }> => {
			const { client, speaker } = connect(id);
			return { speaker: (await speaker).say(WELCOME), client: await client };
		};
		const one = await came("alice");
		const status = one.client.status()[Symbol.asyncIterator]();
		await status.next();
		one.speaker.say({ type: "close", reason: "bye", retryAfterMs: 7, spreadMs: 8, alternatives });
		assert.deepEqual((await status.next()).value, { type: "draining", reason: "bye", comeBack: { retryAfterMs: 7, spreadMs: 8, alternatives } });
		one.speaker.connection.close(CLOSE_CODES.COORDINATOR_CLOSED, "");
		assert.equal((await one.client.closed).code, "COORDINATOR_CLOSED");

		for (const many of [17, 1_500]) {
			const other = await came(`many-${many}`);
			other.speaker.say({ type: "close", reason: "bye", alternatives: Array.from({ length: many }, () => "a:1") });
			assert.equal((await other.speaker.end()).closeCode, CLOSE_CODES.PROTOCOL_ERROR);
			await other.client.closed;
		}

		const refused = connect("bob");
		(await refused.speaker).say({ type: "refused", code: "COORDINATOR_CLOSED", message: "no", retryAfterMs: 9, alternatives });
		await assert.rejects(refused.client, { code: "COORDINATOR_CLOSED", retryAfterMs: 9, alternatives });
	});

	it("leaving: a Client that is sent away for a while is told so in fields that an older one passes over; one that may not have heard it is lost, not disconnected", async (t) => {
		const world = await World.create(t, fabric, { limits: { lingerMs: 700 } });
		const come = async (id: string): Promise<Speaker> => {
			const speaker = new Speaker((await world.dial()).connection).say(hello(id));
			await speaker.hears("welcome");
			return speaker;
		};
		const [older, silent] = [await come("older"), await come("silent")];
		const how = { reason: "later", retryAfterMs: 60_000, spreadMs: 1_000, alternatives: ["b.example:1719"] };
		for (const id of ["older", "silent"]) world.coordinator.disconnect(id, how);
		await Promise.all([older, silent].map((speaker) => speaker.hears("close")));
		for (const { messages } of [older, silent])
			assert.deepEqual(messages.at(-1)?.["type"] === "ping" ? messages.at(-2) : messages.at(-1), { type: "close", ...how });
		await until(() => older.messages.some(({ type }) => type === "ping"));
		older.say({ type: "pong", nonce: older.messages.find(({ type }) => type === "ping")?.["nonce"] });
		const ends = await Promise.all([older.end(), silent.end()]);
		assert.deepEqual(
			ends.map(({ by, closeCode, reason }) => [by, closeCode, reason]),
			[
				["peer", CLOSE_CODES.DISCONNECTED, "later"],
				["peer", CLOSE_CODES.PATH_LOST, "later"],
			],
		);
	});

	it("leaving: one that goes ends its connections with the code of what has left", async (t) => {
		const world = await World.create(t, fabric);
		const ends: CloseInfo[] = [];
		void (async () => {
			for await (const status of world.coordinator.status()) if (status.type === "disconnected") ends.push(status.info);
		})();
		const options = { listen: true };
		const [alice, bob, carol] = await Promise.all([world.connect("alice", options), world.connect("bob", options), world.connect("carol", options)]);
		const toBob = await alice.openChannel("bob");
		const toCarol = await alice.openChannel("carol");
		const [fromAlice] = bob.channels();
		await toBob.close();
		// Only the channel has ended.
		assert.deepEqual(await fromAlice?.closed, { by: "peer" });
		await carol.close();
		const { by, code } = await toCarol.closed;
		assert.deepEqual([by, code], ["peer", "CLIENT_CLOSED"]);
		await until(() => ends.length > 0);
		assert.deepEqual(ends, [{ by: "peer", code: "CLIENT_CLOSED", reason: "the Client leaves" }]);
		await world.coordinator.close();
		const info = await bob.closed;
		assert.deepEqual([info.by, info.code], ["peer", "COORDINATOR_CLOSED"]);
	});
}
