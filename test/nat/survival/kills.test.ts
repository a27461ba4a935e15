/** See `kills.ts`. A gibibyte and twenty kills: `kills.long.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { killed } from "./kills.ts";

const BYTES = 32 * 1_048_576;
const EVERY_MS = 30;
/** Thirty times what is promised: other tests run beside, and the machine may be busy. */
const MOST_MS = 30_000;

test("survival: a transfer whose paths are killed and restored, direct and proxied, arrives as it was sent", async (t) => {
	const { all } = await killed(t, BYTES, EVERY_MS, 4, ({ what, path, stallMs }) =>
		t.diagnostic(`${what}, while ${path}: on after ${Math.round(stallMs ?? Number.NaN)} ms`),
	);
	assert.deepEqual(
		all.filter(({ stallMs = Number.POSITIVE_INFINITY }) => stallMs > MOST_MS),
		[],
	);
});
