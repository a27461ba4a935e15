/** See `sleep.ts`: the figures of the promise, on a machine that has nothing else to do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../world.ts";
import { awake, BACK_MS } from "./sleep.ts";

for (const seconds of [8, 60]) {
	test(`survival: a Client that stands still for ${seconds} s and goes on at another address is back within ${BACK_MS} ms`, async (t) => {
		const world = await World.up(t);
		const [a, b] = await world.pair(["eim", "port"]);
		const { backMs, events } = await awake(world, a, b, seconds);
		t.diagnostic(`back after ${Math.round(backMs ?? Number.NaN)} ms; ${events}`);
		assert.ok(backMs !== undefined && backMs <= BACK_MS, `${backMs} ms: ${events}`);
	});
}
