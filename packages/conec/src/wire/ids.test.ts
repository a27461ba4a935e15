import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { idProblem, isBroadcastName, isExplicitStreamId, isId, isProtocol, isStreamId } from "./ids.ts";

test("ids: the ones that are", () => {
	for (const id of [
		"a",
		"0a",
		"alice",
		"alice-2",
		"a--b",
		"a.b",
		"node1.cluster-2.example",
		"1.a",
		"1-1",
		"xn-a",
		"a".repeat(63),
		`${"a".repeat(31)}.${"b".repeat(31)}`,
	]) {
		assert.equal(isId(id), true, id);
	}
});

test("ids: the ones that are not, each with its reason", () => {
	for (const id of [
		"",
		"A",
		"alicE",
		"a_b",
		"a b",
		"-a",
		"a-",
		"a.-b",
		"a-.b",
		".a",
		"a.",
		"a..b",
		".",
		"xn--a",
		"a.xn--b",
		"1",
		"007",
		"a.1",
		"127.0.0.1",
		"a\n",
		"a\0",
		"ä",
		"а", // Cyrillic
		"*.a",
		"a*",
		"a".repeat(64),
		`${"a.".repeat(31)}ab`,
		undefined,
		null,
		7,
		{},
		["a"],
	]) {
		assert.equal(isId(id), false, String(id));
		assert.equal(typeof idProblem(id), "string");
	}
});

test("ids: agree with the rule written out, for any string", () => {
	const byRule = (id: string): boolean => {
		const labels = id.split(".");
		return (
			id.length >= 1 &&
			id.length <= 63 &&
			labels.every((label) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label) && !label.startsWith("xn--")) &&
			!/^[0-9]*$/.test(labels.at(-1) ?? "")
		);
	};
	const text = fc.oneof(
		fc.string({ maxLength: 70 }),
		fc.string({ unit: fc.constantFrom("a", "z", "0", "9", "-", ".", "x", "n"), maxLength: 70 }),
		fc.array(fc.constantFrom("a", "xn--", "-", ".", "1", "b-b"), { maxLength: 12 }).map((parts) => parts.join("")),
	);
	fc.assert(
		fc.property(text, (id) => {
			assert.equal(isId(id), byRule(id));
		}),
		{ numRuns: 5_000 },
	);
});

test("ids: a long near-miss is refused at once", () => {
	const started = performance.now();
	for (let count = 0; count < 1_000; count++) {
		assert.equal(isId(`${"a-".repeat(31)}-`), false);
		assert.equal(isId("-".repeat(1_000_000)), false);
	}
	assert.ok(performance.now() - started < 1_000);
});

test("broadcast names: 1 to 128 of a-z, 0-9, dot, underscore, hyphen", () => {
	for (const name of ["a", ".", "_", "-", "a.b_c-1", "x".repeat(128)]) {
		assert.equal(isBroadcastName(name), true, name);
	}
	for (const name of ["", "A", "a b", "a/b", "é", "a\n", "x".repeat(129), 1, null, undefined]) {
		assert.equal(isBroadcastName(name), false, String(name));
	}
});

test("protocols: 1 to 64 of a-z, 0-9, dot, slash, hyphen", () => {
	for (const name of ["a", ".", "/", "-", "7", "chat/1", "com.example/chat-room/1.2", "x".repeat(64)]) {
		assert.equal(isProtocol(name), true, name);
	}
	for (const name of ["", "Chat", "a b", "a_b", "é", "a\n", "a\0", "__proto__", "x".repeat(65), 1, {}, ["a"], null, undefined]) {
		assert.equal(isProtocol(name), false, String(name));
	}
});

test("stream ids: integers from 0; those of an application end at 2^32 - 1", () => {
	for (const id of [0, 1, 2 ** 32 - 1]) {
		assert.equal(isExplicitStreamId(id) && isStreamId(id), true);
	}
	for (const id of [2 ** 32, Number.MAX_SAFE_INTEGER]) {
		assert.equal(isExplicitStreamId(id), false);
		assert.equal(isStreamId(id), true);
	}
	for (const id of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, 1n]) {
		assert.equal(isStreamId(id), false, String(id));
	}
});
