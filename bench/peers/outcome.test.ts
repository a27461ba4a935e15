import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "./catalogue.ts";
import type { Sample } from "./loads/sample.ts";
import { cpuRows, measuredRows, type Outcome } from "./outcome.ts";

const rate: Row = { name: "rate", figure: "bulk", key: "value", title: "bulk", unit: "MB/s", better: "higher" };
const time: Row = { name: "time", figure: "rtt", key: "p50", title: "rtt", unit: "us", better: "lower" };

/** Samples by figure, by system, round by round; a hole is a round in which it did not take part. */
function outcomeOf(figures: Readonly<Record<string, Readonly<Record<string, readonly (number | Sample | undefined)[]>>>>, key = "value"): Outcome {
	const samples: Outcome["samples"] = new Map();
	for (const [figure, byContender] of Object.entries(figures)) {
		const map = new Map<string, Map<number, Sample>>();
		for (const [contender, values] of Object.entries(byContender)) {
			const rounds = new Map<number, Sample>();
			for (const [round, value] of values.entries())
				if (value !== undefined) rounds.set(round, typeof value === "number" ? { values: { [key]: value } } : value);
			map.set(contender, rounds);
		}
		samples.set(figure, map);
	}
	return { samples, failures: [] };
}

test("outcome: ratios are taken round by round, and then their median", () => {
	// The machine is twice as fast in the second round: both medians are of other rounds than the ratio's.
	const outcome = outcomeOf({ bulk: { conec: [300, 800, 330], ws: [100, 200, 150] } });
	const [row] = measuredRows([rate], outcome, ["conec", "ws"]);
	assert.deepEqual(
		row?.cells.map(({ contender, median }) => [contender, median]),
		[
			["conec", 330],
			["ws", 150],
		],
	);
	assert.equal(row?.cells[0]?.ahead, undefined);
	assert.equal(row?.cells[1]?.ahead?.median, 3);
	assert.equal(row?.cells[1]?.ahead?.rounds, 3);
	assert.ok((row?.cells[1]?.ahead?.low ?? 0) >= 2.2 && (row?.cells[1]?.ahead?.high ?? 9) <= 4);
});

test("outcome: where lower is better, half of the time is twice as far", () => {
	const [row] = measuredRows([time], outcomeOf({ rtt: { conec: [50], ws: [100] } }, "p50"), ["conec", "ws"]);
	assert.equal(row?.cells[1]?.ahead?.median, 2);
});

test("outcome: only rounds that both took part in are compared", () => {
	const outcome = outcomeOf({ bulk: { conec: [300, undefined, 500], iroh: [30, 5, undefined] } });
	const [row] = measuredRows([rate], outcome, ["conec", "iroh"]);
	assert.deepEqual(row?.cells[1]?.rounds, [30, 5]);
	assert.deepEqual(row?.cells[1]?.ahead, { median: 10, low: 10, high: 10, rounds: 1 });
});

test("outcome: without Conec there is no ratio, and without any figure no row", () => {
	const outcome = outcomeOf({ bulk: { ws: [100] } });
	const rows = measuredRows([rate, time], outcome, ["conec", "ws"]);
	assert.deepEqual(
		rows.map(({ name, cells }) => [name, cells.length, cells[0]?.ahead]),
		[["rate", 1, undefined]],
	);
});

test("outcome: another use of Conec is compared with what the others have", () => {
	const outcome = outcomeOf({ bulk: { conec: [1], ws: [100] }, batches: { conec: [250] } });
	const [row] = measuredRows([{ ...rate, ours: "batches" }], outcome, ["conec", "ws"]);
	assert.deepEqual(
		row?.cells.map(({ median }) => median),
		[250, 100],
	);
	assert.equal(row?.cells[1]?.ahead?.median, 2.5);
	assert.deepEqual(measuredRows([{ ...rate, ours: "batches" }], outcomeOf({ bulk: { ws: [100] } }), ["conec", "ws"]), [], "a row that is about Conec alone");
});

test("outcome: a share is of the same system in the same round", () => {
	const outcome = outcomeOf({ json: { conec: [20, 30, 9], ws: [30] }, bulk: { conec: [100, 100], ws: [60] } });
	const [row] = measuredRows([{ ...rate, figure: "json", shareOf: "bulk", unit: "share" }], outcome, ["conec", "ws"]);
	assert.deepEqual(row?.cells[0]?.rounds, [0.2, 0.3], "the third round has no whole");
	assert.deepEqual(row?.cells[1]?.rounds, [0.5]);
	assert.equal(row?.cells[1]?.ahead?.median, 0.4);
});

test("outcome: CPU seconds are medians by process, and those of whoever has none are left out", () => {
	const of = (sender: number, hub: number, receiver: number): Sample => ({ values: { value: 1 }, cpu: { sender, hub, receiver } });
	const outcome = outcomeOf({ bulk: { conec: [of(1, 0, 4), of(3, 1, 2), of(2, 0, 9)], ws: [1] } });
	const [row, ...more] = cpuRows(
		[
			{ name: "bulk", group: "direct", cpuUnit: "GB" },
			{ name: "rtt", group: "direct" },
		],
		outcome,
		["conec", "ws"],
	);
	assert.deepEqual(row, { figure: "bulk", unit: "GB", cells: [{ contender: "conec", sender: 2, hub: 0, receiver: 4, total: 6 }] });
	assert.deepEqual(more, []);
});
