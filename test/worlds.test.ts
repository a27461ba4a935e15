/**
 * Random worlds on virtual time. A seed that fails says how to see it again.
 */

import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { test } from "node:test";
import { runWalks } from "../packages/conec/testing/walk/many.ts";
import { KINDS, runWalk, type WalkResult } from "../packages/conec/testing/walk/run.ts";
import { LEAST_PART, Tally } from "../packages/conec/testing/walk/tally.ts";

const SEEDS = 300;

test(`worlds: what must hold, holds in ${SEEDS} of them`, async (t) => {
	const tally = new Tally();
	const failed: string[] = [];
	const note = (result: WalkResult): void => {
		const { seed, problems } = result;
		tally.add(result);
		if (problems.length > 0) failed.push(`seed ${seed}: ${problems[0]} (npm run test:worlds -- --seed ${seed})`);
	};
	// Other tests keep the other cores busy.
	await runWalks(1, SEEDS, note, 1);
	assert.equal(tally.seeds, SEEDS);
	const kinds = KINDS.map(({ name }) => name);
	t.diagnostic(tally.report(kinds, false));
	assert.deepEqual(failed, []);
	assert.deepEqual(tally.rare(kinds), [], `kinds that are in less than ${100 * LEAST_PART} % of the worlds`);
});

test("worlds: the same seed gives the same log, another one another", async () => {
	const [first, again, other] = [await runWalk(17), await runWalk(17), await runWalk(18)];
	assert.ok(first.log.length > 200);
	assert.deepEqual(again.log, first.log);
	assert.notDeepEqual(other.log, first.log);
});

test("worlds: nothing in them runs on a timer of the machine, a thread or a disk", async () => {
	const seen = new Map<string, number>();
	const watch = createHook({ init: (_, type) => void seen.set(type, (seen.get(type) ?? 0) + 1) });
	// Whatever is loaded or made once, is now.
	await runWalk(21);
	watch.enable();
	try {
		await runWalk(22);
	} finally {
		watch.disable();
	}
	// Immediates are the turns between moments; the Coordinator derives a key at once, on this thread.
	const known = new Set(["PROMISE", "Immediate", "TickObject", "Microtask", "DERIVEBITSREQUEST"]);
	assert.deepEqual(
		[...seen.keys()].filter((type) => !known.has(type)),
		[],
	);
	assert.ok((seen.get("PROMISE") ?? 0) > 1_000);
});
