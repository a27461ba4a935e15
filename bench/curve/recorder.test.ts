import assert from "node:assert/strict";
import { test } from "node:test";
import { Recorder } from "./recorder.ts";

const measured = { values: { rate: 12.3456 }, busy: {} };

test("curve recorder: a step that fails says why, and the others go on", async () => {
	const lines: string[] = [];
	const recorder = new Recorder((line) => lines.push(line));
	assert.equal(await recorder.step("c", 1, 5, async () => measured), true);
	assert.equal(await recorder.step("c", 10, 5, () => Promise.reject(new Error("9 of 10 came\n  at somewhere"))), false);
	assert.equal(await recorder.step("c", 100, 5, async () => measured), true);
	assert.deepEqual(
		recorder.outcome.steps.map(({ x }) => x),
		[1, 100],
	);
	assert.deepEqual(recorder.outcome.failures, [{ curve: "c", x: 10, reason: "9 of 10 came" }]);
	assert.deepEqual(lines, ["c 1: rate 12.35", "c 10 failed: 9 of 10 came", "c 100: rate 12.35"]);
});

test("curve recorder: a step that does not end is left alone after its time", async () => {
	const recorder = new Recorder(() => undefined);
	let fail = (_: Error): void => undefined;
	const went = await recorder.step("c", 1, 0.01, () => new Promise((_, reject) => (fail = reject)));
	assert.equal(went, false);
	assert.match(recorder.outcome.failures[0]?.reason ?? "", /^it took longer than 0 s$/);
	fail(new Error("too late to be told"));
});

test("curve recorder: a run ends in time: what has not begun then has failed", async () => {
	let now = 0;
	const recorder = new Recorder(
		() => undefined,
		() => now,
		600,
	);
	assert.equal(recorder.left(60), 60);
	now = 560_000;
	assert.equal(recorder.left(60), 25, "some time is left for the end");
	now = 590_000;
	let begun = false;
	await recorder.step("c", 1, 60, async () => {
		begun = true;
		return measured;
	});
	assert.equal(begun, false);
	assert.deepEqual(recorder.outcome.failures, [{ curve: "c", x: 1, reason: "no time was left: a run takes at most 600 s" }]);
});

test("curve recorder: what is skipped has its reason, and is no failure", () => {
	const recorder = new Recorder(() => undefined);
	recorder.skip("delays and losses", "the NAT lab needs root");
	assert.deepEqual(recorder.outcome, { steps: [], failures: [], skipped: [{ what: "delays and losses", reason: "the NAT lab needs root" }] });
});
