import assert from "node:assert/strict";
import { test } from "node:test";
import { COORDINATOR_DEFAULT_LIMITS } from "../../limits.ts";
import { type BroadcastRules, resolveBroadcastRules } from "./rules.ts";

const resolve = (rules: BroadcastRules | undefined): ReturnType<typeof resolveBroadcastRules> => resolveBroadcastRules(rules, COORDINATOR_DEFAULT_LIMITS);

test("the longest key that fits holds, alone; without any, nothing is kept or allowed", () => {
	const rule = resolve({ "*": { history: { messages: 1 } }, "a.*": { block: true }, "a.b": { history: { messages: 3, ageMs: 5 } }, "a.b*": {} });
	assert.deepEqual([rule("x").history.messages, rule("x").history.bytes, rule("x").block], [1, COORDINATOR_DEFAULT_LIMITS.broadcastHistoryBytes, false]);
	assert.deepEqual([rule("a.c").history.messages, rule("a.c").block], [0, true]);
	assert.deepEqual([rule("a.b").history.messages, rule("a.b").history.ageMs, rule("a.b").block], [3, 5, false]);
	assert.equal(rule("a.bc").block, false);
	assert.deepEqual([resolve(undefined)("x").history.messages, resolve({})("x").block], [0, false]);
});

test("what is wrong is refused", () => {
	for (const rules of [
		{ "": {} },
		{ "A*": {} },
		{ "a*b": {} },
		{ a: 1 },
		{ a: { block: 1 } },
		{ a: { Block: true } },
		{ a: { history: {} } },
		{ a: { history: { messages: 1.5 } } },
		{ a: { history: { messages: 1, size: 1 } } },
	]) {
		assert.throws(() => resolve(rules as never), { name: "TypeError", code: "OPTION_INVALID" });
	}
	for (const history of [{ messages: -1 }, { messages: 10_001 }, { messages: 1, bytes: 5_000_000 }, { messages: 1, ageMs: -1 }]) {
		assert.throws(() => resolve({ a: { history } }), { name: "RangeError", code: "OPTION_INVALID" });
	}
});
