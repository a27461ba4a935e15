import assert from "node:assert/strict";
import { test } from "node:test";
import { printable, quoted } from "./printable.ts";

test("terminal text: control sequences are shown, not obeyed", () => {
	assert.equal(printable("\u001b[2Jhello\r\nthere\u0007"), "\\x1b[2Jhello\\x0d\\x0athere\\x07");
	assert.equal(printable("\u009b31m"), "\\x9b31m");
});

test("terminal text: direction overrides and invisible characters are shown", () => {
	assert.equal(printable("photo\u202egnp.exe"), "photo\\u202egnp.exe");
	assert.equal(printable("a\u200bb\ufeff"), "a\\u200bb\\ufeff");
	assert.equal(printable("a\u034fb\u3164\u180e\u{e0041}"), "a\\u034fb\\u3164\\u180e\\u{e0041}");
});

test("terminal text: tabs, accents, emoji and other scripts stay", () => {
	assert.equal(printable("\té ß 漢字 🙂"), "\té ß 漢字 🙂");
});

test("terminal text: lone surrogates are shown, pairs stay", () => {
	assert.equal(printable("\ud83d x \ude42 \ud83d\ude42"), "\\ud83d x \\ude42 \ud83d\ude42");
});

test("terminal text: long text is cut", () => {
	assert.equal(printable("x".repeat(20), 10), `${"x".repeat(10)}…`);
	assert.equal(printable("🙂🙂🙂", 3), "🙂…", "never half a character");
	assert.equal(printable("🙂🙂", 4), "🙂🙂");
	assert.equal(quoted("a b"), '"a b"');
});
