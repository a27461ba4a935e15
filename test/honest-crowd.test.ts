/**
 * A thousand honest Clients behind one public address, as in a school or a company: they come at once, join one broadcast and open ten streams
 * each. Nothing of it may be taken for an attack. `test/attacks/crowd.slow.ts` does the same with real packets.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoordinatorStatus } from "../packages/conec/src/index.ts";
import { echo, pass, text, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const CLIENTS = 1_000;
const STREAMS = 10;
/** TEST-NET-3 (RFC 5737): an address of the public network that nobody has. */
const ADDRESS = "203.0.113.7";

test("1,000 honest Clients behind one address connect, join one broadcast and open 10 streams each, and nothing is refused or counted", {
	timeout: 900_000,
}, async (t) => {
	const fabric = virtualFabric("memory");
	const world = await World.create(t, fabric, { limits: { statusEvents: 65_536 } });
	const bad: CoordinatorStatus[] = [];
	void (async () => {
		for await (const event of world.coordinator.status()) if (["defence", "refused", "disconnected", "lagged"].includes(event.type)) bad.push(event);
	})().catch(() => undefined);
	const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => world.connect(`pupil-${index}`, { localAddress: ADDRESS })));
	assert.equal(world.coordinator.clientCount, CLIENTS);
	assert.deepEqual(new Set(world.coordinator.clients().map(({ address }) => address.address)), new Set([ADDRESS]));

	const members = await Promise.all(clients.map((client) => client.joinBroadcast("class")));
	assert.deepEqual(await clients[0]?.countBroadcast("class"), { senders: CLIENTS, receivers: CLIENTS });

	for (const client of clients) echo(client);
	const echoed = await Promise.all(
		clients.flatMap((client, index) =>
			Array.from({ length: STREAMS }, async (_, number) => {
				const stream = await client.openStream(`pupil-${(index + 1) % CLIENTS}`, { path: "proxied" });
				await stream.send(`${index} ${number}`);
				return text(await stream.receive());
			}),
		),
	);
	assert.deepEqual(
		echoed,
		clients.flatMap((_, index) => Array.from({ length: STREAMS }, (__, number) => `${index} ${number}`)),
	);
	assert.equal(members.length, CLIENTS);
	// What is counted is told a second later.
	await pass(fabric, 3_000);
	assert.equal(world.coordinator.clientCount, CLIENTS);
	assert.deepEqual(bad, []);
});
