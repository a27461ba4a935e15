/**
 * What takes time between a Coordinator and its Clients, on virtual time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { Limits } from "../packages/conec/src/limits.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

/** A Coordinator and two Clients on machines of their own. */
async function two(
	limits: Partial<Limits> = {},
): Promise<{ world: World; ann: Client; ben: Client; machines: { ann: Machine; ben: Machine; coordinator: Machine } }> {
	const world = new World({ seed: 1, delayMs: 20, coordinator: { limits } });
	await world.clock.until(world.listen(), 1_000);
	const machines = { ann: world.machine("ann"), ben: world.machine("ben"), coordinator: world.coordinatorMachine as Machine };
	const [ann, ben] = await world.clock.until(
		Promise.all([world.connect(machines.ann, "ann", { id: "ann", limits }), world.connect(machines.ben, "ben", { id: "ben", limits })]),
		1_000,
	);
	return { world, ann, ben, machines };
}

for (const path of ["auto", "direct", "proxied"] as const) {
	test(`opening a stream, path ${path}: fails about 5 s after the last packet of the peer, whatever it has waited for before`, async () => {
		const { world, ann, machines } = await two();
		const meet = [world.separate(machines.ben, machines.coordinator), world.separate(machines.ben, machines.ann)];
		const sinceMs = world.clock.now();
		await assert.rejects(world.clock.until(ann.openStream("ben", { path }), 30_000), { code: "PEER_LOST", peer: "ben" });
		const tookMs = world.clock.now() - sinceMs;
		assert.ok(tookMs >= 5_000 && tookMs <= 6_500, `${tookMs} ms`);
		for (const join of meet) join();
	});
}

const shared: readonly (readonly [name: string, call: (client: Client) => Promise<unknown>])[] = [
	["listing the peers", (client) => client.peers()],
	["changing the metadata", (client) => client.updateMetadata({ at: 1 })],
];

for (const [name, call] of shared) {
	test(`${name}: a call that waits behind another one fails within 10 s, too, when the Coordinator does not answer`, async () => {
		const { world, ann, machines } = await two({ idleTimeoutMs: 60_000 });
		const meet = world.separate(machines.ann, machines.coordinator);
		const took: Promise<number>[] = [];
		for (const pauseMs of [0, 1_000, 8_000]) {
			await world.clock.advance(pauseMs);
			const sinceMs = world.clock.now();
			const failed = assert.rejects(call(ann), { code: "PEER_TIMEOUT" });
			took.push(failed.then(() => world.clock.now() - sinceMs));
		}
		for (const ms of await world.clock.until(Promise.all(took), 30_000)) assert.ok(ms <= 10_000, `${ms} ms`);
		meet();
	});
}
