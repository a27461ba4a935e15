import assert from "node:assert/strict";
import { test } from "node:test";
import { castsOf, orderOf, takesPart } from "./turns.ts";

test("turns: every round is in one cast, and the last cast may be short", () => {
	assert.deepEqual(castsOf(1), [[0]]);
	assert.deepEqual(castsOf(7), [[0, 1, 2], [3, 4, 5], [6]]);
	assert.deepEqual(castsOf(0), []);
});

test("turns: one that is far behind takes part once with every cast", () => {
	for (const rounds of [1, 2, 3, 5, 9])
		for (const cast of castsOf(rounds)) assert.equal(cast.filter((round) => takesPart(true, round)).length, 1, `${rounds} rounds`);
	assert.ok([0, 1, 2, 3].every((round) => takesPart(false, round)));
});

test("turns: every other round goes backwards, and the tasks stay as they were", () => {
	const tasks = ["a", "b", "c"];
	assert.deepEqual(orderOf(tasks, 0), ["a", "b", "c"]);
	assert.deepEqual(orderOf(tasks, 1), ["c", "b", "a"]);
	assert.deepEqual(tasks, ["a", "b", "c"]);
});
