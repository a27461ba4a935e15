import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatMs, formatSeconds, rounded } from "./numbers.ts";

const TIMES: readonly (readonly [ms: number, text: string])[] = [
	[0, "0 ms"],
	[-1, "0 ms"],
	[0.004, "under 0.01 ms"],
	[0.5234280000000001, "0.52 ms"],
	[9.994, "9.99 ms"],
	[9.996, "10.0 ms"],
	[12, "12 ms"],
	[41.3, "41.3 ms"],
	[99.96, "100 ms"],
	[412.3, "412 ms"],
	[9_999.4, "9999 ms"],
	[9_999.6, "10.0 s"],
	[61_234, "61.2 s"],
	[599_400, "599 s"],
	[599_600, "10 min"],
	[3_599_400, "59 min 59 s"],
	[3_599_600, "1 h"],
	[7_500_000, "2 h 5 min"],
];
for (const [ms, text] of TIMES) test(`numbers: ${ms} ms is ${text}`, () => assert.equal(formatMs(ms), text));

test("numbers: seconds have three digits that count, and a whole number has no more than it has", () => {
	assert.deepEqual([0, 0.001, 0.0123, 1, 1.234, 10, 12.34, 123.4].map(formatSeconds), [
		"0 s",
		"under 0.01 s",
		"0.01 s",
		"1 s",
		"1.23 s",
		"10 s",
		"12.3 s",
		"123 s",
	]);
});

test("numbers: whatever the time, people see four digits at most, and programs three behind the point", () => {
	fc.assert(
		fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
			for (const number of formatMs(ms).match(/[\d.]+/g) ?? []) assert.ok(number.replace(".", "").length <= 4, formatMs(ms));
			assert.ok(String(rounded(ms)).replace(/^\d+\.?/, "").length <= 3, String(rounded(ms)));
		}),
	);
});
