import assert from "node:assert/strict";
import { test } from "node:test";
import { causeOf, type Step, stepsOfCurve } from "./outcome.ts";

const step = (changes: Partial<Step>): Step => ({ curve: "c", x: 1, values: { rate: 10 }, busy: {}, ...changes });

test("curve outcome: what holds a step back is the bound it has reached, the cores, or one thread", () => {
	const busy = { "coordinator, JavaScript": 0.2, "coordinator, I/O thread": 0.97 };
	const bound = { value: 12, what: "the window" };
	assert.equal(causeOf(step({ busy, bound }), "rate", 2), "the window");
	assert.equal(causeOf(step({ busy, bound: { value: 40, what: "the window" } }), "rate", 2), "coordinator, I/O thread is busy (0.97 of a core)");
	assert.equal(causeOf(step({ busy: { ...busy, sender: 0.9 } }), "rate", 2), "all 2 cores are busy, most of all coordinator, I/O thread (0.97 of a core)");
});

test("curve outcome: where nothing is reached, that is said, with what comes nearest", () => {
	assert.equal(causeOf(step({ busy: { a: 0.4, b: 0.3 } }), "rate", 2), "no thread and no bound: most has a (0.40 of a core)");
	assert.equal(causeOf(step({}), "rate", 2), "no thread and no bound: most has nothing (0.00 of a core)");
	assert.equal(causeOf(step({ values: {}, bound: { value: 1, what: "the window" } }), "rate", 2), "no thread and no bound: most has nothing (0.00 of a core)");
});

test("curve outcome: others on the machine are seen, and not taken for waiting", () => {
	const busy = { a: 0.4, b: 0.3 };
	assert.equal(causeOf(step({ busy, idle: 0.1 }), "rate", 2), "all 2 cores are busy, 0.70 of them with this, most of all a (0.40 of a core)");
	assert.match(causeOf(step({ busy, idle: 1.2 }), "rate", 2), /^no thread and no bound/);
});

test("curve outcome: steps come in the order of what grows, whenever they were taken", () => {
	const steps = [step({ x: 100 }), step({ x: 1, curve: "other" }), step({ x: 10 })];
	assert.deepEqual(
		stepsOfCurve({ steps }, "c").map(({ x }) => x),
		[10, 100],
	);
});
