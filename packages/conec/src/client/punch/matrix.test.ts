import assert from "node:assert/strict";
import { test } from "node:test";
import { type PairOptions, type PairResult, runPair, type SideOptions } from "../../../testing/holepunch-pair-suite.ts";
import type { NatType } from "../../../testing/nat-model-suite.ts";

const TYPES: readonly NatType[] = ["none", "fw", "full", "addr", "port", "sym", "symseq", "blocked"];
const OPEN: ReadonlySet<NatType> = new Set(["none", "full", "addr"]);
const BY_PORT: ReadonlySet<NatType> = new Set(["fw", "port"]);

/** The table of the lab, dialler by acceptor. */
function worksPlainly(a: NatType, b: NatType): boolean {
	if (a === "blocked" || b === "blocked") return false;
	return OPEN.has(a) || OPEN.has(b) || (BY_PORT.has(a) && BY_PORT.has(b));
}

function pair(a: NatType, b: NatType, side: Partial<SideOptions> = {}, options: Partial<PairOptions> = {}): PairResult {
	return runPair({ dialler: { nat: a, ...side }, acceptor: { nat: b, ...side }, ...options });
}

function eachPair(run: (a: NatType, b: NatType, name: string) => void): void {
	for (const a of TYPES) for (const b of TYPES) run(a, b, `${a} - ${b}`);
}

test("matrix: who reaches whom, in both roles, is the lab's table", () => {
	eachPair((a, b, name) => {
		const { up, dialMs, upMs, dialler, acceptor } = pair(a, b);
		assert.equal(up, worksPlainly(a, b), name);
		if (up) {
			// One round trip where both lie open, two where the port has to be learnt first.
			assert.ok((dialMs as number) <= 210, `${name} dials after ${dialMs} ms`);
			assert.ok((upMs as number) <= 400, `${name} is up after ${upMs} ms`);
		} else if (a !== "blocked" && b !== "blocked") {
			assert.match(dialler.reason ?? "", /no answer within 1000 ms from 203\.0\.113\.10:\d+ \(\d+ probes\)/, name);
			assert.notEqual(acceptor.reason, undefined, name);
		}
		for (const client of [dialler, acceptor]) {
			for (const [address, sent] of client.sentTo) assert.ok(sent <= (address.startsWith("10.") ? 6 : 64), `${name}: ${sent} to ${address}`);
		}
	});
});

test("matrix: what a NAT report adds is prediction, for symseq with port and fw only", () => {
	eachPair((a, b, name) => {
		const predicted = (a === "symseq" && BY_PORT.has(b)) || (b === "symseq" && BY_PORT.has(a));
		const { up, dialMs, dialler, acceptor } = pair(a, b, { knows: "truth" });
		assert.equal(up, predicted || worksPlainly(a, b), name);
		assert.ok((dialMs ?? 0) <= 210, `${name} dials after ${dialMs} ms`);
		for (const client of [dialler, acceptor]) assert.ok(Math.max(0, ...client.sentTo.values()) <= 64, name);
	});
});

test("matrix: one side that begins up to 250 ms late changes nothing", () => {
	for (const lateMs of [20, 60, 250]) {
		eachPair((a, b, name) => {
			const predicted = (a === "symseq" && BY_PORT.has(b)) || (b === "symseq" && BY_PORT.has(a));
			for (const late of ["dialler", "acceptor"] as const) {
				const sides = { dialler: { nat: a, knows: "truth" }, acceptor: { nat: b, knows: "truth" } } as const;
				const { up, dialMs } = runPair({ ...sides, [late]: { ...sides[late], lateMs } });
				assert.equal(up, predicted || worksPlainly(a, b), `${name}, ${late} ${lateMs} ms late`);
				assert.ok((dialMs ?? 0) <= lateMs + 300, `${name} dials after ${dialMs} ms, ${late} ${lateMs} ms late`);
			}
		});
	}
});

test("matrix: 5 % loss costs time, not success", () => {
	let pairs = 0;
	for (let seed = 1; seed <= 4; seed++) {
		eachPair((a, b, name) => {
			if (!worksPlainly(a, b)) return;
			pairs++;
			assert.equal(pair(a, b, {}, { loss: 0.05, seed }).up, true, `${name}, seed ${seed}`);
		});
	}
	assert.equal(pairs, 4 * 37);
});

test("matrix: with one side not punching, an open acceptor is still reached", () => {
	for (const [a, b] of [
		["port", "none"],
		["sym", "full"],
		["port", "full"],
	] as const) {
		for (const [one, other] of [
			[true, false],
			[false, true],
			[false, false],
		] as const) {
			const { up } = runPair({ dialler: { nat: a, punch: one }, acceptor: { nat: b, punch: other } });
			assert.equal(up, true, `${a} (${one}) - ${b} (${other})`);
		}
	}
	// The dialler that does not punch opens its own hole; the acceptor must, and does.
	assert.equal(runPair({ dialler: { nat: "port", punch: false }, acceptor: { nat: "port" } }).up, true);
	// An acceptor behind a symmetric NAT is dialled where its probes come from.
	assert.equal(runPair({ dialler: { nat: "full", punch: false }, acceptor: { nat: "sym" } }).up, true);
	assert.equal(runPair({ dialler: { nat: "port", punch: false }, acceptor: { nat: "port", punch: false } }).up, false);
});
