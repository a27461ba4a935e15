/** See `thousand.ts`. A thousand of them, with the figures of the promise: `thousand.long.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { returned, summary } from "./thousand.ts";

const HALF = 100;
/** Other tests run beside, and the machine may be busy. */
const WATCHED_MS = 60_000;

test(`survival: ${2 * HALF} Clients, half of them behind one address, return by themselves to a Coordinator that was killed; direct channels lose nothing`, async (t) => {
	const result = await returned(t, HALF, WATCHED_MS);
	t.diagnostic(summary(result));
	const { clients, backMs, failures, ended, talks } = result;
	assert.equal(backMs.length, clients, summary(result));
	assert.deepEqual(ended, []);
	assert.equal(failures["ID_TAKEN"], undefined);
	assert.deepEqual(
		talks.filter(({ error }) => error !== null),
		[],
	);
});
