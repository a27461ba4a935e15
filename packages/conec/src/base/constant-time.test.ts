import assert from "node:assert/strict";
import { test } from "node:test";
import { equalInConstantTime } from "./constant-time.ts";

test("constant time: texts are equal when every character is", () => {
	assert.equal(equalInConstantTime("", ""), true);
	assert.equal(equalInConstantTime("00ff", "00ff"), true);
	for (const other of ["", "00f", "00fff", "10ff", "00fe", "00FF", "0\u0430ff"]) assert.equal(equalInConstantTime("00ff", other), false, other);
});
