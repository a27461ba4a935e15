/** See `paths.ts`; with the figures of the promise: `paths.long.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../world.ts";
import { movesUnderLoad, openings } from "./paths.ts";

/** Other tests run beside, and the machine may be busy: what waited for a direct path would take two seconds each time. */
const MOST_MS = 1_500;

test("survival: a resumable stream with path auto opens within a round trip over the Coordinator, whatever the NATs", async (t) => {
	const world = await World.up(t);
	for (const { kinds, ms } of await openings(world)) {
		t.diagnostic(`${kinds}: ${ms.map(Math.round).join(", ")} ms`);
		assert.ok(Math.min(...ms) <= MOST_MS, `${kinds}: ${ms.join()}`);
	}
});

test("survival: from the Coordinator to a direct channel and back under load, nothing is sent twice, and the readers hardly wait", async (t) => {
	const moved = await movesUnderLoad(t, 2);
	t.diagnostic(moved.map(({ to, pauseMs }) => `${to}: ${Math.round(pauseMs)} ms`).join(", "));
	for (const { to, pauseMs } of moved) assert.ok(pauseMs <= 2 * MOST_MS, `${to}: ${pauseMs} ms`);
});
