/** Which path a stream gets where there is IPv6, where a machine has many interfaces, and behind carriers. Twenty times each: `npm run test:nat -- --full`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BRISK_MS, PROXIED_MS } from "./report/results.ts";
import { SITUATIONS, trySituation, worldFor } from "./situations.ts";
import { story } from "./world.ts";

const ROUNDS = 2;
/** Several labs at once on a machine that may be busy: the full run, which has it for itself, holds the figure itself. */
const DIRECT_MS = 2 * BRISK_MS;

describe("situations", { concurrency: 2 }, () => {
	for (const situation of SITUATIONS) {
		const limitMs = situation.expectation === "direct" ? DIRECT_MS : PROXIED_MS;
		test(`situations: ${situation.name}: ${situation.expectation} within ${limitMs} ms`, async (t) => {
			const world = await worldFor(t, situation);
			for (let round = 1; round <= ROUNDS; round++) {
				const { ok, ms, note, pair } = await trySituation(world, situation);
				t.diagnostic(`${Math.round(ms)} ms`);
				assert.ok(ok && ms <= limitMs, `round ${round}: ${note ?? ""} after ${ms} ms${await story(...pair)}`);
			}
		});
	}
});
