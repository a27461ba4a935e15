/**
 * What takes time between a Coordinator and its Clients, on virtual time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

/** A Coordinator and two Clients on machines of their own. */
async function two(): Promise<{ world: World; ann: Client; ben: Client; machines: { ann: Machine; ben: Machine; coordinator: Machine } }> {
	const world = new World({ seed: 1, delayMs: 20 });
	await world.clock.until(world.listen(), 1_000);
	const machines = { ann: world.machine("ann"), ben: world.machine("ben"), coordinator: world.coordinatorMachine as Machine };
	const [ann, ben] = await world.clock.until(
		Promise.all([world.connect(machines.ann, "ann", { id: "ann" }), world.connect(machines.ben, "ben", { id: "ben" })]),
		1_000,
	);
	return { world, ann, ben, machines };
}

for (const path of ["auto", "direct", "proxied"] as const) {
	test(`opening a stream, path ${path}: fails within 10 s in all when the peer does not answer, whatever it has waited for before`, async () => {
		const { world, ann, machines } = await two();
		const meet = [world.separate(machines.ben, machines.coordinator), world.separate(machines.ben, machines.ann)];
		const sinceMs = world.clock.now();
		await assert.rejects(world.clock.until(ann.openStream("ben", { path }), 30_000), { name: "ConecError" });
		const tookMs = world.clock.now() - sinceMs;
		assert.ok(tookMs > 9_000 && tookMs <= 10_000, `${tookMs} ms`);
		for (const join of meet) join();
	});
}
