import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scanJson, stringProblem, TEXT_DEPTH, wellFormed } from "./i-json.ts";
import { checkJson, decodeJsonObject, encodeJson, metadataTextBytes } from "./json.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const scan = (text: string) => scanJson(utf8(text), text);
const problemOf = (text: string): string | undefined => {
	const found = scan(text);
	return found.ok ? undefined : found.error;
};

/** A value in all the places where one can be, metadata and fields that nobody knows among them. */
const PLACES: readonly ((value: string) => string)[] = [
	(value) => value,
	(value) => ` [ ${value} ] `,
	(value) => `[1,${value}]`,
	(value) => `{"a":${value}}`,
	(value) => `{"metadata":${value}}`,
	(value) => `{"a":1,"metadata":{"b":[true,{"c":${value},"d":null}]}}`,
	(value) => `{"type":"peers","peers":[{"id":"a"},{"id":"b","metadata":[${value}]}]}`,
	(value) => `${"[".repeat(40)}${value}${"]".repeat(40)}`,
];

/** What a string has, in its raw and its escaped form, as a value and as a key. */
const STRING_PLACES: readonly ((inner: string) => string)[] = [
	(inner) => `"${inner}"`,
	(inner) => `"before ${inner}"`,
	(inner) => `"${inner} after"`,
	(inner) => `"\\n${inner}\\n"`,
	(inner) => `"\\ud83d\\ude00${inner}😀"`,
	(inner) => `{"${inner}":1}`,
	(inner) => `{"a":1,"b ${inner}":1}`,
];

function everywhere(value: string): string[] {
	return PLACES.map((place) => place(value));
}

function everywhereInStrings(inner: string): string[] {
	return STRING_PLACES.flatMap((string) => everywhere(string(inner)));
}

test("I-JSON: half of a surrogate pair is refused everywhere, and a pair is not", () => {
	for (const half of ["\\ud800", "\\uDBFF", "\\udc00", "\\udfff", "\\udc00\\ud800", "\\ud800\\ud800", "\\ud800x", "\\ud800\\n", "\\ud800\\u0041"]) {
		for (const text of everywhereInStrings(half)) assert.equal(problemOf(text), "has half of a surrogate pair in a string", text);
	}
	for (const pair of ["\\ud800\\udc00", "\\uD83D\\uDE00", "😀", "\\udbff\\udffd"]) {
		for (const text of everywhereInStrings(pair)) assert.equal(problemOf(text), undefined, text);
	}
	// Raw halves are no UTF-8.
	for (const raw of [
		Uint8Array.of(0xed, 0xa0, 0x80),
		Uint8Array.of(0xed, 0xbf, 0xbf),
		Uint8Array.of(0xff),
		Uint8Array.of(0xc0, 0x80),
		Uint8Array.of(0xe2, 0x82),
	]) {
		const decoded = decodeJsonObject(Uint8Array.from([...utf8('{"a":"'), ...raw, ...utf8('"}')]));
		assert.deepEqual(decoded, { ok: false, error: "is not UTF-8" });
	}
});

test("I-JSON: a noncharacter is refused everywhere, raw and escaped, and its neighbours are not", () => {
	const escaped = (code: number): string =>
		String.fromCodePoint(code)
			.split("")
			.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
			.join("");
	const planes = Array.from({ length: 17 }, (_, plane) => plane * 0x1_0000);
	const none = [0xfdd0, 0xfdd8, 0xfdef, ...planes.flatMap((plane) => [plane + 0xfffe, plane + 0xffff])];
	for (const code of none) {
		assert.equal(stringProblem(String.fromCodePoint(code)), "has a noncharacter of Unicode in a string");
		for (const inner of [String.fromCodePoint(code), escaped(code)]) {
			for (const text of everywhereInStrings(inner)) assert.equal(problemOf(text), "has a noncharacter of Unicode in a string", code.toString(16));
		}
	}
	for (const code of [0xfdcf, 0xfdf0, 0xfffd, 0xfeff, ...planes.slice(1).flatMap((plane) => [plane, plane + 0xfdd0, plane + 0xfffd])]) {
		assert.equal(stringProblem(String.fromCodePoint(code)), undefined);
		for (const inner of [String.fromCodePoint(code), escaped(code)]) {
			for (const text of everywhereInStrings(inner)) assert.equal(problemOf(text), undefined, code.toString(16));
		}
	}
});

test("I-JSON: a key is there once in an object, however it is written and however many there are", () => {
	const twice = [
		'{"a":1,"a":1}',
		'{"a":1,"\\u0061":1}',
		'{"\\u0061":1,"a":2}',
		'{"":1,"b":{},"":2}',
		'{"/":1,"\\/":1}',
		'{"__proto__":1,"__proto__":1}',
		'{"ü":1,"\\u00fc":1}',
	];
	for (const text of twice.flatMap(everywhere)) assert.match(problemOf(text) ?? "", /^has the key ".*" twice in one object$/, text);
	for (const count of [2, 15, 16, 17, 18, 40, 1_000]) {
		const keys = Array.from({ length: count }, (_, i) => `"key ${i}":{"inner":${i},"key 0":0}`);
		assert.equal(problemOf(`{${keys.join(",")}}`), undefined);
		for (const again of [0, count >> 1, count - 1]) assert.match(problemOf(`{${keys.join(",")},"key ${again}":1}`) ?? "", /twice/, `${again} of ${count}`);
	}
	// Objects beside each other, and in each other, have their own keys.
	for (const text of everywhere('[{"a":1},{"a":{"a":[{"a":1}]},"b":{"a":1}}]')) assert.equal(problemOf(text), undefined, text);
	assert.equal(problemOf('{"a":{"b":1,"c":2},"b":1,"c":{"a":1}}'), undefined);
	assert.ok((problemOf(`{"${"k".repeat(5_000)}":1,"${"k".repeat(5_000)}":1}`) ?? "").length < 100, "the sentence is short");
});

test("I-JSON: a number is at most 2^53 - 1, however it is written", () => {
	const beyond = [
		...["9007199254740992", "-9007199254740992", "9007199254740993", "12345678901234567890", "12345678901234567890.0", "1e20", "-1E+20", "1e16"],
		...["1e400", "-1e400", "1e308", `1${"0".repeat(400)}`, "90071992547409920e-1", "9007199254740991.9"],
	];
	for (const text of beyond.flatMap(everywhere)) assert.equal(problemOf(text), "has a number beyond 2^53 - 1", text);
	const fine = [
		...["0", "-0", "-0.0", "0e400", "1", "-1", "1e15", "9007199254740991", "-9007199254740991", "9007199254740991.0", "90071992547409910e-1"],
		...["0.1", "1e-400", "3.141592653589793238462643383279", "1E-7", "-1.5e+3", `0.${"0".repeat(400)}1`],
	];
	for (const text of fine.flatMap(everywhere)) assert.equal(problemOf(text), undefined, text);
});

test("I-JSON: what is not JSON is refused", () => {
	const wrong = [
		...[
			"",
			" ",
			",",
			"]",
			"}",
			":",
			"[",
			"{",
			"[1",
			"[1,",
			"[1,]",
			"[,1]",
			"[1 2]",
			'{"a"',
			'{"a":',
			'{"a":1',
			'{"a":1,',
			'{"a":1,}',
			"{1:1}",
			"{a:1}",
			"{'a':1}",
		],
		...[
			"[1}",
			'{"a":1]',
			"1 1",
			"{}{}",
			"nul",
			"True",
			"undefined",
			"NaN",
			"Infinity",
			"-",
			"+1",
			"01",
			"-01",
			"1.",
			".5",
			"1e",
			"1e+",
			"1.e1",
			"0x1",
			"1_0",
			"--1",
		],
		...[
			'"',
			'"a',
			'"\\',
			'"\\x"',
			'"\\u"',
			'"\\u12"',
			'"\\u12g4"',
			'"\\u 123"',
			'"\\ud800\\u12"',
			'"\u0000"',
			'"\u001f"',
			'"\n"',
			"'a'",
			'"a" "b"',
			"\ufeff1",
			"\u00a01",
			"/**/1",
		],
	];
	for (const text of wrong) {
		assert.throws(() => JSON.parse(text), text);
		assert.equal(problemOf(text), "is not JSON", JSON.stringify(text));
	}
});

test("I-JSON: nesting is bounded before anything recurses", () => {
	for (const [open, close] of [
		["[", "]"],
		['{"a":', "}"],
	] as const) {
		assert.equal(problemOf(`${open.repeat(TEXT_DEPTH)}1${close.repeat(TEXT_DEPTH)}`), undefined);
		assert.match(problemOf(`${open.repeat(TEXT_DEPTH + 1)}1${close.repeat(TEXT_DEPTH + 1)}`) ?? "", /nested more than 64 deep/);
		assert.match(problemOf(open.repeat(1_000_000)) ?? "", /nested more than 64 deep/);
	}
	assert.equal(problemOf(`${"[".repeat(TEXT_DEPTH)}${"]".repeat(TEXT_DEPTH)}`), undefined, "an empty one is a level too");
});

test("I-JSON: a byte order mark is refused in front, and is a character in a string", () => {
	assert.deepEqual(decodeJsonObject(utf8("\ufeff{}")), { ok: false, error: "begins with a byte order mark" });
	assert.equal(decodeJsonObject(utf8('{"a":"\ufeff"}')).ok, true);
});

test("I-JSON: what applications give is judged by the same rules", () => {
	const wrong: [unknown, RegExp][] = [
		["\ud800", /half of a surrogate pair/],
		[{ "a\udc00": 1 }, /half of a surrogate pair/],
		[["\uffff"], /noncharacter/],
		[{ "\ufdd0": 1 }, /noncharacter/],
		[2 ** 53, /beyond/],
		[[{ a: -1e20 }], /beyond/],
		[Number.NaN, /not finite/],
		[Number.NEGATIVE_INFINITY, /not finite/],
	];
	for (const [value, error] of wrong) {
		const checked = checkJson(value, 1_000);
		assert.match(checked.ok ? "" : checked.error, error);
	}
	for (const value of ["😀", { "ü\ufeff": [2 ** 53 - 1, -0, 0.1, 5e-324] }]) assert.equal(checkJson(value, 1_000).ok, true);
});

test("I-JSON: text for people becomes a string that may be sent", () => {
	assert.equal(wellFormed("a\ud800b\uffffc😀\udc00"), "a\ufffdb\ufffdc😀\ufffd");
	fc.assert(
		fc.property(
			fc.string({ unit: "binary" }),
			(text) => stringProblem(wellFormed(text)) === undefined && problemOf(JSON.stringify(wellFormed(text))) === undefined,
		),
	);
});

test("I-JSON: the length of metadata is that of its bytes in the text", () => {
	const lengths = (text: string): [string, number][] => {
		const found = scan(text);
		assert.ok(found.ok, text);
		return found.metadata.map(({ path, bytes }) => [path.join("."), bytes]);
	};
	for (const value of ["1", "1e15", '"ü"', '"\\u00fc"', "[ 1 , 2 ]", '{ "a" : "😀" }', "{}", '{"metadata":1}']) {
		const { length } = utf8(value);
		const outer = ([, bytes]: [string, number]): boolean => bytes === length;
		assert.ok(lengths(`{"metadata":${value}}`).some(outer), value);
		assert.ok(lengths(` { "ä" : 1 , "m\\u0065tadata" : ${value} , "b" : [] } `).some(outer), value);
		assert.ok(
			lengths(`{"changes":[{},{"peer":{"metadata":${value}}}]}`).some(([path, bytes]) => path === "changes.1.peer" && bytes === length),
			value,
		);
		const decoded = decodeJsonObject(utf8(`{"peers":[1,{"10":0,"9":0,"metadata": ${value} ,"z":"\\u00e4ä"}]}`));
		assert.ok(decoded.ok);
		const [, peer] = decoded.value["peers"] as object[];
		assert.equal(metadataTextBytes(peer as object), length);
		assert.equal(metadataTextBytes(decoded.value), undefined);
	}
});

const NUMBERS = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ min: -(2 ** 53 - 1), max: 2 ** 53 - 1, noNaN: true }));
const STRINGS = fc.string({ unit: "grapheme" }).filter((text) => stringProblem(text) === undefined);
const { value: VALUES } = fc.letrec((tie) => ({
	value: fc.oneof({ maxDepth: 6, withCrossShrink: true }, fc.constantFrom(null, true, false), NUMBERS, STRINGS, tie("array"), tie("object")),
	array: fc.array(tie("value"), { maxLength: 6 }),
	object: fc.dictionary(STRINGS, tie("value"), { maxKeys: 20 }),
}));

test("I-JSON: everything that is I-JSON passes, with spaces or not, and JSON.parse agrees", () => {
	fc.assert(
		fc.property(VALUES, fc.constantFrom(undefined, " ", "\t", 4), (value, indent) => {
			assert.equal(problemOf(JSON.stringify(value, undefined, indent)), undefined);
			if (JSON.stringify(value).includes("__proto__")) return;
			assert.equal(checkJson(value, 1_000_000).ok, true);
			const decoded = decodeJsonObject(encodeJson({ value }));
			assert.equal(decoded.ok && JSON.stringify(decoded.value["value"]), JSON.stringify(value));
		}),
		{ numRuns: 500 },
	);
});

test("I-JSON: after any change of a text the scan agrees with JSON.parse on what is JSON, and never throws", () => {
	const bits = [
		'"',
		"\\",
		"{",
		"}",
		"[",
		"]",
		",",
		":",
		"0",
		"-",
		".",
		"e",
		"E",
		"+",
		"\\u",
		"\\ud800",
		"\\udc00",
		" ",
		"\n",
		"\u0000",
		"true",
		"nul",
		"1e400",
		'"a":',
		"ü",
		"😀",
		"\ufeff",
	];
	let [taken, refused, narrower] = [0, 0, 0];
	fc.assert(
		fc.property(VALUES, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...bits)), { maxLength: 3 }), (value, changes) => {
			let text = JSON.stringify({ a: value });
			for (const [where, cut, bit] of changes) {
				const at = where % (text.length + 1);
				text = text.slice(0, at) + bit + text.slice(at + cut);
			}
			// As from the network: no half pairs.
			text = text.replace(/\p{Surrogate}/gu, "\ufffd");
			const problem = problemOf(text);
			let parsed: unknown;
			try {
				parsed = JSON.parse(text);
			} catch {
				assert.equal(problem === undefined, false, `taken, though it is not JSON: ${text}`);
				refused++;
				return;
			}
			if (problem === "is not JSON") assert.fail(`refused, though it is JSON: ${text}`);
			if (problem !== undefined) return void narrower++;
			taken++;
			// What has passed has no key twice: as many keys as colons between a key and its value.
			assert.equal(problemOf(JSON.stringify(parsed)), undefined);
		}),
		{ numRuns: 3_000 },
	);
	assert.ok(taken > 100 && refused > 100 && narrower > 5, `${taken} taken, ${refused} refused, ${narrower} narrower than JSON`);
});

test("I-JSON: random bytes never throw", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
			const decoded = decodeJsonObject(bytes);
			if (!decoded.ok) assert.match(decoded.error, /^(is|has|begins) /);
		}),
		{ numRuns: 2_000 },
	);
});

test("I-JSON: what was taken is not longer than its bound when it is passed on", () => {
	// Numbers are written anew, and 1e15 becomes longer.
	const value = `[${new Array(100).fill("1e15").join(",")}]`;
	assert.ok(value.length < 600 && JSON.stringify(JSON.parse(value)).length > 1_024);
	assert.equal(checkJson(JSON.parse(value), 1_024).ok, false);
});
