import assert from "node:assert/strict";
import { test } from "node:test";
import { broadcastRules } from "./broadcast-rules.ts";

test("broadcast rules: each option alone", () => {
	assert.deepEqual(broadcastRules([], []), {});
	assert.deepEqual(broadcastRules(["news=100", "chat.*=50"], []), { news: { history: { messages: 100 } }, "chat.*": { history: { messages: 50 } } });
	assert.deepEqual(broadcastRules([], ["*"]), { "*": { block: true } });
});

test("broadcast rules: history and block hold independently of each other, though only one rule of a Coordinator does", () => {
	assert.deepEqual(broadcastRules(["*=10", "jobs=5"], ["jobs*"]), {
		"*": { history: { messages: 10 } },
		jobs: { history: { messages: 5 }, block: true },
		"jobs*": { history: { messages: 10 }, block: true },
	});
	assert.deepEqual(broadcastRules(["a.*=1", "a.b.*=2"], ["a.b.c"])["a.b.c"], { history: { messages: 2 }, block: true });
	// A longer name that begins like a pattern without * is not meant.
	assert.deepEqual(broadcastRules(["a=1"], ["ab"]), { a: { history: { messages: 1 } }, ab: { block: true } });
});

test("broadcast rules: what is no pattern, no number or named twice is a usage error", () => {
	for (const text of ["news", "news=", "news=-1", "news=1.5", "news=1e3", "=5", "*x=5", "a*b=5", "NEWS=5", "n\u001b[2J=5", `${"a".repeat(129)}=5`]) {
		assert.throws(() => broadcastRules([text], []), { name: "CliError", exitCode: 2 }, text);
	}
	for (const text of ["", "**", "a b", "A"]) assert.throws(() => broadcastRules([], [text]), { exitCode: 2 }, text);
	assert.throws(() => broadcastRules(["a=1", "a=2"], []), /names "a" twice/);
	assert.deepEqual(Object.keys(broadcastRules(["__proto__=1"], [])), ["__proto__"]);
});
