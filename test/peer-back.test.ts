/** Streams to a peer that has lost the Coordinator, and comes back to it later than this Client. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { censusOfCoordinator } from "../packages/conec/src/coordinator/coordinator.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { World } from "../packages/conec/testing/world.ts";

const RESUMABLE = { path: "proxied", resumable: { forMs: 60_000 } } as const;

/** Ann has a stream to Ben that survives. Both have lost the Coordinator, and Ann is back. */
async function scene(seed: number) {
	const world = new World({ seed, delayMs: 10 });
	const { clock } = world;
	await clock.until(world.listen(), 1_000);
	const [anns, bens] = [world.machine("ann"), world.machine("ben")];
	const ann = await clock.until(world.connect(anns, "ann", { id: "ann" }), 5_000);
	const ben = await clock.until(world.connect(bens, "ben", { id: "ben", holePunching: false }), 5_000);
	const stream = await clock.until(ann.openStream("ben", RESUMABLE), 1_000);
	const accepted: MessageStream = (await clock.until(ben.incomingStreams[Symbol.asyncIterator]().next(), 1_000)).value;
	await clock.advance(11_000);
	if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
	world.coordinator?.destroy();
	world.coordinatorGone();
	await clock.advance(20_000);
	const coordinator = await clock.until(world.listen(), 1_000);
	const join = world.coordinatorMachine === undefined ? () => undefined : world.separate(bens, world.coordinatorMachine);
	await clock.advance(3_000);
	assert.deepEqual(
		coordinator.clients().map(({ id }) => id),
		["ann"],
	);
	return { world, clock, ann, ben, stream, accepted, coordinator, join };
}

for (const awayMs of [100, 3_000, 6_000, 9_000, 20_000]) {
	test(`peer back: a stream that survives goes on at once when its peer is there, ${awayMs} ms after this Client`, async () => {
		for (const seed of [1, 2, 3]) {
			const { clock, ann, ben, stream, accepted, coordinator, join } = await scene(seed);
			const got = accepted.receive();
			const sent = stream.send("meanwhile");
			await clock.advance(awayMs);
			assert.equal(censusOfCoordinator(coordinator).proxied, 1, "its next connection waits at the Coordinator");
			join();
			while (coordinator.clientCount < 2) await clock.advance(10);
			const backMs = clock.now();
			assert.equal(new TextDecoder().decode((await clock.until(got, 1_000)) ?? undefined), "meanwhile");
			// The leg, its answer and the message: three ways through the Coordinator.
			assert.ok(clock.now() - backMs <= 80, `seed ${seed}: ${clock.now() - backMs} ms`);
			await clock.until(sent, 1_000);
			ann.destroy();
			ben.destroy();
			coordinator.destroy();
		}
	});
}

test("peer back: what waits for a peer ends with its opener, its stream and the Coordinator, and new streams to such a peer still fail at once", async () => {
	const { world, clock, ann, stream, coordinator } = await scene(4);
	await clock.advance(1_000);
	const sinceMs = clock.now();
	await assert.rejects(clock.until(ann.openStream("ben", RESUMABLE), 1_000), { code: "PEER_UNKNOWN" });
	assert.ok(clock.now() - sinceMs <= 60);
	assert.equal(censusOfCoordinator(coordinator).proxied, 1);
	// It is to hear that the stream has failed, for as long as the stream would have lived.
	stream.reset();
	await clock.advance(70_000);
	assert.equal(censusOfCoordinator(coordinator).proxied, 0);
	ann.destroy();
	await clock.until(coordinator.close(), 4_000);
	assert.equal(world.network.liveStreams, 0);
	const again = await scene(5);
	assert.equal(censusOfCoordinator(again.coordinator).proxied, 1);
	again.ann.destroy();
	await again.clock.advance(100);
	assert.equal(censusOfCoordinator(again.coordinator).proxied, 0);
	await again.clock.until(again.coordinator.close(), 4_000);
	again.ben.destroy();
	await again.clock.advance(60_000);
	assert.deepEqual([again.world.network.liveStreams, again.clock.pending], [0, 0]);
});
