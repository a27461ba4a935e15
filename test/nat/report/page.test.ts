import assert from "node:assert/strict";
import { test } from "node:test";
import { NAT_KINDS } from "../nat-kind.ts";
import { formatPage, type Results, surprises } from "./page.ts";
import { expectationOf, judgeFault, judgePair, judgeThroughput } from "./results.ts";

const origin = { commit: "abc1234", date: "2026-01-02", machine: "a machine, 2 cores" };
const tries = (count: number, ok: number, ms: number): { ok: boolean; ms: number }[] => Array.from({ length: count }, (_, i) => ({ ok: i < ok, ms }));

test("results: which pairs can meet follows from mapping and filtering, whoever dials", () => {
	const table = NAT_KINDS.map((a) => NAT_KINDS.map((b) => expectationOf(a, b)[0]).join("")).join(" ");
	//                 none     fw       full     addr     port     sym      symseq   blocked; in that order, the initials
	assert.equal(table, "dddddddb dddddppb dddddddb dddddddb dddddppb dpddpppb dpddpppb bbbbbbbb");
	for (const a of NAT_KINDS) for (const b of NAT_KINDS) assert.equal(expectationOf(a, b), expectationOf(b, a), `${a} ${b}`);
	assert.deepEqual([expectationOf("symseq", "fw"), expectationOf("sym", "fw"), expectationOf("symseq", "symseq")], ["predicted", "proxied", "proxied"]);
});

test("results: a direct pair has to be there every time and in time, a predicted one 95 times of 100", () => {
	const direct = { a: "port", b: "port" } as const;
	assert.deepEqual(judgePair({ ...direct, tries: tries(20, 20, 400) }), { met: true, text: "20/20, 400 ms, at most 400" });
	assert.equal(judgePair({ ...direct, tries: tries(20, 19, 400) }).met, false);
	assert.deepEqual(judgePair({ ...direct, tries: tries(20, 20, 1_501) }), { met: false, text: "0/20, 1501 ms, at most 1501" });
	assert.equal(judgePair({ ...direct, tries: [] }).met, false);
	const predicted = { a: "symseq", b: "port" } as const;
	assert.equal(judgePair({ ...predicted, tries: tries(20, 19, 5_000) }).met, true);
	assert.equal(judgePair({ ...predicted, tries: tries(20, 18, 400) }).met, false);
});

test("results: one of twenty pauses may be long, and none that ended badly is forgotten", () => {
	const row = (pauses: number[], problems = 0) => ({
		name: "roam",
		side: "dialling" as const,
		tries: [...pauses.map((pauseMs) => ({ pauseMs })), ...Array.from({ length: problems }, () => ({ problem: "gone" }))],
	});
	assert.equal(judgeFault(row(Array(19).fill(100).concat(9_000))).met, true);
	assert.equal(judgeFault(row(Array(18).fill(100).concat(9_000, 9_000))).met, false);
	assert.equal(judgeFault(row(Array(19).fill(100), 1)).met, false);
	assert.deepEqual(judgeFault(row([100, 300], 0)), { met: true, text: "2/2; pause 200 ms, p95 300" });
});

test("results: throughput is a ratio of medians, and worth nothing when bytes are wrong", () => {
	const row = { rttMs: 40, lossPercent: 1, direct: [8, 9, 1], quinn: [10, 10, 10], correct: true };
	assert.deepEqual(judgeThroughput(row), { met: true, text: "8.00 of 10.00 Mbit/s, 0.80" });
	assert.equal(judgeThroughput({ ...row, correct: false }).met, false);
	assert.equal(judgeThroughput({ ...row, direct: [] }).met, false);
});

test("page: what is missed is a visible todo, with the reason where it is known, and a surprise where it is not", () => {
	const results: Results = {
		pairs: {
			origin,
			rows: [
				{ a: "none", b: "sym", tries: tries(20, 20, 300) },
				{ a: "port", b: "port", tries: [{ ok: false, ms: 10_000, note: "DIRECT_UNAVAILABLE: a | b\nc" }] },
				{ a: "sym", b: "sym", tries: tries(20, 20, 9_000) },
			],
		},
		faults: { origin, rows: [{ name: "roam of the dialling side", side: "dialling", tries: [{ pauseMs: 50 }] }] },
	};
	const known = new Map([["sym to sym", "a reason"]]);
	const page = formatPage(results, known);
	assert.match(page, /^\| \*\*none\*\* \| {2}\| {2}\| direct 20\/20, 300 ms, at most 300 \|$/m);
	assert.match(page, /^\| todo: port to port \| 0\/1 \| not known yet: DIRECT_UNAVAILABLE: a \\\| b c \|$/m);
	assert.match(page, /^\| todo: sym to sym \| .* \| a reason \|$/m);
	assert.match(page, /^a machine, 2 cores; commit abc1234; 2026-01-02\.$/m);
	assert.doesNotMatch(page, /## Loss and delay/);
	assert.deepEqual(
		surprises(results, known).map(({ name }) => name),
		["port to port"],
	);
	assert.match(formatPage({ faults: results.faults as NonNullable<Results["faults"]> }, new Map()), /Nothing: every figure is reached\./);
});
