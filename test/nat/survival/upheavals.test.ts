/** See `upheavals.ts`; longer cuts and many rounds: `upheavals.long.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UPHEAVALS, upheavals } from "./upheavals.ts";

/** Ten times what is promised: other tests run beside, and the machine may be busy. */
const MOST_MS = 30_000;

test("survival: under moved addresses, forgotten mappings and a cut of 5 s, resumable streams of each path lose and double nothing, and go on", async (t) => {
	const all = await upheavals(t, UPHEAVALS, (silent) =>
		t.diagnostic(`${silent[0]?.upheaval}: ${silent.map(({ flow, ms }) => `${flow}: ${Math.round(ms ?? Number.NaN)} ms`).join("; ")}`),
	);
	assert.deepEqual(
		all.filter(({ ms = Number.POSITIVE_INFINITY }) => ms > MOST_MS),
		[],
	);
});
