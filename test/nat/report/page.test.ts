import assert from "node:assert/strict";
import { test } from "node:test";
import { NAT_KINDS } from "../nat-kind.ts";
import { formatPage, type Results, surprises } from "./page.ts";
import { expectationOf, type FaultRow, judgeCase, judgeCrowd, judgeFault, judgePair, judgeThroughput } from "./results.ts";

const origin = { commit: "abc1234", date: "2026-01-02", machine: "a machine, 2 cores" };
const NETWORKS = {
	carriers: "carriers",
	ipv6: "IPv6 and many interfaces",
	moves: "Clients that moved while they were idle",
	trouble: "trouble at the first try",
	crowd: "a crowd",
} as const;
const tries = (count: number, ok: number, ms: number): { ok: boolean; ms: number }[] => Array.from({ length: count }, (_, i) => ({ ok: i < ok, ms }));

test("results: which pairs can meet follows from mapping and filtering, whoever dials", () => {
	const table = NAT_KINDS.map((a) => NAT_KINDS.map((b) => expectationOf(a, b)[0]).join(""));
	// In the order of NAT_KINDS: none, fw, full, addr, port, reject, masq, eim, adm, sym, symseq, blocked; the initials.
	const easy = "dddddddddddb";
	const filtering = "ddddddddpppb";
	const hard = "dpddpppppppb";
	const filters = [filtering, filtering, filtering, filtering]; // port, reject, masq, eim
	assert.deepEqual(table, [easy, filtering, easy, easy, ...filters, hard, hard, hard, "bbbbbbbbbbbb"]);
	for (const a of NAT_KINDS) for (const b of NAT_KINDS) assert.equal(expectationOf(a, b), expectationOf(b, a), `${a} ${b}`);
	assert.deepEqual([expectationOf("adm", "eim"), expectationOf("adm", "full"), expectationOf("symseq", "eim")], ["proxied", "direct", "predicted"]);
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

test("results: a case has to come to what is expected every time and in time; a crowd is direct where it can be, within a minute", () => {
	const one = { name: "one carrier", expectation: "direct", limitMs: 1_250 } as const;
	assert.deepEqual(judgeCase({ ...one, tries: tries(20, 20, 1_250) }), { met: true, text: "20/20, 1250 ms, at most 1250" });
	assert.deepEqual(
		[tries(20, 19, 300), tries(20, 20, 1_251), []].map((of) => judgeCase({ ...one, tries: of }).met),
		[false, false, false],
	);
	const crowd = { name: "stream", pairs: 3, able: 2, direct: [1_000, 60_000], unexpected: 0 } as const;
	assert.deepEqual(judgeCrowd(crowd), { met: true, text: "2 of 2, half of them after 30.5 s, all after 60.0 s" });
	assert.deepEqual(judgeCrowd({ ...crowd, direct: [1_000] }), { met: false, text: "1 of 2, half of them after 1.0 s, the last one after 1.0 s" });
	assert.equal(judgeCrowd({ ...crowd, direct: [1_000, 60_001] }).met, false);
	assert.equal(judgeCrowd({ ...crowd, able: 0, direct: [] }).met, false, "nobody proves nothing");
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
				{ a: "blocked", b: "none", tries: tries(20, 20, 9_800) },
			],
		},
		ipv6: {
			origin,
			rows: [
				{ name: "one has only IPv6, the other only IPv4", expectation: "proxied", limitMs: 3_000, tries: tries(20, 20, 900) },
				{ name: "both have only IPv6", expectation: "direct", limitMs: 1_250, tries: [{ ok: false, ms: 900, note: "the path is proxied" }] },
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
	assert.match(page, /^Behind a router that lets no UDP through, whoever the peer is: blocked 20\/20, 9800 ms, at most 9800\.$/m);
	assert.match(page, /^\| one has only IPv6, the other only IPv4 \| proxied 20\/20, 900 ms, at most 900 \|$/m);
	assert.match(page, /^\| both have only IPv6 \| \*\*todo\*\* direct 0\/1 \|$/m);
	assert.match(page, /^\| todo: ipv6: both have only IPv6 \| 0\/1 \| not known yet: the path is proxied \|$/m);
	assert.match(page, /^a machine, 2 cores; commit abc1234; 2026-01-02\.$/m);
	assert.doesNotMatch(page, /## Loss and delay/);
	assert.deepEqual(
		surprises(results, known).map(({ name }) => name),
		["port to port", "ipv6: both have only IPv6", "flush of the dialling side"],
	);
});

test("page: what was never measured is a todo; only where all is measured and reached there is nothing to do", () => {
	const all: Required<Results> = {
		pairs: { origin, rows: [{ a: "none", b: "none", tries: tries(20, 20, 300) }] },
		birthday: { origin, rows: [{ name: "sym to port", tries: tries(20, 20, 300) }] },
		carriers: { origin, rows: [{ name: "one carrier", expectation: "direct", limitMs: 1_250, tries: tries(20, 20, 300) }] },
		ipv6: { origin, rows: [{ name: "symmetric", expectation: "direct", limitMs: 1_250, tries: tries(20, 20, 300) }] },
		moves: { origin, rows: [{ name: "another port", expectation: "direct", limitMs: 1_250, tries: tries(20, 20, 300) }] },
		trouble: { origin, rows: [{ name: "dead", expectation: "direct", limitMs: 35_000, tries: tries(20, 20, 30_000) }] },
		crowd: { origin, rows: [{ name: "stream", pairs: 3, able: 2, direct: [1_000, 2_000], unexpected: 0 }] },
		faults: { origin, rows: [{ name: "roam of the dialling side", side: "dialling", tries: [{ pauseMs: 50 }] }] },
		throughput: { origin, rows: [{ rttMs: 40, lossPercent: 1, direct: [9], quinn: [10], correct: true }] },
	};
	const todoOf = (results: Results): string => formatPage(results, new Map()).split("\n## Todo\n\n")[1] ?? "";
	const rowOf = (what: string, section: string): string => `| todo: ${what} | not measured yet | \`npm run test:nat -- --full ${section}\` |`;
	const rows = { pairs: "pairs", birthday: "the birthday method", ...NETWORKS, faults: "faults", throughput: "loss and delay" } as const;
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
