import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedRuns } from "./shared-runs.ts";

test("shared runs: one at a time; calls meanwhile share one that begins after they were made", async () => {
	const runs: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
	const shared = new SharedRuns<number>(() => new Promise((resolve, reject) => runs.push({ resolve, reject })));
	const first = shared.run();
	const later = [shared.run(), shared.run(), shared.run()];
	assert.equal(runs.length, 1);
	runs[0]?.resolve(1);
	assert.equal(await first, 1);
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(runs.length, 2);
	const last = shared.run();
	runs[1]?.reject(new RangeError("no"));
	for (const one of later) await assert.rejects(one, RangeError);
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(runs.length, 3);
	runs[2]?.resolve(3);
	assert.equal(await last, 3);
	const again = shared.run();
	assert.equal(runs.length, 4);
	runs[3]?.resolve(4);
	assert.equal(await again, 4);
});
