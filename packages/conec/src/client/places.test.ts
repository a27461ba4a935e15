/** A Client whose Coordinator may be at several places, or comes up while it is being tried. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { testIdentity } from "../../testing/identities.ts";
import { World } from "../../testing/world.ts";
import { type Client, connectOn } from "./client.ts";
import type { ClientOptions } from "./options.ts";
import type { ClientStatus } from "./status.ts";

async function scene() {
	const world = new World({ seed: 5, delayMs: 10 });
	await world.clock.until(world.listen(), 1_000);
	return {
		world,
		clock: world.clock,
		kill(): void {
			if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
			world.coordinator?.destroy();
			world.coordinatorGone();
		},
	};
}

function follow(client: Client): ClientStatus[] {
	const told: ClientStatus[] = [];
	void (async () => {
		for await (const status of client.status()) told.push(status);
	})();
	return told;
}

test("places: the next one takes over, and the Client stays there", async () => {
	const { world, clock, kill } = await scene();
	const pin = [testIdentity("localhost").fingerprint, testIdentity("ben").fingerprint];
	const runtime = { ...world.machine("ann").runtime, identity: testIdentity("ann") };
	const options: ClientOptions = { id: "ann", coordinator: ["localhost:1719", "localhost:4433"], localAddress: "127.0.0.1", pin };
	const client = await clock.until(connectOn(runtime, options), 1_000);
	const told = follow(client);
	const other = await clock.until(world.another(world.machine("second"), "ben", 4433), 1_000);
	assert.deepEqual([world.coordinator?.clients().length, other.clients().length], [1, 0]);
	kill();
	await clock.advance(20_000);
	const last = told.at(-1);
	assert.ok(last?.type === "connected" && last.again && !last.sameCoordinator && last.coordinatorAddress.port === 4433);
	assert.equal(other.clients().length, 1);
	await clock.until(world.listen(), 1_000);
	for (const bad of [[], Array(9).fill("a"), ["a", "a:1719"], [7]] as unknown as string[][])
		await assert.rejects(connectOn(runtime, { ...options, coordinator: bad }), { code: "OPTION_INVALID" });
	await clock.until(client.close(), 4_000);
	await clock.until(Promise.all([other.close(), world.coordinator?.close()]), 4_000);
});

test("places: each Client chooses one by its own chance, and comes back to it", async () => {
	const { world, clock } = await scene();
	const other = await clock.until(world.another(world.machine("second"), "ben", 4433), 1_000);
	const pin = [testIdentity("localhost").fingerprint, testIdentity("ben").fingerprint];
	const ids = Array.from({ length: 16 }, (_, at) => `c${at}`);
	const machines = ids.map((id) => world.machine(id));
	const clients = await Promise.all(
		machines.map(({ runtime }, at) =>
			clock.until(connectOn(runtime, { id: ids[at] as string, coordinator: ["localhost:1719", "localhost:4433"], localAddress: "127.0.0.1", pin }), 5_000),
		),
	);
	const there = other.clients().map(({ id }) => id);
	assert.ok(there.length >= 3 && there.length <= 13, `${there.length}`);
	await clock.advance(11_000);
	for (const { transports } of machines) for (const transport of transports) transport.lose();
	await clock.advance(1_000);
	assert.deepEqual(
		other
			.clients()
			.map(({ id }) => id)
			.sort(),
		there.sort(),
	);
	await clock.until(Promise.all(clients.map((client) => client.close())), 4_000);
	await clock.until(other.close(), 4_000);
	await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
});

test("places: a Coordinator that comes up in the middle of an attempt hears of the Client within a second", async () => {
	const { world, clock, kill } = await scene();
	const ann = await clock.until(world.connect(world.machine("ann"), "ann", { id: "ann" }), 5_000);
	const told = follow(ann);
	kill();
	// Attempts hang, as nobody says that nobody is there.
	await clock.advance(20_000 + 4_100);
	await clock.until(world.listen(), 1_000);
	await clock.advance(1_100);
	assert.equal(told.at(-1)?.type, "connected");
	await clock.until(ann.close(), 4_000);
	await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
});
