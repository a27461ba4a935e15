/** Which path a stream gets where there is IPv6, where a machine has many interfaces, and behind carriers. Twenty times each: `npm run test:nat -- --full`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sleep } from "./actors/actions.ts";
import { BRISK_MS, PROXIED_MS } from "./report/results.ts";
import { type Situation, sharingLabs, trySituation, worldFor } from "./situations.ts";
import { story } from "./world.ts";

const ROUNDS = 2;
/** Several labs at once on a machine that may be busy. The full run, which has it for itself, holds the figures themselves. */
const limitOf = ({ expectation }: Situation): number => 2 * (expectation === "direct" ? BRISK_MS : PROXIED_MS);
/** Where a busy machine makes a channel come too late for the first stream, it is there for the next one. */
const AGAIN_MS = 3_000;

describe("situations", { concurrency: 2 }, () => {
	for (const group of sharingLabs()) {
		const [first] = group as [Situation];
		test(`situations: ${group.length === 1 ? first.name : `${first.section} in one lab`}`, async (t) => {
			const world = await worldFor(t, first);
			for (const situation of group) {
				await t.test(`situations: ${situation.name}: ${situation.expectation} within ${limitOf(situation)} ms`, async (t) => {
					for (let round = 1; round <= ROUNDS; round++) {
						const { ok, ms, note, pair } = await trySituation(world, situation);
						t.diagnostic(`${Math.round(ms)} ms${note === undefined ? "" : `, ${note}`}`);
						const later = ok ? undefined : await sleep(AGAIN_MS).then(async () => await pair[0].visit(pair[1]));
						assert.ok(ok || later?.path === situation.expectation, `round ${round}: ${note}${await story(...pair)}`);
						assert.ok((later?.ms ?? ms) <= limitOf(situation), `round ${round}: ${later?.ms ?? ms} ms${await story(...pair)}`);
					}
				});
			}
		});
	}
});
