/** A Client on a machine that sleeps, is stopped, changes networks, or has a clock that jumps. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSleeper, type SleepKind } from "../../testing/sleeper.ts";
import { World } from "../../testing/world.ts";
import type { Limits } from "../limits.ts";
import type { Client } from "./client.ts";
import type { ClientOptions } from "./options.ts";
import type { ClientStatus } from "./status.ts";

const LONG: Partial<Limits> = { idleTimeoutMs: 300_000 };

/** A world with a Client on a machine that can sleep. Connections do not end by their silence, as timers of a machine that sleeps stand still. */
async function scene(options: Partial<ClientOptions> = {}) {
	const world = new World({ seed: 11, delayMs: 20, coordinator: { limits: LONG } });
	const { clock } = world;
	await clock.until(world.listen(), 1_000);
	const sleeper = createSleeper(world, "ann");
	const client = await clock.until(world.connect(sleeper.machine, "ann", { id: "ann", ...options }), 5_000);
	const told: ClientStatus[] = [];
	void (async () => {
		for await (const status of client.status()) told.push(status);
	})();
	await clock.advance(11_000);
	return {
		...{ world, clock, sleeper, client },
		types: () => told.map(({ type }) => type).join(" "),
		/** Another one at the same place, that knows nothing of earlier connections. */
		async restart(): Promise<void> {
			if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
			world.coordinator?.destroy();
			world.coordinatorGone();
			await clock.until(world.listen(), 1_000);
		},
		dials(): () => number {
			let count = 0;
			world.network.onPacket = ({ type }) => {
				if (type === "dial") count++;
				return true;
			};
			return () => count;
		},
		async end(...others: Client[]): Promise<void> {
			await clock.until(Promise.all([client, ...others].map((one) => one.close())), 4_000);
			await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
			await clock.advance(400_000);
			assert.deepEqual([world.network.openConnections, world.network.liveStreams, clock.pending], [0, 0, 0]);
		},
	};
}

for (const kind of ["machine asleep", "process stopped"] satisfies SleepKind[]) {
	test(`signs: ${kind} for 60 s and on another address then, a Client is back within 2 s`, async () => {
		const { clock, sleeper, client, restart, types, end } = await scene({ limits: LONG });
		sleeper.sleep(kind);
		await clock.advance(30_000);
		// Whoever has been silent for so long is not known any more.
		await restart();
		await clock.advance(30_000);
		assert.equal(types(), "connected", "the Client has noticed nothing");
		sleeper.wake("198.51.100.7");
		await clock.advance(2_000);
		assert.match(types(), /^connected disconnected reconnecting connected$/);
		assert.ok((await clock.until(client.peers(), 1_000)).length === 1);
		await end();
	});
}

test("signs: a link that has lived through a sleep stays, and so do its streams", async () => {
	const { world, clock, sleeper, client, types, dials, end } = await scene({ limits: LONG });
	const stream = await clock.until(client.openCoordinatorStream(), 1_000);
	const dialled = dials();
	for (const kind of ["machine asleep", "process stopped"] satisfies SleepKind[]) {
		sleeper.sleep(kind);
		await clock.advance(60_000);
		sleeper.wake("198.51.100.7");
		await clock.advance(10_000);
	}
	assert.deepEqual([types(), dialled()], ["connected", 0]);
	await clock.until(stream.send("still here"), 1_000);
	assert.equal(world.coordinator?.clientCount, 1);
	void stream.close();
	await end();
});

test("signs: a clock that jumps, ahead and back, again and again, costs no connection and few questions", async () => {
	const { world, clock, sleeper, client, types, dials, end } = await scene();
	const stream = await clock.until(client.openCoordinatorStream(), 1_000);
	const dialled = dials();
	for (let jumps = 0; jumps < 600; jumps++) {
		sleeper.setClock(jumps % 3 === 0 ? -86_400_000 : 3_600_000);
		await clock.advance(100);
	}
	assert.deepEqual([types(), dialled()], ["connected", 0]);
	await clock.until(stream.send("still here"), 1_000);
	assert.equal(world.coordinator?.clientCount, 1);
	void stream.close();
	await end();
});

test("signs: other addresses alone make a dead link noticed within 5 s, and not after its idle timeout", async () => {
	const { clock, sleeper, restart, types, end } = await scene({ limits: LONG });
	await restart();
	await clock.advance(20_000);
	assert.equal(types(), "connected");
	sleeper.address("198.51.100.7", "2001:db8::7");
	await clock.advance(5_000);
	assert.equal(types(), "connected disconnected reconnecting connected");
	await end();
});

test("signs: an attempt that waits is made at once, however long its pause is, and addresses that change all the time are no storm", async () => {
	const { world, clock, sleeper, types, dials, end } = await scene({ reconnect: { maxDelayMs: 3_600_000 } });
	const { coordinatorMachine } = world;
	assert.ok(coordinatorMachine !== undefined);
	world.kill(coordinatorMachine);
	world.coordinator?.destroy();
	world.coordinatorGone();
	await clock.advance(3 * 3_600_000);
	await clock.until(world.listen(), 1_000);
	sleeper.address("198.51.100.7");
	await clock.advance(4_000);
	assert.match(types(), / connected$/);
	const dialled = dials();
	for (let round = 0; round < 60; round++) {
		sleeper.address(`198.51.100.${round + 8}`);
		await clock.advance(1_000);
	}
	assert.equal(dialled(), 0);
	assert.ok(sleeper.looks < 3 * 3_600 + 200, `${sleeper.looks}`);
	await end();
});

test("signs: direct channels are asked too, and one whose peer is gone ends soon", async () => {
	const { world, clock, sleeper, client, end } = await scene({ limits: LONG });
	const machine = world.machine("ben");
	const ben = await clock.until(world.connect(machine, "ben", { id: "ben", limits: LONG }), 5_000);
	const eve = await clock.until(world.connect(world.machine("eve"), "eve", { id: "eve", limits: LONG }), 5_000);
	const channel = await clock.until(client.openChannel("ben"), 5_000);
	await clock.until(client.openChannel("eve"), 5_000);
	await clock.advance(5_000);
	sleeper.sleep("machine asleep");
	await clock.advance(20_000);
	world.kill(machine);
	ben.destroy();
	// Eve waits a minute for a channel that is not in use.
	await clock.advance(20_000);
	sleeper.wake();
	await clock.advance(3_000);
	assert.equal((await clock.until(channel.closed, 10)).code, "PEER_LOST");
	assert.deepEqual(
		client.channels().map(({ peer }) => peer),
		["eve"],
	);
	await end(eve);
});

test("signs: with reconnect: false no link is given up for one, and a Client that has ended hears of none", async () => {
	const { world, clock, sleeper, client, types } = await scene({ reconnect: false, limits: LONG });
	const { coordinatorMachine } = world;
	assert.ok(coordinatorMachine !== undefined);
	world.kill(coordinatorMachine);
	sleeper.sleep("machine asleep");
	await clock.advance(60_000);
	sleeper.wake("198.51.100.7");
	await clock.advance(10_000);
	assert.equal(types(), "connected");
	client.destroy();
	const { looks } = sleeper;
	await clock.advance(60_000);
	assert.equal(sleeper.looks, looks);
});
