/** Bad luck at the first try is not for ever: see `trouble.ts`. Twenty pairs: `npm run test:nat -- --full`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RECOVERED_MS } from "./report/results.ts";
import { afterTrouble } from "./trouble.ts";
import { story, World } from "./world.ts";

const PAIRS = 6;

test(`trouble: the path between two homes is dead at the first stream; a later one is direct within ${RECOVERED_MS / 1_000} s of its end, and nobody asked for it`, async (t) => {
	const world = await World.up(t);
	const wrong: string[] = [];
	for (const { ok, ms, note, pair } of await afterTrouble(world, PAIRS)) {
		t.diagnostic(`${Math.round(ms)} ms${note === undefined ? "" : `, ${note}`}`);
		if (!ok || ms > RECOVERED_MS) wrong.push(`${note ?? ""} after ${ms} ms${await story(...pair)}`);
	}
	assert.deepEqual(wrong, []);
});
