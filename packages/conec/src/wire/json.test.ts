import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkJson, decodeJsonObject, JSON_DEPTH } from "./json.ts";

function nested(depth: number): unknown {
	let value: unknown = 1;
	for (let level = 0; level < depth; level++) {
		value = level % 2 === 0 ? [value] : { a: value };
	}
	return value;
}

test("json: depth is counted exactly and deep values do not exhaust the stack", () => {
	assert.equal(checkJson(nested(JSON_DEPTH), 10_000).ok, true);
	assert.equal(checkJson(nested(JSON_DEPTH + 1), 10_000).ok, false);
	const deep = new TextEncoder().encode(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
	const decoded = decodeJsonObject(deep);
	assert.equal(decoded.ok && checkJson(decoded.value["a"], 1_000_000).ok, false);
	const circular: Record<string, unknown> = {};
	circular["self"] = circular;
	assert.equal(checkJson(circular, 10_000).ok, false);
});

test("json: the length is that of the text in UTF-8", () => {
	assert.equal(checkJson("é", 4).ok, true);
	assert.equal(checkJson("é", 3).ok, false);
	assert.equal(checkJson("", 2).ok, true);
	assert.equal(checkJson("", 1).ok, false);
});

test("json: what is not plain is refused", () => {
	for (const value of [
		undefined,
		Number.NaN,
		Number.POSITIVE_INFINITY,
		1n,
		() => 1,
		Symbol("x"),
		new Date(),
		new Map(),
		new Uint8Array(1),
		[undefined],
		{ a: undefined },
		new (class {})(),
	]) {
		assert.equal(checkJson(value, 1_000).ok, false);
	}
	assert.equal(checkJson(Object.assign(Object.create(null), { a: 1 }), 1_000).ok, true);
});

test("json: a key __proto__ is refused, and nothing is polluted", () => {
	const decoded = decodeJsonObject(new TextEncoder().encode('{"a":{"__proto__":{"polluted":true}}}'));
	assert.equal(decoded.ok && checkJson(decoded.value["a"], 1_000).ok, false);
	assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("json: what is not one JSON object in UTF-8 is refused", () => {
	for (const text of ["", " ", "null", "1", '"a"', "[]", "{", "{}{}", "{'a':1}", "\ufeff{}", "undefined"]) {
		assert.equal(decodeJsonObject(new TextEncoder().encode(text)).ok, false, text);
	}
	assert.equal(decodeJsonObject(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)).ok, false, "not UTF-8");
	assert.equal(decodeJsonObject(new TextEncoder().encode(' {"a":1e15} ')).ok, true, "spaces are nothing");
});

test("json: random bytes never throw", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
			const decoded = decodeJsonObject(bytes);
			if (decoded.ok) {
				checkJson(decoded.value, 100);
			}
		}),
		{ numRuns: 2_000 },
	);
});
