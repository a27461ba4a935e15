import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, CoordinatorStatus, DefenceStatus } from "../packages/conec/src/index.ts";
import { echo } from "../packages/conec/testing/echo.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

const MiB = 1_048_576;
/** Identities of the table that tests have. */
const KEYS = ["cid", "dee", "eve"] as const;

interface Crowd {
	readonly world: World;
	readonly alice: Client;
	readonly honest: Client;
	readonly hostile: readonly Client[];
	readonly machines: { readonly honest: Machine; readonly hostile: Machine; readonly coordinator: Machine };
	readonly events: CoordinatorStatus[];
}

/** A Coordinator with little memory, two honest Clients and many of a few keys. */
async function crowd(seed: number, count: number): Promise<Crowd> {
	const world = new World({ seed, delayMs: 5, coordinator: { limits: { heldBytes: 8 * MiB, idleTimeoutMs: 60_000 } } });
	const coordinator = await world.listen();
	const events: CoordinatorStatus[] = [];
	void (async () => {
		for await (const event of coordinator.status()) events.push(event);
	})();
	const options = { limits: { idleTimeoutMs: 60_000 } };
	const machines = { honest: world.machine("erin"), hostile: world.machine("hostile"), coordinator: world.coordinatorMachine as Machine };
	const alice = await world.clock.until(world.connect(world.machine("ann"), "ann", { id: "alice", ...options }), 10_000);
	const honest = await world.clock.until(world.connect(machines.honest, "ben", { id: "erin", ...options }), 10_000);
	const connects = Array.from({ length: count }, (_, i) =>
		world.connect(machines.hostile, KEYS[i % KEYS.length] as string, { id: `hostile-${i}`, ...options }),
	);
	const hostile = await world.clock.until(Promise.all(connects), 30_000);
	return { world, alice, honest, hostile, machines, events };
}

const defences = (events: readonly CoordinatorStatus[]): DefenceStatus[] => events.filter((event) => event.type === "defence");

test("held memory: forty Clients that stop acknowledging lose their connections when there is no memory left, and nobody else does", async () => {
	const { world, alice, honest, hostile, machines, events } = await crowd(1, 40);
	const { clock } = world;
	echo(honest);
	const streams = await clock.until(Promise.all(hostile.map(({ id }) => alice.openStream(id, { path: "proxied" }))), 10_000);
	const toHonest = await clock.until(alice.openStream("erin", { path: "proxied" }), 10_000);
	world.separate(machines.coordinator, machines.hostile);
	const failed = Promise.all(
		streams.map(async (stream) => {
			for (;;) await stream.send(new Uint8Array(65_536));
		}),
	).catch(() => undefined);
	await clock.advance(12_000);
	const left = new Set((world.coordinator?.clients() ?? []).map(({ id }) => id));
	assert.ok(left.has("alice") && left.has("erin"));
	const put = 40 - (left.size - 2);
	assert.ok(put >= 20, `${put} of 40 were put out`);
	const told = events.filter((event) => event.type === "disconnected");
	assert.equal(told.length, put);
	for (const { info } of told) {
		assert.equal(info.code, "LIMIT_EXCEEDED");
		assert.match(info.reason ?? "", /does not acknowledge \d+\.\d MiB/);
	}
	const counts = defences(events).flatMap(({ counts: all }) => all);
	assert.ok(counts.some(({ action, subject, whom }) => action === "evicted" && subject === "memory" && whom?.id?.startsWith("hostile-")));
	assert.ok(counts.every(({ whom }) => whom?.id?.startsWith("hostile-")));
	// The honest ones go on.
	await clock.until(toHonest.send("still here"), 5_000);
	assert.equal(new TextDecoder().decode((await clock.until(toHonest.receive(), 5_000)) ?? undefined), "still here");
	// What was freed goes back to the system.
	await clock.advance(40_000);
	assert.ok((world.coordinatorMachine?.transports[0]?.releasedMemory ?? 0) > 0);
	for (const client of [alice, honest, ...hostile]) client.destroy();
	await failed;
	await clock.until(world.coordinator?.close() ?? Promise.resolve(), 10_000);
});

test("held memory: histories and the queues of members that are behind go before any connection", async () => {
	const world = new World({
		seed: 2,
		delayMs: 5,
		coordinator: { limits: { heldBytes: 6 * MiB, idleTimeoutMs: 60_000 }, broadcasts: { "*": { history: { bytes: 4 * MiB, messages: 10_000 } } } },
	});
	const coordinator = await world.listen();
	const { clock } = world;
	const sender = await clock.until(world.connect(world.machine("ann"), "ann", { id: "alice" }), 10_000);
	const slowMachine = world.machine("ben");
	const slow = await clock.until(world.connect(slowMachine, "ben", { id: "bob", limits: { idleTimeoutMs: 60_000 } }), 10_000);
	const names = ["one", "two", "three"];
	const senders = await clock.until(Promise.all(names.map((name) => sender.joinBroadcast(name, { mode: "send" }))), 10_000);
	const members = await clock.until(Promise.all(names.map((name) => slow.joinBroadcast(name, { mode: "receive", bufferBytes: 2 * MiB }))), 10_000);
	const join = world.separate(world.coordinatorMachine as Machine, slowMachine);
	const message = new Uint8Array(65_536);
	for (const broadcast of senders) {
		const sent = (async () => {
			for (let i = 0; i < 64; i++) await broadcast.send(message);
		})();
		await clock.until(sent, 60_000);
	}
	await clock.advance(3_000);
	join();
	// It was told of what it lost, and is connected.
	const events: string[] = [];
	for (const member of members) {
		void (async () => {
			for await (const event of member) events.push(event.type);
		})().catch(() => undefined);
	}
	await clock.advance(10_000);
	assert.ok(events.includes("gap"), [...new Set(events)].join());
	assert.deepEqual(
		coordinator.clients().map(({ id }) => id),
		["alice", "bob"],
	);
	for (const client of [sender, slow]) client.destroy();
	await clock.until(coordinator.close(), 10_000);
});

test("held memory: a Client that is slow because it is honest keeps its connection while there is room", async () => {
	const { world, alice, honest, machines, events } = await crowd(3, 0);
	const { clock } = world;
	echo(honest);
	const stream = await clock.until(alice.openStream("erin", { path: "proxied" }), 10_000);
	const healed = world.separate(machines.coordinator, machines.honest);
	const sent = (async () => {
		for (let i = 0; i < 16; i++) await stream.send(new Uint8Array(65_536));
	})();
	await clock.advance(12_000);
	healed();
	await clock.until(sent, 20_000);
	for (let i = 0; i < 16; i++) assert.equal((await clock.until(stream.receive(), 10_000))?.length, 65_536);
	assert.deepEqual(defences(events), []);
	for (const client of [alice, honest]) client.destroy();
	await clock.until(world.coordinator?.close() ?? Promise.resolve(), 10_000);
	// Nothing is counted any more.
	await clock.advance(60_000);
	assert.equal(clock.pending, 0);
});
