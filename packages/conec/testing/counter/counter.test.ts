/** The worked example of docs/architecture.md: it is what the page shows, and it does what the page says. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { beginClient } from "../../src/client/begin.ts";
import { makeRooms } from "../../src/client/rooms.ts";
import { testIdentity } from "../identities.ts";
import { World } from "../world.ts";
import { CounterAtClient } from "./at-client.ts";
import { CounterAtCoordinator } from "./at-coordinator.ts";
import { COUNTER_PROTOCOL, decodeCount, encodeCount } from "./wire.ts";

test("counter: docs/architecture.md shows these very files", () => {
	const page = readFileSync(new URL("../../../../docs/architecture.md", import.meta.url), "utf8");
	for (const name of ["wire.ts", "at-client.ts", "at-coordinator.ts"]) {
		const source = readFileSync(new URL(name, import.meta.url), "utf8");
		assert.ok(page.includes(`\`\`\`text source\n${source}\`\`\``), `docs/architecture.md does not show ${name} as it is. Copy it there.`);
	}
});

test("counter: what is no count is refused", () => {
	for (const count of [0, -1, 2 ** 53 - 1]) assert.equal(decodeCount(encodeCount(count)), count);
	for (const bytes of [new Uint8Array(), new Uint8Array(7), new Uint8Array(9), encodeCount(0.5), encodeCount(Number.NaN), encodeCount(2 ** 53)])
		assert.equal(decodeCount(bytes), undefined);
});

test("counter: both ends see it, it is unknown while the link is down, and the next link brings it again", async () => {
	const world = new World({ seed: 9, delayMs: 10 });
	const { clock } = world;
	const listen = () => {
		const counter = new CounterAtCoordinator();
		return clock.until(world.listen({ handlers: { [COUNTER_PROTOCOL]: (stream) => counter.serve(stream) } }), 1_000);
	};
	await listen();
	const begin = async (id: string) => {
		const counter = new CounterAtClient();
		const runtime = { ...world.machine(id).runtime, identity: testIdentity(id) };
		const options = { id, coordinator: "localhost:1719", localAddress: "127.0.0.1", pin: testIdentity("localhost").fingerprint };
		// The one line in the list of services.
		const rooms = await clock.until(
			beginClient(runtime, options, (parts) => makeRooms(parts, [counter])),
			5_000,
		);
		return { counter, rooms };
	};
	const [ann, ben] = [await begin("ann"), await begin("ben")];
	await clock.advance(1_000);
	assert.deepEqual([ann.counter.count, ann.counter.add(2), ben.counter.add(3)], [0, true, true]);
	await clock.advance(1_000);
	assert.deepEqual([ann.counter.count, ben.counter.count], [5, 5]);
	if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
	world.coordinator?.destroy();
	world.coordinatorGone();
	await clock.advance(20_000);
	assert.deepEqual([ann.counter.count, ann.counter.add(1)], [undefined, false]);
	const coordinator = await listen();
	await clock.advance(5_000);
	assert.deepEqual([ann.counter.count, ann.counter.add(1)], [0, true]);
	await clock.advance(1_000);
	assert.equal(ben.counter.count, 1);
	await clock.until(Promise.all([ann.rooms.life.close(), ben.rooms.life.close()]), 4_000);
	await clock.until(coordinator.close(), 4_000);
	await clock.advance(60_000);
	assert.deepEqual([world.network.liveStreams, clock.pending], [0, 0]);
});
