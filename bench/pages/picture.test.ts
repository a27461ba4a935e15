import assert from "node:assert/strict";
import { test } from "node:test";
import { PICTURE_TOP, picture, wrapped } from "./picture.ts";

test("picture: a long note is broken into lines between words, and nothing of it is lost", () => {
	const note = "Commit 3e9ed3a7, Intel(R) Xeon(R) Processor, 2 cores, 2026-12-01. Thin line: range of the rounds. “Conec 2x”: how far Conec is ahead.";
	const lines = wrapped(note);
	assert.equal(lines.join(" "), note);
	assert.ok(lines.length === 2 && lines.every((line) => line.length <= 105), JSON.stringify(lines));
	assert.deepEqual([wrapped("short"), wrapped("x".repeat(200))], [["short"], ["x".repeat(200)]]);
	const drawn = picture({ title: "a < b", note, description: "all", height: 100 }, []);
	const tops = [...drawn.matchAll(/ y="(\d+)"/g)].map(([, y]) => Number(y));
	assert.deepEqual(tops, [18, 36, 52]);
	assert.ok(tops.every((y) => y < PICTURE_TOP));
	assert.match(drawn, /a &lt; b/);
});
