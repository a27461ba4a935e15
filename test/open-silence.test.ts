/**
 * Streams that are being opened to somebody who says nothing any more, and to somebody who is only busy. On virtual time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { Coordinator } from "../packages/conec/src/coordinator/coordinator.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";
import { nowOf, World as Wires } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

interface Three {
	readonly world: World;
	readonly coordinator: Coordinator;
	readonly ann: Client;
	readonly machines: { readonly ann: Machine; readonly ben: Machine; readonly coordinator: Machine };
}

/** A Coordinator and two Clients on machines of their own. */
async function three(): Promise<Three> {
	const world = new World({ seed: 1, delayMs: 20 });
	const coordinator = await world.clock.until(world.listen(), 1_000);
	const machines = { ann: world.machine("ann"), ben: world.machine("ben"), coordinator: world.coordinatorMachine as Machine };
	const connect = (id: "ann" | "ben"): Promise<Client> => world.connect(machines[id], id, { id });
	const [ann] = await world.clock.until(Promise.all([connect("ann"), connect("ben")]), 1_000);
	return { world, coordinator, ann, machines };
}

/** How the call fails, and after how long. */
async function failure({ world: { clock } }: Three, call: () => Promise<unknown>): Promise<{ readonly code: string; readonly tookMs: number }> {
	const sinceMs = clock.now();
	const opening = call().then(
		() => "opened",
		({ code }: { code: string }) => code,
	);
	const code = await clock.until(opening, 60_000);
	return { code, tookMs: clock.now() - sinceMs };
}

test("open silence: a silent Coordinator is COORDINATOR_LOST after 5 s, for streams to peers and to itself", async () => {
	const scene = await three();
	const { world, ann, machines } = scene;
	const meet = world.separate(machines.ann, machines.coordinator);
	for (const call of [() => ann.openStream("ben", { path: "proxied" }), () => ann.openCoordinatorStream()])
		assert.deepEqual(await failure(scene, call), { code: "COORDINATOR_LOST", tookMs: 5_000 });
	meet();
	assert.equal((await world.clock.until(ann.openStream("ben", { path: "proxied" }), 1_000)).peer, "ben");
});

test("open silence: a silent peer of a direct channel is PEER_LOST after 5 s, and as soon as packets get through streams are opened again", async () => {
	const scene = await three();
	const { world, ann, machines } = scene;
	const channel = await world.clock.until(ann.openChannel("ben"), 10_000);
	const meet = world.separate(machines.ann, machines.ben);
	assert.deepEqual(await failure(scene, () => channel.openStream()), { code: "PEER_LOST", tookMs: 5_000 });
	// Through the Coordinator the peer is there.
	const { code, tookMs } = await failure(scene, () => ann.openStream("ben"));
	assert.deepEqual([code, tookMs < 6_000], ["opened", true]);
	meet();
	assert.equal((await world.clock.until(channel.openStream(), 1_000)).path, "direct");
});

test("open silence: a Coordinator's own streams to a silent Client are PEER_LOST after 5 s", async () => {
	const scene = await three();
	const { world, coordinator, machines } = scene;
	world.separate(machines.ben, machines.coordinator);
	const { code, tookMs } = await failure(scene, () => coordinator.openStream("ben"));
	assert.equal(code, "PEER_LOST");
	assert.ok(tookMs >= 5_000 && tookMs <= 5_100, `${tookMs} ms`);
});

test("open silence: a stream is opened when the silence ends in time, and nothing is left of the wait", async () => {
	const scene = await three();
	const { world, ann, machines } = scene;
	const meet = world.separate(machines.ben, machines.coordinator);
	const opening = ann.openStream("ben", { path: "proxied" });
	await world.clock.advance(4_500);
	meet();
	assert.equal((await world.clock.until(opening, 1_000)).peer, "ben");
	// An early one does not wait.
	world.separate(machines.ben, machines.coordinator);
	const early = await world.clock.until(ann.openStream("ben", { path: "proxied", early: true }), 1);
	let over = false;
	void early.closed.then(() => {
		over = true;
	});
	await world.clock.advance(9_000);
	assert.equal(over, false);
});

test("open silence: a peer that is there and does not answer is no silent one: PEER_TIMEOUT after 10 s, in which it is pinged", async (t) => {
	const fabric = virtualFabric("memory");
	const world = await Wires.create(t, fabric);
	const alice = await world.connect("alice");
	// It takes no streams.
	const { connection } = await world.enter("mute");
	const sinceMs = nowOf(fabric);
	await assert.rejects(alice.openStream("mute", { path: "proxied" }), { code: "PEER_TIMEOUT", peer: "mute" });
	assert.equal(nowOf(fabric) - sinceMs, 10_000);
	assert.equal(world.coordinator.clientCount, 2);
	connection.close(0, "");
});
