import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPage, formatTable, formatValue, formatVerdict } from "./report.ts";
import { type BenchResult, resultOf } from "./results.ts";

const bulk: BenchResult = resultOf(
	{
		name: "quic-bulk-64k",
		title: "bulk",
		unit: "MB/s",
		references: ["raw-quinn-bulk-64k", "node-tls-bulk-64k"],
		target: { of: "ratio", relation: ">=", bound: 0.6 },
	},
	{ rounds: [612.3, 600, 620] },
	new Map([
		["raw-quinn-bulk-64k", { rounds: [1_000] }],
		["node-tls-bulk-64k", { rounds: [725.4] }],
	]),
);
const leak: BenchResult = resultOf(
	{ name: "churn-rss-bytes", title: "leak", unit: "bytes", references: [], target: { of: "value", relation: "<=", bound: 16 * 1_048_576 } },
	{ rounds: [20 * 1_048_576] },
	new Map(),
);

test("values: three significant figures in the unit's own scale", () => {
	assert.equal(formatValue(1_234.5, "MB/s"), "1235 MB/s");
	assert.equal(formatValue(3_456_789, "messages/s"), "3.46 M/s");
	assert.equal(formatValue(45_600, "messages/s"), "45.6 k/s");
	assert.equal(formatValue(2.5 * 1_048_576, "bytes"), "2.5 MiB");
	assert.equal(formatValue(-512, "bytes"), "-0.5 KiB");
	assert.equal(formatValue(0.00123, "share"), "0.00123");
	assert.equal(formatValue(0, "count"), "0");
	assert.equal(formatValue(87.65, "us"), "87.7 us");
	assert.equal(formatValue(Number.NaN, "ms"), "? ms");
});

test("table: says of each target whether it is met", () => {
	const lines = formatTable([bulk, leak]).split("\n");
	assert.equal(lines.length, 3);
	assert.match(lines[1] ?? "", /^quic-bulk-64k\s+612 MB\/s\s+2 %\s+1000 MB\/s raw-quinn-bulk-64k\s+0\.612\s+725 MB\/s\s+ratio >= 0\.6\s+yes$/);
	assert.match(lines[2] ?? "", /^churn-rss-bytes\s+20 MiB\s+<= 16 MiB\s+NO$/);
});

test("verdict: names what is missed", () => {
	assert.equal(formatVerdict([bulk]), "1 of 1 targets met");
	assert.equal(formatVerdict([bulk, leak]), "1 of 2 targets met; missed: churn-rss-bytes");
	assert.equal(formatVerdict([{ ...bulk, note: "no cargo" }]), "1 of 1 targets met\nquic-bulk-64k: no cargo");
});

test("page: names machine, commit and date, and has one row a result", () => {
	const page = formatPage({
		machine: { cpu: "A CPU", cores: 2, memoryBytes: 8 * 2 ** 30, kernel: "6.1", node: "v20", platform: "linux x64", loadAverage: 1.25 },
		commit: "abc1234",
		date: "2026-11-23",
		rounds: 5,
		seconds: 2,
		results: [bulk, leak],
	});
	assert.match(page, /A CPU, 2 cores/);
	assert.match(page, /Load before the run: 1\.25 \(not quiet/);
	assert.match(page, /Commit: abc1234\n- Date: 2026-11-23/);
	assert.equal(page.split("\n").filter((line) => line.startsWith("| `")).length, 2);
	assert.match(page, /1 of 2 targets met; missed: churn-rss-bytes\./);
});
