/** See `upheavals.ts`: the figures of the promise, on a machine that has nothing else to do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../report/figures.ts";
import { LONG_CUTS, ON_AGAIN_MS, UPHEAVALS, upheavals } from "./upheavals.ts";

const ROUNDS = 4;

test(`survival: after moved addresses, forgotten mappings and cuts of 5, 20 and 50 s, resumable streams go on within ${ON_AGAIN_MS} ms in 95 of 100`, async (t) => {
	const list = [...Array.from({ length: ROUNDS }, () => UPHEAVALS).flat(), ...LONG_CUTS];
	const all = await upheavals(t, list, (silent) =>
		t.diagnostic(`${silent[0]?.upheaval}: ${silent.map(({ flow, ms }) => `${flow}: ${Math.round(ms ?? Number.NaN)} ms`).join("; ")}`),
	);
	const waits = all.map(({ ms = Number.POSITIVE_INFINITY }) => ms);
	t.diagnostic(`p50 ${Math.round(percentile(waits, 0.5))} ms, p95 ${Math.round(percentile(waits, 0.95))} ms, max ${Math.round(Math.max(...waits))} ms`);
	assert.ok(percentile(waits, 0.95) <= ON_AGAIN_MS, waits.map(Math.round).join());
});
