import assert from "node:assert/strict";
import { test } from "node:test";
import { unusualName, unusualNameBelow } from "./unusual-name.ts";

test("unusual name: every format character of Unicode, anywhere in any component", () => {
	let count = 0;
	for (let code = 0; code <= 0x10ffff; code += 1) {
		if (code >= 0xd800 && code <= 0xdfff) continue;
		const character = String.fromCodePoint(code);
		if (!/\p{Cf}/u.test(character)) continue;
		count += 1;
		for (const components of [[`a${character}`], [`${character}a`], ["a", character], ["a", `b${character}c`, "d"]])
			assert.match(unusualName(components) ?? "", /invisible/);
		assert.match(unusualNameBelow(`a${character}`) ?? "", /invisible/);
	}
	assert.ok(count > 150, `${count} format characters`);
});

test("unusual name: a dot at the top only", () => {
	for (const components of [[".a"], [".git", "config"], ["..a"]]) assert.match(unusualName(components) ?? "", /begins with a dot/);
	for (const components of [["a", ".git"], ["a.b"], ["a", ".b", ".c"]]) assert.equal(unusualName(components), undefined);
	assert.equal(unusualNameBelow(".git"), undefined);
});

test("unusual name: ordinary text of many scripts and emoji with variation selectors", () => {
	for (const name of ["été", "漢字", "العربية", "עברית", "ไทย", "हिन्दी", "❤️.png", "1️⃣", "naïve café", "a b", "﷽"])
		assert.equal(unusualName([name]), undefined, name);
});

test("unusual name: what Windows may take for the short name of another file, at the top only", () => {
	for (const name of [
		"BASHRC~1",
		"bashrc~1",
		"SSH~1",
		"GITCON~1.TXT",
		"A~12",
		"CONFIG~3.LO",
		"~1",
		"AB12~4",
		"\u00e9t\u00e9~1",
		"ABCD~123456",
		"ABCDEF~1.toolong",
	]) {
		assert.match(unusualName([name]) ?? "", /may be the short name of another file/, name);
		assert.match(unusualName([name, "config"]) ?? "", /may be the short name of another file/, name);
		assert.equal(unusualName(["a", name]), undefined, name);
		assert.equal(unusualNameBelow(name), undefined, name);
	}
	for (const name of ["a~", "notes~old", "letter.txt~", "report.v~1", "verylongname~1.txt", "a~1b", "~a", "1~x.txt"])
		assert.equal(unusualName([name]), undefined, name);
});
