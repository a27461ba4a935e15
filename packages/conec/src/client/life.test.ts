/** What a Client that closes goes on with while it waits for its handlers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../../testing/world.ts";
import { censusOfClient } from "./client.ts";

test("client: one that closes and waits for a handler makes no direct channel any more, and asks nobody about one", async () => {
	const world = new World({ seed: 1, delayMs: 20 });
	await world.clock.until(world.listen(), 1_000);
	const [annsMachine, evesMachine] = [world.machine("ann"), world.machine("eve")];
	let asked = 0;
	const [ann, ben] = await world.clock.until(
		Promise.all([
			world.connect(annsMachine, "ann", {
				id: "ann",
				acceptChannel: () => {
					asked++;
					return true;
				},
				handlers: { "endless/1": () => new Promise(() => undefined) },
			}),
			world.connect(world.machine("ben"), "ben", { id: "ben" }),
			world.connect(evesMachine, "eve", { id: "eve" }),
		]),
		1_000,
	);
	await world.clock.until(ben.openStream("ann", { protocol: "endless/1", path: "proxied" }), 2_000);
	world.separate(annsMachine, evesMachine);
	const opening = ann.openChannel("eve");
	const refused = assert.rejects(opening, { code: "CLIENT_CLOSED" });
	await world.clock.advance(100);
	const sinceMs = world.clock.now();
	const closed = ann.close();
	await world.clock.advance(0);
	await refused;
	assert.equal(world.clock.now(), sinceMs);
	await assert.rejects(world.clock.until(ben.openChannel("ann"), 1_000), { code: "PEER_BUSY" });
	assert.deepEqual([asked, ben.channels()], [0, []]);
	assert.equal(censusOfClient(ann).handlers, 1);
	await world.clock.until(closed, 3_000);
	assert.ok(world.clock.now() - sinceMs >= 2_000);
});
