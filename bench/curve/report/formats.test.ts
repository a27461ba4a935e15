import assert from "node:assert/strict";
import { test } from "node:test";
import { withPart } from "../../pages/written-part.ts";
import { CURVES, curveOf, PLOTS } from "../catalogue.ts";
import type { Outcome, Step } from "../outcome.ts";
import { formatLines } from "./lines.ts";
import { measuredCurves, type Report } from "./report.ts";
import { CURVE, formatPart, formatStep, formatTable } from "./text.ts";

const busy = { "sender, JavaScript": 0.97 };
const step = (curve: string, x: number, values: Record<string, number>): Step => ({ curve, x, values, busy });
const outcome: Outcome = {
	steps: [
		step("messages-direct", 4_096, { rate: 300, perSecond: 73_000, p50: 0.1, cores: 1 }),
		step("messages-direct", 16, { rate: 20, perSecond: 1_250_000, p50: 0.08, cores: 1 }),
		step("messages-direct", 256, { rate: 250, perSecond: 976_000, p50: 0.09, cores: 1 }),
		step("echo-fast", 10, { perSecond: 20_000, p50: 0.2, p99: 0.5, cores: 1.2 }),
	],
	failures: [{ curve: "echo-fast", x: 5_000, reason: "4,999 of 5,000 Clients are connected" }],
	skipped: [{ what: "delays and losses", reason: "The NAT lab needs root" }],
};
const curves = measuredCurves(outcome, 2);
const report: Report = {
	machine: { cpu: "A CPU", cores: 2, memoryBytes: 8 * 2 ** 30, kernel: "6.1", node: "v20.20.2", platform: "linux x64", loadAverage: 1.25 },
	commit: "abc1234",
	date: "2026-12-01",
	seconds: 512.4,
	curves,
	failures: outcome.failures,
	skipped: outcome.skipped,
};

test("curve report: curves come in their order, those without a step are left out, and bends are found", () => {
	assert.deepEqual(
		curves.map(({ curve }) => curve.name),
		["messages-direct", "echo-fast"],
	);
	assert.deepEqual(
		curves[0]?.steps.map(({ x }) => x),
		[16, 256, 4_096],
	);
	assert.equal(curves[0]?.bend?.x, 256);
	assert.equal(curves[1]?.bend, undefined);
});

test("curve report: steps are written as people say them", () => {
	assert.deepEqual(
		[
			formatStep(16, "bytes"),
			formatStep(4_096, "bytes"),
			formatStep(1_048_576, "bytes"),
			formatStep(1, "streams"),
			formatStep(10_000, "streams"),
			formatStep(0, "ms"),
		],
		["16 B", "4 KiB", "1 MiB", "1 stream", "10,000 streams", "0 ms"],
	);
});

test("curve report: the table has each step, the bend with its cause, what is missing and why", () => {
	const text = formatTable(report);
	assert.match(text, /^256 B +976 k\/s +250 MB\/s +0\.09 ms +1 cores +sender, JavaScript is busy \(0\.97 of a core\)$/m);
	assert.match(
		text,
		/^"MB\/s" bends at 256 B: rises \(0\.91\) before, flat \(0\.07\) behind\. Held back there by sender, JavaScript is busy \(0\.97 of a core\)\.$/m,
	);
	assert.match(text, /^No bend in "echoes\/s"\.$/m);
	assert.match(text, /^skipped: delays and losses: The NAT lab needs root$/m);
	assert.match(text, /^failed: echo-fast, 5000: 4,999 of 5,000 Clients are connected$/m);
	assert.equal(formatTable({ curves: [], skipped: [], failures: [] }), "");
});

test("curve report: the page names machine, commit and load, and has its own place", () => {
	const part = formatPart(report);
	for (const words of [
		"A CPU, 2 cores, 8 GiB",
		"**not quiet**",
		"Commit abc1234, 2026-12-01; one round of each step, 512 s in all",
		"- delays and losses: The NAT lab needs root",
	])
		assert.ok(part.includes(words), words);
	assert.ok(part.includes("| 16 B | 1.25 M/s | 20 MB/s | 0.08 ms |"));
	const page = `before\n${CURVE.begin}\nold\n${CURVE.end}\nafter\n`;
	assert.equal(withPart(page, CURVE, "new"), `before\n${CURVE.begin}\n\nnew\n\n${CURVE.end}\nafter\n`);
	for (const { name } of PLOTS) assert.ok(part.includes(`(performance/${name}.svg)`));
});

test("curve report: a picture has a point for each step within its frame, a large one at the bend, and says everything in words", () => {
	const [plot] = PLOTS;
	assert.ok(plot);
	const svg = formatLines(plot, "commit <abc>", curves) ?? "";
	assert.equal([...svg.matchAll(/<circle /g)].length, 9, "three steps in three panels");
	assert.equal([...svg.matchAll(/class="bend /g)].length, 1);
	assert.ok(svg.includes("commit &lt;abc&gt;") && svg.includes("direct: 16 B 20 MB/s, 256 B 250 MB/s"));
	const height = Number(/viewBox="0 0 720 (\d+)"/.exec(svg)?.[1]);
	for (const [, x, y] of svg.matchAll(/cx="(\d+)" cy="(\d+)"/g)) assert.ok(Number(x) >= 78 && Number(x) <= 520 && Number(y) > 48 && Number(y) < height);
	assert.equal(formatLines(plot, "", []), undefined);
});

test("curve report: every picture can be drawn of every curve, also with figures of nothing", () => {
	const everything: Outcome = {
		steps: CURVES.flatMap(({ name, steps, figures }) => steps.map((x, index) => step(name, x, Object.fromEntries(figures.map(({ key }) => [key, index]))))),
		failures: [],
		skipped: [],
	};
	for (const plot of PLOTS) {
		const svg = formatLines(plot, "", measuredCurves(everything, 2)) ?? "";
		assert.ok(!/NaN|Infinity/.test(svg), plot.name);
		const wanted = plot.panels.flatMap((panel) => panel.curves.flatMap(([name]) => curveOf(name).steps)).length;
		assert.equal([...svg.matchAll(/<circle /g)].length, wanted, plot.name);
	}
});
