/** See `kills.ts`: the figures of the promise, on a machine that has nothing else to do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../report/figures.ts";
import { killed, STALL_MS } from "./kills.ts";

const BYTES = 1_073_741_824;
/** 16 MB/s. */
const EVERY_MS = 4;

test(`survival: 1 GiB over a stream whose paths are killed and restored 20 times has its SHA-256; it stalls for ${STALL_MS} ms at most in 95 of 100`, async (t) => {
	const { all, seconds } = await killed(t, BYTES, EVERY_MS, 20, ({ what, path, stallMs }) =>
		t.diagnostic(`${what}, while ${path}: on after ${Math.round(stallMs ?? Number.NaN)} ms`),
	);
	const stalls = all.map(({ stallMs = Number.POSITIVE_INFINITY }) => stallMs);
	t.diagnostic(
		`${Math.round(seconds)} s; stall p50 ${Math.round(percentile(stalls, 0.5))} ms, p95 ${Math.round(percentile(stalls, 0.95))} ms, max ${Math.round(Math.max(...stalls))} ms`,
	);
	assert.deepEqual([...new Set(all.map(({ path }) => path))].sort(), ["direct", "proxied"]);
	assert.ok(percentile(stalls, 0.95) <= STALL_MS, stalls.join());
});
