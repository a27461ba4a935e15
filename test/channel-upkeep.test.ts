/** Direct channels between whole Clients that nobody uses, that die, and that are used again. On virtual time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DirectChannel } from "../packages/conec/src/client/channel/index.ts";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { Channel } from "../packages/conec/src/index.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

const MINUTE = 60_000;

interface Two {
	readonly world: World;
	readonly ann: Client;
	readonly ben: Client;
	readonly machines: { readonly ann: Machine; readonly ben: Machine };
	readonly channel: Channel;
}

/** Two Clients with a direct channel that ann has dialled. */
async function two(seed: number): Promise<Two> {
	const world = new World({ seed, delayMs: 20 });
	await world.clock.until(world.listen(), 1_000);
	const machines = { ann: world.machine("ann"), ben: world.machine("ben") };
	const connect = (id: "ann" | "ben"): Promise<Client> => world.connect(machines[id], id, { id });
	const [ann, ben] = (await world.clock.until(Promise.all([connect("ann"), connect("ben")]), 1_000)) as [Client, Client];
	return { world, ann, ben, machines, channel: await world.clock.until(ann.openChannel("ben"), 10_000) };
}

/** When each side of the channel has ended; undefined while it lives. */
function ends({ world, ann, ben }: Two): (number | undefined)[] {
	const at: (number | undefined)[] = [undefined, undefined];
	for (const [index, client] of [ann, ben].entries())
		void client.channels()[0]?.closed.then(() => {
			at[index] = world.clock.now();
		});
	return at;
}

function packetsOf(client: Client): number {
	const { sentPackets } = (client.channels()[0] as DirectChannel).connection.stats();
	return sentPackets;
}

test("channel upkeep: a channel that nobody uses lives for ten minutes, with at most 6 packets a minute that are not acknowledgements", async () => {
	const scene = await two(1);
	const { world, ann, ben } = scene;
	await world.clock.advance(MINUTE);
	const before = [packetsOf(ann), packetsOf(ben)] as const;
	await world.clock.advance(10 * MINUTE);
	assert.equal(ann.channels().length + ben.channels().length, 2);
	const [mine, theirs] = [packetsOf(ann) - before[0], packetsOf(ben) - before[1]];
	assert.ok(mine >= 10 * 2 && mine <= 10 * 6, `${mine} packets of the side that dialled`);
	assert.ok(theirs <= mine, `the other side only acknowledges: ${theirs}`);
	const stream = await world.clock.until(ann.openStream("ben"), 1_000);
	assert.equal(stream.path, "direct");
});

test("channel upkeep: a dead channel that nobody uses is gone at both ends within 75 s", async () => {
	for (let seed = 1; seed <= 10; seed++) {
		const scene = await two(seed);
		const { world, machines } = scene;
		const ended = ends(scene);
		await world.clock.advance(MINUTE + seed * 1_234);
		const sinceMs = world.clock.now();
		world.separate(machines.ann, machines.ben);
		await world.clock.advance(30_000);
		assert.deepEqual(ended, [undefined, undefined], "an outage of half a minute does no harm");
		await world.clock.advance(45_000);
		for (const at of ended) assert.ok(at !== undefined && at - sinceMs <= 75_000, `seed ${seed}: ${ended}`);
	}
});

test("channel upkeep: an outage of 40 s while nobody uses the channel costs nothing", async () => {
	const scene = await two(3);
	const { world, ann, machines } = scene;
	const ended = ends(scene);
	await world.clock.advance(MINUTE);
	const meet = world.separate(machines.ann, machines.ben);
	await world.clock.advance(40_000);
	meet();
	await world.clock.advance(MINUTE);
	assert.deepEqual(ended, [undefined, undefined]);
	assert.equal((await world.clock.until(ann.openStream("ben"), 1_000)).path, "direct");
});

test("channel upkeep: a channel with a live stream that dies is lost within 15 s and a moment, at both ends", async () => {
	const scene = await two(2);
	const { world, ann, machines } = scene;
	const ended = ends(scene);
	const stream = await world.clock.until(ann.openStream("ben"), 1_000);
	await world.clock.advance(MINUTE);
	const sinceMs = world.clock.now();
	world.separate(machines.ann, machines.ben);
	await world.clock.advance(18_000);
	assert.equal((await stream.closed).code, "PEER_LOST");
	for (const at of ended) assert.ok(at !== undefined && at - sinceMs <= 17_500, `${at} since ${sinceMs}`);
});

test("channel upkeep: a channel that died unnoticed is lost 15 s after it is used again, and the next stream gets through", async () => {
	const scene = await two(4);
	const { world, ann, channel, machines } = scene;
	await world.clock.advance(MINUTE);
	world.separate(machines.ann, machines.ben);
	await world.clock.advance(20_000);
	const usedMs = world.clock.now();
	await assert.rejects(world.clock.until(channel.openStream(), 10_000), { code: "PEER_LOST" });
	assert.ok(world.clock.now() - usedMs <= 5_100);
	const again = await world.clock.until(ann.openStream("ben"), 10_000);
	assert.equal(again.path, "proxied");
	await world.clock.advance(usedMs + 16_000 - world.clock.now());
	assert.deepEqual(ann.channels(), []);
});

test("channel upkeep: a peer that is killed while nobody uses the channel is missed within 75 s", async () => {
	const scene = await two(5);
	const { world, ann, machines } = scene;
	await world.clock.advance(MINUTE);
	world.kill(machines.ben);
	await world.clock.advance(75_000);
	assert.deepEqual(ann.channels(), []);
});
