import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { isBytes, isPlainObject } from "./bytes.ts";

test("bytes: a Uint8Array is one in every realm, and nothing else is", () => {
	const elsewhere = (code: string): unknown => runInNewContext(code);
	for (const value of [new Uint8Array(), Buffer.from("x"), elsewhere("new Uint8Array(3)"), elsewhere("new (class Own extends Uint8Array {})(3)")])
		assert.equal(isBytes(value), true);
	const others = ["new ArrayBuffer(3)", "new Int8Array(3)", "new Uint16Array(3)", "new DataView(new ArrayBuffer(3))", "[1]", "'x'", "null", "undefined", "1"];
	for (const code of [...others, "({ [Symbol.toStringTag]: 'Uint8Array', length: 3 })"]) assert.equal(isBytes(elsewhere(code)), false, code);
});

test("plain objects: are plain in every realm, and what has a class is not", () => {
	for (const code of ["({ a: 1 })", "JSON.parse('{}')", "Object.create(null)"]) {
		assert.equal(isPlainObject(runInNewContext(code) as object), true, code);
	}
	for (const code of [
		"new Map()",
		"new Date()",
		"new (class Object {})()",
		"Object.create({})",
		"Object.create({ constructor: Object })",
		"/x/",
		"new Error()",
	])
		assert.equal(isPlainObject(runInNewContext(code) as object), false, code);
	assert.equal(isPlainObject(Object.create({ constructor: Object }) as object), false);
	assert.equal(isPlainObject(Object.create(Object.create(null) as object) as object), false);
});
