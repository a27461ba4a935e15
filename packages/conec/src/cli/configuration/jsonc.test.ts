import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsoncError, type JsoncNode, lineAndColumn, parseJsonc } from "./jsonc.ts";

/** The value without its places. */
function plain(node: JsoncNode): unknown {
	switch (node.type) {
		case "object":
			return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
		case "list":
			return node.items.map(plain);
		case "null":
			return null;
		default:
			return node.value;
	}
}

test("jsonc: all that is JSON is read as JSON.parse reads it", () => {
	fc.assert(
		fc.property(fc.json({ maxDepth: 4 }), fc.integer({ min: 0, max: 2 }), (text, indent) => {
			const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
			// JSON.stringify of what was read: so __proto__ is a key like others, and -0 is 0.
			assert.equal(JSON.stringify(plain(parseJsonc(spaced))), JSON.stringify(JSON.parse(spaced)));
		}),
	);
});

test("jsonc: comments and a last comma are no mistake; what looks like them within a text is text", () => {
	const text = '\ufeff// first\n{ /* a */ "a": 1, // b\r\n"b": ["//", "/* */",], /**/ }\n// last';
	assert.deepEqual(plain(parseJsonc(text)), { a: 1, b: ["//", "/* */"] });
});

test("jsonc: keys and values know where they are", () => {
	const text = '{\n\t"a": [1,\r\n  true]\r}';
	const root = parseJsonc(text);
	assert.equal(root.type, "object");
	const entry = root.type === "object" ? root.entries[0] : undefined;
	assert.deepEqual(lineAndColumn(text, entry?.keyAt ?? -1), { line: 2, column: 2 });
	const list = entry?.value;
	assert.deepEqual(list?.type === "list" ? list.items.map(({ at }) => lineAndColumn(text, at)) : [], [
		{ line: 2, column: 8 },
		{ line: 3, column: 3 },
	]);
});

const WRONG: readonly (readonly [text: string, line: number, column: number, message: RegExp])[] = [
	["", 1, 1, /the text ends where a value/],
	["// only", 1, 8, /the text ends where a value/],
	["{", 1, 2, /the text ends where a key/],
	['{"a"', 1, 5, /the text ends where ":"/],
	['{"a":', 1, 6, /the text ends where a value/],
	['{"a": 1', 1, 8, /the text ends where "," or "}"/],
	["[1 2]", 1, 4, /there is "2" where "," or "\]"/],
	["[,]", 1, 2, /there is "," where a value/],
	['{"a": 1,, "b": 2}', 1, 9, /there is "," where a key/],
	["{a: 1}", 1, 2, /there is "a" where a key/],
	["{'a': 1}", 1, 2, /there is "'" where a key/],
	['{"a": 1}\n}', 2, 1, /there is "}" where the end/],
	['{"a": 1,\n "a": 2}', 2, 2, /the key "a" is there twice/],
	['{"a": 01}', 1, 7, /there is "01" where a value/],
	['{"a": +1}', 1, 7, /there is "\+1"/],
	['{"a": 1.}', 1, 7, /there is "1\."/],
	['{"a": NaN}', 1, 7, /there is "NaN"/],
	['{"a": True}', 1, 7, /there is "True"/],
	['{"a": "b\n"}', 1, 7, /does not end in its line/],
	['{"a": "\\q"}', 1, 7, /JSON does not know/],
	['{"a": "\u0001"}', 1, 7, /JSON does not know/],
	["{} /* x", 1, 4, /a comment does not end/],
	["{} /", 1, 4, /there is "\/" where the end/],
	[`${"[".repeat(17)}1`, 1, 18, /too many values within values/],
];
for (const [text, line, column, message] of WRONG) {
	test(`jsonc: ${JSON.stringify(text.slice(0, 40))} is wrong at line ${line}, column ${column}`, () => {
		assert.throws(
			() => parseJsonc(text),
			(error) => {
				assert.ok(error instanceof JsoncError);
				assert.match(error.message, message);
				assert.deepEqual(lineAndColumn(text, error.at), { line, column });
				return true;
			},
		);
	});
}

test("jsonc: whatever the text is, it is read or refused with a place in it", () => {
	fc.assert(
		fc.property(fc.string({ unit: fc.constantFrom(...'{}[],:"\\/* \n1e-truefalsnb') }), (text) => {
			try {
				parseJsonc(text);
			} catch (error) {
				assert.ok(error instanceof JsoncError, String(error));
				assert.ok(error.at >= 0 && error.at <= text.length);
			}
		}),
	);
});
