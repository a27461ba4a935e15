/** See `sleep.ts`. A minute: `sleep.long.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../world.ts";
import { awake } from "./sleep.ts";

const SECONDS = 6;
/** Ten times what is promised: other tests run beside, and the machine may be busy. */
const MOST_MS = 20_000;

test(`survival: a Client that stands still for ${SECONDS} s and goes on at another address is back by itself`, async (t) => {
	const world = await World.up(t);
	const [a, b] = await world.pair(["eim", "port"]);
	const { backMs, events } = await awake(world, a, b, SECONDS);
	t.diagnostic(`back after ${Math.round(backMs ?? Number.NaN)} ms; ${events}`);
	assert.ok(backMs !== undefined && backMs <= MOST_MS, `${backMs} ms: ${events}`);
});
