import assert from "node:assert/strict";
import { test } from "node:test";
import { NAT_KINDS } from "../nat-kind.ts";
import { formatPage, type Results, surprises } from "./page.ts";
import { expectationOf, type FaultRow, judgeFault, judgePair, judgeThroughput } from "./results.ts";

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
	const blocked = { a: "none", b: "blocked" } as const;
	assert.deepEqual(
		[10_000, 10_001].map((ms) => judgePair({ ...blocked, tries: tries(20, 20, ms) }).met),
		[true, false],
		"no moment longer than promised",
	);
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

test("results: where the accepting side is struck, no transfer may pause for longer than it takes to find a channel dead", () => {
	const judge = (tries: FaultRow["tries"]): boolean => judgeFault({ name: "flush", side: "accepting", tries }).met;
	assert.equal(judge([{ pauseMs: 15_000 }, { detectionMs: 15_000, againMs: 3_000 }]), true);
	assert.equal(judge([{ pauseMs: 15_001 }]), false);
	assert.equal(judge(Array(99).fill({ pauseMs: 300 }).concat({ pauseMs: 40_000 })), false, "not even one of a hundred");
	assert.equal(judge([{ detectionMs: 15_001, againMs: 100 }]), false);
	assert.deepEqual(judgeFault({ name: "flush", side: "accepting", tries: [{ pauseMs: 200 }, { pauseMs: 40_000 }] }), {
		met: false,
		text: "1/2; pause 20100 ms, p95 40000",
	});
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
		faults: {
			origin,
			rows: [
				{ name: "roam of the dialling side", side: "dialling", tries: [{ pauseMs: 50 }] },
				{ name: "flush of the dialling side", side: "dialling", tries: [{ pauseMs: 50 }, { pauseMs: 4_000, late: "a pause of 4000 ms" }] },
			],
		},
	};
	const known = new Map([["sym to sym", "a reason"]]);
	const page = formatPage(results, known);
	assert.match(page, /^\| \*\*none\*\* \| {2}\| {2}\| direct 20\/20, 300 ms, at most 300 \|$/m);
	assert.match(page, /^\| todo: port to port \| 0\/1 \| not known yet: DIRECT_UNAVAILABLE: a \\\| b c \|$/m);
	assert.match(page, /^\| todo: sym to sym \| .* \| a reason \|$/m);
	assert.match(page, /^\| todo: flush of the dialling side \| 2\/2; .* \| not known yet: a pause of 4000 ms \|$/m);
	assert.match(page, /^a machine, 2 cores; commit abc1234; 2026-01-02\.$/m);
	assert.doesNotMatch(page, /## Loss and delay/);
	assert.deepEqual(
		surprises(results, known).map(({ name }) => name),
		["port to port", "flush of the dialling side"],
	);
});

test("page: what was never measured is a todo; only where all is measured and reached there is nothing to do", () => {
	const all: Required<Results> = {
		pairs: { origin, rows: [{ a: "none", b: "none", tries: tries(20, 20, 300) }] },
		birthday: { origin, rows: [{ name: "sym to port", tries: tries(20, 20, 300) }] },
		faults: { origin, rows: [{ name: "roam of the dialling side", side: "dialling", tries: [{ pauseMs: 50 }] }] },
		throughput: { origin, rows: [{ rttMs: 40, lossPercent: 1, direct: [9], quinn: [10], correct: true }] },
	};
	const todoOf = (results: Results): string => formatPage(results, new Map()).split("\n## Todo\n\n")[1] ?? "";
	const rowOf = (what: string, section: string): string => `| todo: ${what} | not measured yet | \`npm run test:nat -- --full ${section}\` |`;
	const rows = { pairs: "pairs", birthday: "the birthday method", faults: "faults", throughput: "loss and delay" } as const;
	assert.equal(todoOf(all), "Nothing: every figure is reached.\n");
	for (const name of Object.keys(rows) as (keyof typeof rows)[]) {
		const { [name]: _absent, ...others } = all;
		const todo = todoOf(others);
		assert.doesNotMatch(todo, /Nothing/, name);
		assert.deepEqual(todo.trimEnd().split("\n").slice(2), [rowOf(rows[name], name)]);
	}
	assert.deepEqual(
		todoOf({}).trimEnd().split("\n").slice(2),
		Object.entries(rows).map(([name, what]) => rowOf(what, name)),
	);
	const missed: Results = { ...all, pairs: { origin, rows: [{ a: "none", b: "none", tries: tries(20, 19, 300) }] } };
	assert.match(todoOf(missed), /^\| todo: none to none \|/m);
	assert.doesNotMatch(todoOf(missed), /Nothing/);
});
