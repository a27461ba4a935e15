import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { coresIn } from "./cores.ts";
import { KINDS, kindOf } from "./kinds/index.ts";
import type { Round } from "./round.ts";
import { losses, missed, plainLosses, table } from "./verdict.ts";

const times = (p99: number): Round["bystanders"]["echo"] => ({ count: 10, p50: 1, p99, max: p99 });

function round(changes: Partial<Round> = {}, p99 = 1): Round {
	const all = times(p99);
	return {
		name: "pongs",
		coordinator: { delay: { p50: 0, p99, max: p99 }, defence: {}, refused: {}, clientCount: 1, heapBytes: 0 },
		bystanders: { echo: all, direct: all, victim: all, stream: all, toVictim: all, connect: all, lost: {} },
		deeds: { acts: 800, closed: 0, gained: 0 },
		seconds: 8,
		cores: { js: 0.25, io: 0.2, others: 0.1, attackers: 1 },
		rssBefore: 80e6,
		rssPeak: 90e6,
		faults: [],
		realSources: true,
		...changes,
	};
}

const lost = (what: Record<string, number>): Partial<Round> => ({ bystanders: { ...round().bystanders, lost: what } });

test("verdict: a round holds if every figure is at most what it may be, and nothing was lost", () => {
	assert.deepEqual(missed(round()), []);
	assert.deepEqual(missed(round({}, 50)), []);
	assert.deepEqual(missed(round({}, 51)), ["echo 51 ms", "event loop 51 ms"]);
	assert.deepEqual(missed(round({ rssLeft: 32 * 1_048_576 })), []);
	assert.deepEqual(missed(round({ rssLeft: 40e6 })), ["40 MB stay"]);
	assert.deepEqual(missed(round({ faults: ["coordinator: hangs"] })), ["coordinator: hangs"]);
});

test("verdict: a figure that is missing does not hold", () => {
	assert.deepEqual(missed(round({}, Number.NaN)), ["echo NaN ms", "event loop NaN ms", "connect NaN ms"]);
});

test("verdict: what is lost is told with its number, and what an attacker gained is a loss", () => {
	const all = { "the id victim: DISCONNECTED": 1, "a stream: PEER_BUSY": 7, "a stream: slower than 5 s": 3, "a connect: PEER_TIMEOUT": 2 };
	assert.deepEqual(losses(round(lost(all))), [
		"the id victim: DISCONNECTED",
		"a stream: PEER_BUSY (7 times)",
		"a stream: slower than 5 s (3 times)",
		"a connect: PEER_TIMEOUT (2 times)",
	]);
	// Those that a slow machine brings about, too, are no plain losses.
	assert.deepEqual(plainLosses(round(lost(all))), ["the id victim: DISCONNECTED", "a stream: PEER_BUSY (7 times)"]);
	assert.deepEqual(plainLosses(round({ deeds: { acts: 1, closed: 0, gained: 2 } })), ["gained: 2"]);
});

test("verdict: the table has a line for each round, and says which came from loopback although they should not", () => {
	const lines = table([round(), round({ name: "places", realSources: false, rssLeft: -2e6 })]).split("\n");
	assert.equal(lines.length, 4);
	assert.match(lines[2] ?? "", /^\| pongs \| 100 \|.* \| 25 \| 20 \| 10 \| 80 to 90 \| - \|$/);
	assert.match(lines[3] ?? "", /^\| places \(loopback\) \|.* \| 80 to 90, -2 \| - \|$/);
	assert.equal(new Set(lines.map((line) => line.split("|").length)).size, 1);
});

test("attacks: every kind has a name of its own, and docs/security.md says what holds it", () => {
	const names = KINDS.map(({ name }) => name);
	assert.equal(new Set(names).size, names.length);
	const page = readFileSync(join(import.meta.dirname, "../../docs/security.md"), "utf8");
	assert.deepEqual(
		names.filter((name) => !page.includes(`\`${name}\``)),
		[],
	);
	assert.throws(() => kindOf("kindness"), /there is no attack "kindness"/);
});

test("cores: a list of cores is read as Linux writes it", () => {
	assert.deepEqual(coresIn("0-2,5"), [0, 1, 2, 5]);
	assert.deepEqual(coresIn("3"), [3]);
	assert.deepEqual(coresIn(""), []);
});
