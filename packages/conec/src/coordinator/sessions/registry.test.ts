import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "./registry.ts";

const registry = () => new Registry<string>({ clients: 2, contentionSwaps: 3, contentionWindowMs: 10_000 });
const claim = (id: string, identity: string) => ({ id, identity });

test("registry: the first holds, the same identity supersedes, another one is told who holds", () => {
	const ids = registry();
	assert.deepEqual(ids.judge(claim("a", "k1"), 0), { type: "free" });
	ids.hold(claim("a", "k1"), "first", 0);
	assert.deepEqual(ids.judge(claim("a", "k1"), 1), { type: "supersedes", holder: "first" });
	assert.deepEqual(ids.judge(claim("a", "k2"), 1), { type: "taken", holder: "first" });
	ids.hold(claim("a", "k1"), "second", 1);
	assert.equal(ids.find("a"), "second");
	assert.equal(ids.size, 1);
});

test("registry: only the present holder frees an id", () => {
	const ids = registry();
	ids.hold(claim("a", "k1"), "first", 0);
	ids.hold(claim("a", "k1"), "second", 1);
	assert.equal(ids.free("a", "first"), false);
	assert.equal(ids.find("a"), "second");
	assert.equal(ids.free("a", "second"), true);
	assert.equal(ids.free("a", "second"), false);
	assert.deepEqual(ids.judge(claim("a", "k2"), 2), { type: "free" });
	assert.equal(ids.size, 0);
});

test("registry: after three swaps in ten seconds the newcomer is told when to come again", () => {
	const ids = registry();
	ids.hold(claim("a", "k"), "0", 0);
	for (const at of [1_000, 2_000, 3_000]) {
		assert.equal(ids.judge(claim("a", "k"), at).type, "supersedes");
		ids.hold(claim("a", "k"), String(at), at);
	}
	assert.deepEqual(ids.judge(claim("a", "k"), 4_000), { type: "contended", retryAfterMs: 7_000 });
	assert.equal(ids.judge(claim("a", "k"), 11_000).type, "supersedes");
});

test("registry: one that had left before it was superseded is no swap, and all others stay counted", () => {
	const ids = registry();
	ids.hold(claim("a", "k"), "0", 0);
	ids.leftBefore("a", 0);
	ids.leftBefore("nobody", 0);
	for (let at = 1; at <= 20; at++) {
		assert.equal(ids.judge(claim("a", "k"), at).type, "supersedes");
		ids.hold(claim("a", "k"), String(at), at);
		if (at > 2) ids.leftBefore("a", at);
	}
	ids.hold(claim("a", "k"), "21", 21);
	assert.deepEqual(ids.judge(claim("a", "k"), 22), { type: "contended", retryAfterMs: 9_979 });
	ids.leftBefore("a", 7);
	assert.equal(ids.judge(claim("a", "k"), 22).type, "contended");
	ids.leftBefore("a", 21);
	assert.equal(ids.judge(claim("a", "k"), 22).type, "supersedes");
	assert.equal(ids.find("a"), "21");
});

test("registry: is full at its limit, but not for those who are in it", () => {
	const ids = registry();
	ids.hold(claim("a", "k"), "a", 0);
	ids.hold(claim("b", "k"), "b", 0);
	assert.deepEqual(ids.judge(claim("c", "k"), 0), { type: "full" });
	assert.equal(ids.judge(claim("b", "k"), 0).type, "supersedes");
	assert.deepEqual([...ids.holders()], ["a", "b"]);
});

test("registry: what an authority says of an id counts more than that somebody had it before there was one", () => {
	const ids = registry();
	ids.hold(claim("a", "some key"), "open", 0);
	assert.deepEqual(ids.judge(claim("a", "a"), 1), { type: "supersedes", holder: "open" });
	ids.hold(claim("a", "a"), "certified", 1);
	assert.deepEqual(ids.judge(claim("a", "some key"), 2), { type: "taken", holder: "certified" });
});
