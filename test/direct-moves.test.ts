/** Whole Clients that have another address than when they connected: the first call is direct, whoever makes it. */

import assert from "node:assert/strict";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { MemoryTransport } from "../packages/conec/testing/memory/transport.ts";
import { declare, pass, until, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const fabric = virtualFabric("memory");
const { network, transports } = fabric;
const test = declare(fabric);

/** A Client with the transport that it is on. */
async function connect(world: World, id: string): Promise<[Client, MemoryTransport]> {
	const client = await world.connect(id, { listen: true });
	return [client, transports.at(-1) as MemoryTransport];
}

for (const mover of ["who calls", "who is called", "both"]) {
	for (const idleMs of [0, 1_500]) {
		test(`direct moves: ${mover} moved ${idleMs} ms ago: the first channel comes about, where they are now`, async (t) => {
			const world = await World.create(t, fabric);
			const [alice, from] = await connect(world, "alice");
			const [bob, to] = await connect(world, "bob");
			const [aliceMoved, bobMoved] = [mover !== "who is called", mover !== "who calls"];
			if (aliceMoved) from.move();
			if (bobMoved) to.move();
			await pass(fabric, idleMs);
			const channel = await alice.openChannel("bob");
			assert.equal(channel.stats().remoteAddress.port, to.address.port);
			const far = bob.incomingStreams[Symbol.asyncIterator]();
			assert.equal((await alice.openStream("bob")).path, "direct");
			assert.equal((await far.next()).value?.path, "direct");
			await far.return?.();
			const seen = (id: string): number | undefined => world.coordinator.clients().find((client) => client.id === id)?.address.port;
			assert.deepEqual([seen("alice"), seen("bob")], [from.address.port, to.address.port]);
		});
	}
}

test("direct moves: an idle Client is told that it has moved, without a word of its own", async (t) => {
	const world = await World.create(t, fabric);
	const [alice, transport] = await connect(world, "alice");
	const moved: number[] = [];
	void (async () => {
		for await (const status of alice.status()) if (status.type === "moved") moved.push(status.observedAddress.port);
	})();
	transport.move();
	await until(() => moved.length === 1);
	assert.deepEqual(moved, [transport.address.port]);
	transport.move();
	await until(() => moved.length === 2);
	assert.deepEqual(moved[1], transport.address.port);
});

test("direct moves: a stream that had to go through the Coordinator has a direct channel behind it, when a network changes and nobody calls", async (t) => {
	const world = await World.create(t, fabric);
	const [alice, from] = await connect(world, "alice");
	const [bob, to] = await connect(world, "bob");
	const ports = new Set([from.address.port, to.address.port]);
	const dropped = { packets: 0 };
	// Between the two nothing gets through, at these addresses.
	network.onPacket = (packet) => {
		const between = ports.has(packet.from.port) && ports.has(packet.to.port);
		if (between) dropped.packets++;
		return !between;
	};
	t.after(() => {
		network.onPacket = undefined;
	});
	const far = bob.incomingStreams[Symbol.asyncIterator]();
	const stream = await alice.openStream("bob");
	assert.equal(stream.path, "proxied");
	await until(() => alice.explain("bob").reason.includes("no answer"));
	assert.ok(dropped.packets > 0);
	assert.equal((await alice.openStream("bob")).path, "proxied");
	to.move();
	await until(() => alice.channels().length === 1);
	assert.equal((await alice.openStream("bob")).path, "direct");
	assert.equal(stream.path, "proxied");
	await far.return?.();
});
