import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFigure, significant } from "../../pages/numbers.ts";
import { withPart } from "../../pages/written-part.ts";
import type { MeasuredRow } from "../outcome.ts";
import { formatBars } from "./bars.ts";
import { failureLines, type Report } from "./figures.ts";
import { formatPart, PEERS } from "./page.ts";
import { formatTable } from "./table.ts";

const { begin: BEGIN, end: END } = PEERS;

const bulk: MeasuredRow = {
	name: "direct-bulk",
	title: "direct, 64 KiB messages",
	unit: "MB/s",
	better: "higher",
	cells: [
		{ contender: "conec", median: 384, spread: 0.04, rounds: [384, 370, 400] },
		{ contender: "ws", median: 198, spread: 0.05, rounds: [198, 190, 210], ahead: { median: 1.94, low: 1.85, high: 2.01, rounds: 3 } },
		{ contender: "iroh", median: 2.55, spread: 0, rounds: [2.55], ahead: { median: 150.6, low: 150.6, high: 150.6, rounds: 1 } },
	],
};
const rtt: MeasuredRow = {
	name: "direct-rtt",
	title: "direct, 64 B there & back",
	unit: "us",
	better: "lower",
	cells: [{ contender: "conec", median: 126, spread: 0, rounds: [126] }],
};
const report: Report = {
	machine: { cpu: "A CPU", cores: 2, memoryBytes: 8 * 2 ** 30, kernel: "6.1", node: "v20.20.2", platform: "linux x64", loadAverage: 1.25 },
	commit: "abc1234",
	date: "2026-12-01",
	rounds: 9,
	seconds: 0.6,
	contenders: [
		{ name: "conec", what: "this tree" },
		{ name: "ws", what: "`ws` 8" },
		{ name: "iroh", what: "iroh 1" },
	],
	skipped: [{ name: "nats", reason: "nats-server is not installed" }],
	failures: [
		{ where: "direct-bulk", contender: "iroh", reason: "3 sent, 2 came" },
		{ where: "direct-bulk", contender: "iroh", reason: "3 sent, 2 came" },
	],
	rows: [bulk, rtt],
	cpu: [{ figure: "direct-bulk", unit: "GB", cells: [{ contender: "conec", sender: 2.18, hub: 0, receiver: 2.53, total: 4.71 }] }],
};

test("peers report: three significant figures in the scale that fits", () => {
	assert.equal(formatFigure(1_523_456, "/s"), "1.52 M/s");
	assert.equal(formatFigure(999_600, "/s"), "1 M/s");
	assert.equal(formatFigure(42_640, "/s"), "42.6 k/s");
	assert.equal(formatFigure(4_104, "/s"), "4104 /s");
	assert.equal(formatFigure(2.549, "MB/s"), "2.55 MB/s");
	assert.equal(formatFigure(84.24, "us"), "84.2 us");
	assert.equal(formatFigure(0.1934, "share"), "0.193");
	assert.equal(formatFigure(Number.NaN, "ms"), "?");
	assert.equal(significant(0), "0");
	assert.equal(significant(0.0000012345), "0.00000123");
	assert.equal(significant(-1_234.5), "-1235");
	assert.equal(significant(1e21), "1e+21");
});

test("peers report: the table has every system, its ratio and its interval, and says who is missing and why", () => {
	const lines = formatTable(report).split("\n");
	assert.match(lines[1] ?? "", /^direct, 64 KiB messages +conec +384 MB\/s +±4 % +3$/);
	assert.match(lines[2] ?? "", /^ +ws +198 MB\/s +±5 % +1\.9x +1\.9 to 2 +3$/);
	assert.match(lines[3] ?? "", /^ +iroh +2\.55 MB\/s +151x +1$/);
	assert.match(formatTable(report), /^direct-bulk, for a GB +conec +2\.18 +0 +2\.53 +4\.71$/m);
	assert.match(formatTable(report), /^skipped: nats: nats-server is not installed$/m);
	assert.match(formatTable(report), /^failed: iroh, direct-bulk: 3 sent, 2 came \(2 times\)$/m);
});

test("peers report: nothing measured is a table without lines, not an error", () => {
	assert.equal(formatTable({ rows: [], cpu: [], skipped: [], failures: [] }).split("\n").length, 1);
});

test("peers report: failures of one kind are told once", () => {
	assert.deepEqual(failureLines(report.failures), ["iroh, direct-bulk: 3 sent, 2 came (2 times)"]);
	assert.deepEqual(failureLines([]), []);
});

test("peers report: the page names machine, commit, load, rounds and versions, and has one row a figure", () => {
	const part = formatPart(report);
	for (const words of ["A CPU, 2 cores, 8 GiB", "Node.js v20.20.2", "**not quiet**", "Commit abc1234, 2026-12-01; 9 rounds of 0.6 s", "- `ws`: `ws` 8"])
		assert.ok(part.includes(words), words);
	assert.ok(part.includes("| direct, 64 KiB messages | 384 MB/s ±4 % | 198 MB/s ±5 % (1.9x) | 2.55 MB/s (151x) |"));
	assert.ok(part.includes("| direct, 64 B there & back | 126 us |  |  |"));
	assert.ok(part.includes("| direct-bulk, for a GB | 4.71 (2.2 / 0 / 2.5) |  |  |"));
	assert.ok(part.includes("- `nats`: nats-server is not installed"));
	assert.ok(!formatPart({ ...report, machine: { ...report.machine, loadAverage: 0.1 } }).includes("not quiet"));
	assert.ok(!formatPart({ ...report, skipped: [], failures: [] }).includes("Not measured"));
});

test("peers report: only what is between the lines is written, again and again", () => {
	const page = `# Performance\n\nbefore\n\n${BEGIN}\nold\n${END}\n\nafter $& $1\n`;
	const once = withPart(page, PEERS, "new $& text\n");
	assert.equal(once, `# Performance\n\nbefore\n\n${BEGIN}\n\nnew $& text\n\n${END}\n\nafter $& $1\n`);
	assert.equal(withPart(once, PEERS, "new $& text\n"), once);
});

test("peers report: a page without its two lines, or with more, is left alone", () => {
	for (const page of ["", BEGIN, END, `${END} ${BEGIN}`, `${BEGIN}${END}${BEGIN}${END}`, `${BEGIN}${END}${END}`])
		assert.throws(() => withPart(page, PEERS, "x"), /Cannot write docs\/performance\.md/, page);
});

test("peers report: a picture has a bar for each system, within its frame, and says everything in words too", () => {
	const svg = formatBars("Direct <fast>", "commit abc", [bulk, rtt]);
	assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 720 \d+" role="img"/);
	assert.equal([...svg.matchAll(/<rect /g)].length, 4);
	assert.equal([...svg.matchAll(/class="range"/g)].length, 2, "one round has no range");
	assert.ok(svg.includes("Direct &lt;fast&gt;") && svg.includes("there &amp; back") && !svg.includes("<fast>"));
	assert.ok(svg.includes("<desc") && svg.includes("ws 198 MB/s"));
	assert.ok(svg.includes("prefers-color-scheme: dark"));
	const height = Number(/viewBox="0 0 720 (\d+)"/.exec(svg)?.[1]);
	for (const [, x, y, width] of svg.matchAll(/<rect class="\w+" x="(\d+)" y="(\d+)" width="(\d+)"/g)) {
		assert.ok(Number(x) + Number(width) <= 560 && Number(width) >= 1);
		assert.ok(Number(y) + 16 <= height);
	}
});

test("peers report: longer bars are larger figures, and a figure of nothing has a bar one can see", () => {
	const widths = (rows: MeasuredRow[]): number[] => [...formatBars("t", "n", rows).matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
	const [ours = 0, ws = 0, iroh = 0] = widths([bulk]);
	assert.ok(ours > ws && ws > iroh && iroh >= 1);
	assert.deepEqual(widths([{ ...rtt, cells: [{ contender: "conec", median: 0, spread: 0, rounds: [0] }] }]), [1]);
});
