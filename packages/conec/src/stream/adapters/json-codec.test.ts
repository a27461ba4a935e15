import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JSON_MESSAGE_DEPTH, jsonCodec } from "./json-codec.ts";

const codec = jsonCodec<unknown>();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const encoded = (value: unknown): Uint8Array => bytes(codec.encode(value) as string);
const nested = (depth: number, open: string, core: string, close: string): string => open.repeat(depth) + core + close.repeat(depth);

test("json codec: any JSON value arrives as it was sent", () => {
	fc.assert(
		fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
			const text = JSON.stringify(value);
			fc.pre(!text.includes('"__proto__":'));
			assert.equal(JSON.stringify(codec.decode(encoded(value))), text);
		}),
	);
});

test("json codec: never lets anything but a value or an exception out, whatever comes", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (message) => {
			let value: unknown;
			try {
				value = codec.decode(message);
			} catch (error) {
				assert.ok(error instanceof Error);
				return;
			}
			assert.deepEqual(codec.decode(encoded(value)), value);
		}),
	);
});

test("json codec: text that is not strict JSON in strict UTF-8 is refused", () => {
	for (const text of ["", " ", "{", "[1,]", "{'a':1}", "undefined", "NaN", "Infinity", "01", "// no\n1", "\ufeff1", "1 2", '"\n"', "[1}"]) {
		assert.throws(() => codec.decode(bytes(text)), SyntaxError, JSON.stringify(text));
	}
	// A byte that starts nothing, an overlong form, half a surrogate pair, a sequence cut off, beyond Unicode.
	for (const message of [
		[0x22, 0xff, 0x22],
		[0x22, 0xc0, 0xaf, 0x22],
		[0x22, 0xed, 0xa0, 0x80, 0x22],
		[0x22, 0xe2, 0x82],
		[0x22, 0xf5, 0x80, 0x80, 0x80, 0x22],
	]) {
		assert.throws(() => codec.decode(Uint8Array.from(message)), TypeError, message.join());
	}
});

test("json codec: half a surrogate pair survives as the escape that JSON has for it", () => {
	assert.equal(codec.decode(bytes('"\\ud800"')), "\ud800");
	assert.equal(codec.decode(encoded("\ud800 and \udc00")), "\ud800 and \udc00");
});

test("json codec: nesting is refused beyond its bound, on both sides, and nothing overflows", () => {
	for (const [open, core, close] of [
		["[", "1", "]"],
		['{"a":', "1", "}"],
	] as const) {
		const deepest = nested(JSON_MESSAGE_DEPTH, open, core, close);
		assert.deepEqual(encoded(codec.decode(bytes(deepest))), bytes(deepest));
		const deeper = nested(JSON_MESSAGE_DEPTH + 1, open, core, close);
		assert.throws(() => codec.decode(bytes(deeper)), RangeError);
		assert.throws(() => encoded(JSON.parse(deeper)), RangeError);
		assert.throws(() => codec.decode(bytes(nested(150_000, open, core, close))), RangeError);
	}
	const wide = { text: "]}[{".repeat(400), list: Array.from({ length: 400 }, () => [{ a: ['"[\\'] }]) };
	assert.deepEqual(codec.decode(encoded(wide)), wide);
});

test("json codec: a key __proto__ is refused, however it is written, on both sides; the word alone is not", () => {
	for (const text of ['{"__proto__":{"admin":true}}', '[{"a":{"\\u005f_proto__":null}}]', '{"\\u005F\\u005fproto\\u005f_":1}']) {
		assert.throws(() => codec.decode(bytes(text)), TypeError, text);
	}
	assert.throws(() => encoded([JSON.parse('{"__proto__":1}')]), TypeError);
	for (const value of ["__proto__", { key: "__proto__" }, { __proto: 1 }, '{"__proto__":1}', { constructor: { name: "x" } }]) {
		assert.deepEqual(codec.decode(encoded(value)), value);
	}
	assert.equal(({} as { admin?: boolean }).admin, undefined);
});

test("json codec: numbers that are not finite are refused; others are as JSON.parse has them", () => {
	for (const text of ["1e309", "-1e309", `[${"9".repeat(400)}]`, '{"a":[1e999999999]}']) {
		assert.throws(() => codec.decode(bytes(text)), RangeError, text);
	}
	assert.equal(codec.decode(bytes("1.7976931348623157e308")), Number.MAX_VALUE);
	assert.equal(codec.decode(bytes("1e-999")), 0);
	assert.equal(codec.decode(bytes("9007199254740993")), 9007199254740992);
	assert.ok(Object.is(codec.decode(bytes("-0")), -0));
});

test("json codec: what JSON cannot say is refused, the rest is as JSON.stringify has it", () => {
	const cycle: unknown[] = [];
	cycle.push(cycle);
	for (const value of [undefined, () => 1, Symbol("s"), 1n, cycle]) {
		assert.throws(() => encoded(value), TypeError);
	}
	assert.deepEqual(codec.decode(encoded({ at: new Date(0), none: undefined, nan: Number.NaN })), { at: "1970-01-01T00:00:00.000Z", nan: null });
});

test("json codec: what is no Standard Schema is a TypeError", () => {
	for (const schema of [null, 1, {}, { "~standard": { version: 2, validate() {} } }, { "~standard": { version: 1 } }]) {
		assert.throws(() => jsonCodec(schema as never), { name: "TypeError", code: "OPTION_INVALID" });
	}
});
