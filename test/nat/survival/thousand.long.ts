/** See `thousand.ts`: the figures of the promise, on a machine that has nothing else to do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { returned, summary } from "./thousand.ts";

const HALF = 500;
const MOST_MS = 5_000;
const ALL_MS = 15_000;
const LATE_MS = 100;

test(`survival: of ${2 * HALF} Clients 95 % are back ${MOST_MS / 1_000} s after a Coordinator that was killed listens again, all after ${ALL_MS / 1_000} s, and its event loop is ${LATE_MS} ms late at most (p99)`, async (t) => {
	const result = await returned(t, HALF, ALL_MS);
	t.diagnostic(summary(result));
	const { clients, backMs, lateness, failures, ended, talks } = result;
	assert.equal(backMs.length, clients, summary(result));
	assert.ok((backMs[Math.ceil(0.95 * clients) - 1] ?? Number.POSITIVE_INFINITY) <= MOST_MS, summary(result));
	assert.ok((backMs.at(-1) ?? Number.POSITIVE_INFINITY) <= ALL_MS, summary(result));
	assert.ok(lateness.p99 <= LATE_MS, summary(result));
	assert.deepEqual(ended, []);
	assert.equal(failures["ID_TAKEN"], undefined);
	assert.deepEqual(
		talks.filter(({ error }) => error !== null),
		[],
	);
});
