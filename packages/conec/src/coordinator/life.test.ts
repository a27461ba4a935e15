/** What a Coordinator that closes lets its handlers do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../../testing/world.ts";

test("coordinator: a handler that is told to end finds it closing, and its own call of close waits for the same end", async () => {
	const world = new World({ seed: 1 });
	const coordinator = await world.clock.until(world.listen(), 1_000);
	const ann = await world.clock.until(world.connect(world.machine("ann"), "ann", { id: "ann" }), 1_000);
	const inner: Promise<void>[] = [];
	coordinator.handle(
		"end/1",
		(_, { signal }) =>
			new Promise((resolve) => {
				signal.addEventListener("abort", () => {
					assert.throws(() => coordinator.handle("more/1", () => undefined), { code: "COORDINATOR_CLOSED" });
					inner.push(coordinator.close());
					resolve();
				});
			}),
	);
	await world.clock.until(ann.openCoordinatorStream({ protocol: "end/1" }), 1_000);
	const outer = coordinator.close();
	assert.equal(inner.length, 1);
	assert.equal(inner[0], outer);
	await world.clock.until(outer, 3_000);
	assert.deepEqual(await coordinator.closed, { by: "local" });
});
