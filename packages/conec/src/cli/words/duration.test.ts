import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText } from "./duration.ts";

test("durations: two units at most, and never less than nothing", () => {
	const cases: [number, string][] = [
		[-5_000, "0 s"],
		[999, "0 s"],
		[59_999, "59 s"],
		[60_000, "1 min"],
		[3_599_999, "59 min"],
		[3_600_000, "1 h 00 min"],
		[86_399_999, "23 h 59 min"],
		[86_400_000, "1 d 0 h"],
		[100 * 86_400_000, "100 d 0 h"],
	];
	for (const [ms, text] of cases) assert.equal(durationText(ms), text);
});
