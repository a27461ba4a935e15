import assert from "node:assert/strict";
import { test } from "node:test";
import { HolderTrial, type TrialStep } from "./holder-trial.ts";

/** The steps of a trial that is looked at whenever it says, until it is over. `signs`: what is known then. */
function run(
	lengthMs: number,
	signs: (nowMs: number) => { readonly heard: number; readonly silentMs: number },
): { readonly asked: number[]; readonly end: string } {
	const asked: number[] = [];
	const trial = new HolderTrial(lengthMs, { nowMs: 0, heard: 7 });
	for (let nowMs = 0; ; ) {
		const step: TrialStep = trial.look({ nowMs, ...signs(nowMs) });
		if (step.type !== "ask") return { asked, end: `${step.type} at ${nowMs}` };
		asked.push(nowMs);
		assert.ok(step.againMs > nowMs);
		nowMs = step.againMs;
	}
}

test("holder trial: a process that says nothing is asked each second, and gone after the whole time", () => {
	assert.deepEqual(
		run(6_000, () => ({ heard: 7, silentMs: 0 })),
		{ asked: [0, 1_000, 2_000, 3_000, 4_000, 5_000], end: "gone at 6000" },
	);
	assert.deepEqual(run(60_000, () => ({ heard: 7, silentMs: 0 })).asked.length, 60);
	assert.deepEqual(run(300, () => ({ heard: 7, silentMs: 0 })).asked, [0, 50, 100, 150, 200, 250]);
	assert.equal(run(1, () => ({ heard: 7, silentMs: 0 })).end, "gone at 1");
});

test("holder trial: one sign of its process is enough, however late", () => {
	for (const atMs of [1_000, 3_000, 6_000]) assert.equal(run(6_000, (nowMs) => ({ heard: nowMs >= atMs ? 8 : 7, silentMs: 0 })).end, `alive at ${atMs}`);
});

test("holder trial: a machine from which no packet comes though it is asked is gone sooner, one that was only idle before is not", () => {
	const silentSince = (sinceMs: number) => (nowMs: number) => ({ heard: 7, silentMs: nowMs - sinceMs });
	assert.equal(run(6_000, silentSince(-5_000)).end, "gone at 3000");
	assert.equal(run(6_000, silentSince(-1_000)).end, "gone at 4000");
	assert.equal(run(6_000, silentSince(500)).end, "gone at 6000");
});
