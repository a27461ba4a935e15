import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutToWidth, padToWidth, textWidth } from "./width.ts";

/** Text and the columns that terminals give it. */
const WIDTHS: readonly (readonly [string, number])[] = [
	["", 0],
	["film.mkv", 8],
	["写真", 4],
	["ファイル.txt", 12],
	["ﾌｧｲﾙ", 4],
	["한글", 4],
	["Ａ", 2],
	["🙂", 2],
	["🇯🇵", 2],
	["👍🏽", 2],
	["é", 1],
	["e\u0301", 1],
	["a\u0308\u0323", 1],
	["ÄÖÜß", 4],
	["naïve – “x”", 11],
	["\u001b[31mred\u001b[0m", 3],
];
for (const [text, width] of WIDTHS) {
	test(`text width: ${JSON.stringify(text)} takes ${width} columns`, () => {
		assert.equal(textWidth(text), width);
		assert.equal(padToWidth(text, 20), text + " ".repeat(20 - width));
		assert.equal(padToWidth(text, width - 1), text, "never cut");
		assert.equal(cutToWidth(text, width), text);
	});
}

test("text width: a text is cut between characters, never within one, and says so", () => {
	assert.equal(cutToWidth("写真集", 5), "写真…");
	assert.equal(cutToWidth("写真集", 4), "写…", "no half of one");
	assert.equal(cutToWidth("🙂🙂🙂", 3), "🙂…");
	assert.equal(cutToWidth("e\u0301e\u0301e\u0301", 2), "e\u0301…");
	assert.equal(cutToWidth("abc", 1), "…");
	assert.equal(cutToWidth("abc", 0), "");
});

test("text width: whatever is cut or filled has just the width that was asked for, or less where a character does not fit", () => {
	const text = fc.string({
		unit: fc.oneof(fc.constantFrom(...WIDTHS.slice(1, -1).map(([one]) => one)), fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 })),
	});
	fc.assert(
		fc.property(text, fc.integer({ min: 1, max: 60 }), (one, columns) => {
			assert.ok(textWidth(cutToWidth(one, columns)) <= columns);
			assert.equal(textWidth(padToWidth(cutToWidth(one, columns), columns)), columns);
		}),
	);
});
