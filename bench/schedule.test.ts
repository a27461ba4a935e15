import assert from "node:assert/strict";
import { test } from "node:test";
import { interleave } from "./schedule.ts";

test("interleave: every name once a round, every other round backwards", () => {
	assert.deepEqual(interleave(["a", "b", "c"], 3), ["a", "b", "c", "c", "b", "a", "a", "b", "c"]);
});

test("interleave: nothing to run gives an empty order", () => {
	assert.deepEqual(interleave([], 5), []);
	assert.deepEqual(interleave(["a"], 0), []);
});
