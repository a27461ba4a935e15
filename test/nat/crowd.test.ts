/** See `crowd.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { crowd } from "./crowd.ts";
import { CROWD_MS, judgeCrowd } from "./report/results.ts";

test(`crowd: of 30 Clients behind 5 NATs, who all open streams to each other at once, every pair that can be direct is within ${CROWD_MS / 1_000} s`, async (t) => {
	const row = await crowd(t, "stream");
	assert.equal(row.pairs, (30 * 29) / 2);
	const { met, text } = judgeCrowd(row);
	t.diagnostic(`${text}${row.unexpected === 0 ? "" : `; ${row.unexpected} more than can be`}`);
	assert.ok(met, `${text}: ${row.note}`);
});
