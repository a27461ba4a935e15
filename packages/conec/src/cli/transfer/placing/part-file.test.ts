import assert from "node:assert/strict";
import { test } from "node:test";
import { partName } from "./part-file.ts";

test("part file: the name is marked and fits", () => {
	assert.equal(partName("photo.jpg", "0123abcd"), "photo.jpg.part-0123abcd");
	assert.equal(Buffer.byteLength(partName("x".repeat(255), "0123abcd")), 255);
});

test("part file: a long name is shortened between characters", () => {
	const name = partName("🙂".repeat(63), "0123abcd");
	assert.ok(Buffer.byteLength(name) <= 255);
	assert.match(name, /^(?:🙂)+\.part-0123abcd$/u);
});
