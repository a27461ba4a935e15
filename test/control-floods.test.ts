/**
 * One Client sends control messages, or opens watches, as fast as it can: it is slowed and not closed, and others notice nothing. On virtual
 * time, so what waits for nobody takes no time.
 */

import assert from "node:assert/strict";
import type { DefenceStatus } from "../packages/conec/src/coordinator/defence/index.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { encodeOpen } from "../packages/conec/src/wire/open.ts";
import { CHANNEL_MESSAGES_OF_CLIENT } from "./control-table-world.ts";
import { declare, echo, handler, nowOf, pass, text, utf8, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const fabric = virtualFabric("memory");
const it = declare(fabric);

/** Reports of a Coordinator's defence. */
function defences({ coordinator }: World): DefenceStatus[] {
	const told: DefenceStatus[] = [];
	void (async () => {
		for await (const status of coordinator.status()) if (status.type === "defence") told.push(status);
	})();
	return told;
}

type Flood = Readonly<Record<string, unknown>>;

/** One of each control message that a Client says after its hello. What is about direct channels speaks of attempts that do not exist. */
const FLOODS: Readonly<Record<string, Flood>> = {
	"urgent ping": { type: "ping", nonce: 1, urgent: true },
	flush: { type: "ping", nonce: 1 },
	pong: { type: "pong", nonce: 1 },
	metadata: { type: "metadata", request: 1, metadata: "x".repeat(500) },
	"peer-check": { type: "peer-check", request: 1, peer: "alice" },
	"broadcast-count": { type: "broadcast-count", request: 1, name: "news" },
	...CHANNEL_MESSAGES_OF_CLIENT,
	"channel-request to a peer": { ...CHANNEL_MESSAGES_OF_CLIENT["channel-request"], peer: "alice" },
};

for (const [what, message] of Object.entries(FLOODS)) {
	it(`control floods: ${what}: it is slowed, not closed, and others are answered at once`, async (t) => {
		const world = await World.create(t, fabric);
		const told = defences(world);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		echo(bob);
		const stream = await alice.openStream("bob");
		const { connection, control } = await world.enter("mallory", "ephemeral", ["direct", "presence", "broadcast"]);
		let over: unknown;
		void connection.closed.then((info) => {
			over = info;
		});
		for (let i = 0; i < 3_000; i++) {
			// Each question has a number of its own.
			const numbered = "request" in message ? { ...message, request: i + 1 } : message;
			control.write(FRAME.CONTROL, utf8(JSON.stringify(numbered)));
		}
		for (let second = 0; second < 5; second++) {
			const sinceMs = nowOf(fabric);
			await assert.rejects(alice.countBroadcast("news"), { code: "BROADCAST_UNKNOWN" });
			await stream.send(`second ${second}`);
			assert.equal(text(await stream.receive()), `second ${second}`);
			assert.ok(nowOf(fabric) - sinceMs < 50, `${nowOf(fabric) - sinceMs} ms`);
			await pass(fabric, 1_000);
		}
		assert.equal(over, undefined);
		const counts = told.flatMap((status) => status.counts);
		assert.ok(
			counts.some(({ action, subject }) => action === "slowed" && subject === "control"),
			JSON.stringify(counts),
		);
		for (const { whom } of counts) assert.equal(whom?.id, "mallory", "nobody else is slowed or refused");
	});
}

it("control floods: watches opened and dropped: they wait for their turn, none is rejected for that, and another's list comes at once", async (t) => {
	const world = await World.create(t, fabric);
	const told = defences(world);
	const alice = await world.connect("alice");
	const { connection } = await world.enter("mallory", "ephemeral", ["presence"]);
	// A reset takes with it what has not come yet, so each OPEN has its way first.
	for (let id = 0; id < 3_000; id += 100) {
		const opened = Array.from({ length: 100 }, (_, i) => {
			const payload = encodeOpen({ watch: "peers", id: id + i, resume: { limit: 65_536, messageBytes: 16_384 } });
			return connection.openStream({ kind: FRAME.OPEN, payload }, handler({}));
		});
		await pass(fabric, 1);
		for (const stream of opened) stream.reset(1);
	}
	const sinceMs = nowOf(fabric);
	assert.equal((await alice.peers()).length, 2);
	assert.ok(nowOf(fabric) - sinceMs < 50);
	await pass(fabric, 2_000);
	assert.equal(world.coordinator.clientCount, 2);
	assert.ok(
		told.some(({ counts }) => counts.some(({ action, subject, whom }) => action === "slowed" && subject === "stream" && whom?.id === "mallory")),
		JSON.stringify(told),
	);
});

it("control floods: what an honest Client does at once is not slowed: 32 joinings, 64 questions, 500 lists of peers, 200 streams", async (t) => {
	const world = await World.create(t, fabric);
	const told = defences(world);
	const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
	void (async () => {
		for await (const stream of bob.incomingStreams) void stream.close().catch(() => undefined);
	})().catch(() => undefined);
	const sinceMs = nowOf(fabric);
	await Promise.all([
		...Array.from({ length: 32 }, (_, i) => alice.joinBroadcast(`room-${i}`)),
		...Array.from({ length: 64 }, (_, i) => alice.countBroadcast(`none-${i}`).catch(() => undefined)),
		...Array.from({ length: 200 }, () => alice.openStream("bob", { path: "proxied" })),
	]);
	for (let i = 0; i < 500; i++) await alice.peers();
	assert.ok(nowOf(fabric) - sinceMs < 50, `${nowOf(fabric) - sinceMs} ms`);
	await pass(fabric, 2_000);
	assert.deepEqual(told, []);
});
