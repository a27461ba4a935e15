import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { budgetOf } from "./budget.ts";
import { type HeldKind, Ledger } from "./ledger.ts";
import { LIGHT_BYTES, planRelease, type Release, roomBytes, STALLED_MS } from "./policy.ts";

const MiB = 1_048_576;
const KINDS: readonly HeldKind[] = ["unsent", "unread", "messages", "queues", "fixed"];
const KiB70 = 71_680;

interface Made {
	readonly ledger: Ledger<string>;
	readonly held: Map<string, Record<HeldKind, number>>;
	readonly historyBytes: number;
	readonly stalled: ReadonlySet<string>;
	readonly budgetBytes: number;
}

/** Some parties, of which few hold much. A party's name begins with that of its key. */
function made(seed: number): Made {
	const random = seededRandom(seed);
	const below = (most: number): number => Math.floor(random.fraction() * most);
	const ledger = new Ledger<string>();
	const held = new Map<string, Record<HeldKind, number>>();
	const stalled = new Set<string>();
	const parties = 1 + below(40);
	for (let i = 0; i < parties; i++) {
		const party = `key${below(12)} party${i}`;
		const isHeavy = below(4) === 0;
		const kinds = { unsent: 0, unread: 0, messages: 0, queues: 0, fixed: KiB70 };
		for (const kind of KINDS.slice(0, 4)) kinds[kind] = below(3) === 0 ? 0 : below(isHeavy ? 8 * MiB : 40_000);
		if (below(5) === 0) stalled.add(party);
		held.set(party, kinds);
		for (const kind of KINDS) ledger.add(party, keyOf(party), kind, kinds[kind]);
	}
	const historyBytes = below(3) * below(4 * MiB);
	ledger.addCommon(historyBytes);
	return { ledger, held, historyBytes, stalled, budgetBytes: MiB + below(48 * MiB) };
}

const keyOf = (party: string): string => party.split(" ")[0] as string;
const variable = (kinds: Record<HeldKind, number>): number => kinds.unsent + kinds.unread + kinds.messages;

test("memory policy: nothing is let go while there is room, and otherwise what nobody loses a connection by comes first", () => {
	for (let seed = 0; seed < 600; seed++) {
		const { ledger, held, historyBytes, stalled, budgetBytes } = made(seed);
		const plan = planRelease(ledger, { budgetBytes, historyBytes, stalledMs: (party) => (stalled.has(party) ? STALLED_MS : 0) });
		const room = roomBytes(budgetBytes, ledger.fixedBytes);
		const excess = ledger.bytes - ledger.fixedBytes - room;
		if (excess <= 0) {
			assert.deepEqual(plan, [], `seed ${seed}`);
			continue;
		}
		assert.ok(plan.length > 0 || [...held.values()].every((kinds) => variable(kinds) < LIGHT_BYTES), `seed ${seed}`);
		const order = { histories: 0, queues: 1, close: 2 };
		const ranks = plan.map(({ type }) => order[type]);
		assert.deepEqual(
			ranks,
			[...ranks].sort((a, b) => a - b),
			`seed ${seed}`,
		);
		if (plan.some(({ type }) => type === "close")) {
			// Everything that could be dropped is dropped.
			assert.equal(plan.filter(({ type }) => type === "histories").length, historyBytes > 0 ? 1 : 0, `seed ${seed}`);
			assert.equal(plan.filter(({ type }) => type === "queues").length, [...held.values()].filter(({ queues }) => queues > 0).length, `seed ${seed}`);
		}
	}
});

test("memory policy: who holds little keeps its connection, and who acknowledges nothing loses it before who does", () => {
	let closed = 0;
	for (let seed = 0; seed < 600; seed++) {
		const { ledger, held, historyBytes, stalled, budgetBytes } = made(seed);
		const plan = planRelease(ledger, { budgetBytes, historyBytes, stalledMs: (party) => (stalled.has(party) ? STALLED_MS : 0) });
		const closes = plan.filter((release): release is Extract<Release<string>, { type: "close" }> => release.type === "close");
		closed += closes.length;
		const room = roomBytes(budgetBytes, ledger.fixedBytes);
		const weightOf = (key: string): number => [...held].filter(([party]) => keyOf(party) === key).reduce((sum, [, kinds]) => sum + sumOf(kinds), 0);
		for (const { holder, stalled: isStalled } of closes) {
			const kinds = held.get(holder.party) as Record<HeldKind, number>;
			assert.ok(variable(kinds) >= LIGHT_BYTES, `seed ${seed}: ${holder.party} holds little`);
			assert.equal(isStalled, stalled.has(holder.party) && isStalled, `seed ${seed}`);
			if (!isStalled) {
				assert.ok(weightOf(keyOf(holder.party)) > room / ledger.keys, `seed ${seed}: ${holder.party} has no more than its part`);
				assert.ok(
					[...stalled].every((party) => variable(held.get(party) as Record<HeldKind, number>) < LIGHT_BYTES),
					`seed ${seed}: somebody acknowledges nothing`,
				);
			}
		}
		// The heaviest of a kind comes first: nobody is kept who holds more, with its key, than one who is closed.
		if (closes.length > 0 && !closes.some(({ stalled: yes }) => yes)) {
			const least = Math.min(...closes.map(({ holder }) => weightOf(keyOf(holder.party))));
			for (const [party, kinds] of held)
				if (variable(kinds) >= LIGHT_BYTES && weightOf(keyOf(party)) > least)
					assert.ok(
						closes.some(({ holder }) => holder.party === party),
						`seed ${seed}: ${party} holds more`,
					);
		}
	}
	assert.ok(closed > 30, `${closed}`);
});

const sumOf = (kinds: Record<HeldKind, number>): number => KINDS.reduce((sum, kind) => sum + kinds[kind], 0);

test("memory policy: one heavy key with many parties loses, and a thousand honest Clients lose nothing", () => {
	const ledger = new Ledger<string>();
	for (let i = 0; i < 1_000; i++) {
		ledger.add(`honest ${i}`, `key ${i}`, "fixed", KiB70);
		ledger.add(`honest ${i}`, `key ${i}`, "unsent", 40_000);
	}
	for (let i = 0; i < 600; i++) ledger.add(`hostile ${i}`, "the hostile key", "unsent", 524_288);
	const plan = planRelease(ledger, { budgetBytes: 256 * MiB, historyBytes: 0, stalledMs: () => 0 });
	assert.ok(plan.length > 100);
	for (const release of plan) assert.ok(release.type === "close" && release.holder.party.startsWith("hostile"));
	// It is enough: what is left has room, and an eighth is free.
	const left = ledger.bytes - ledger.fixedBytes - plan.length * 524_288;
	assert.ok(left <= (roomBytes(256 * MiB, ledger.fixedBytes) * 7) / 8, `${left}`);
});

test("memory policy: many idle Clients take at most half of the budget from the others", () => {
	const ledger = new Ledger<string>();
	for (let i = 0; i < 10_000; i++) ledger.add(`idle ${i}`, `key ${i}`, "fixed", KiB70);
	ledger.add("busy", "key of busy", "unsent", 100 * MiB);
	assert.deepEqual(planRelease(ledger, { budgetBytes: 256 * MiB, historyBytes: 0, stalledMs: () => STALLED_MS }), []);
	ledger.add("busy", "key of busy", "unread", 40 * MiB);
	assert.deepEqual(
		planRelease(ledger, { budgetBytes: 256 * MiB, historyBytes: 0, stalledMs: () => 0 }).map((release) => release.type === "close" && release.holder.party),
		["busy"],
	);
});

test("memory policy: who may only be slow to acknowledge has five seconds, if it is not urgent", () => {
	const plan = (bytes: number, stalledMs: number): string[] => {
		const ledger = new Ledger<string>();
		ledger.add("slow", "key of slow", "unsent", 10 * MiB);
		ledger.add("busy", "key of busy", "unsent", bytes - 10 * MiB);
		const releases = planRelease(ledger, { budgetBytes: 100 * MiB, historyBytes: 0, stalledMs: (party) => (party === "slow" ? stalledMs : 0) });
		return releases.map((release) => (release.type === "close" ? release.holder.party : release.type));
	};
	assert.deepEqual(plan(101 * MiB, 1_000), []);
	assert.deepEqual(plan(151 * MiB, 1_000), ["slow"]);
	assert.deepEqual(plan(101 * MiB, 5_000), ["slow"]);
	assert.deepEqual(plan(101 * MiB, 0), ["busy"]);
	assert.deepEqual(plan(100 * MiB, 60_000), []);
});

test("memory ledger: sums are those of what was added, and never below zero", () => {
	for (let seed = 0; seed < 200; seed++) {
		const { ledger, held, historyBytes } = made(seed);
		const sums = [...held.values()].map(sumOf);
		assert.equal(
			ledger.bytes,
			sums.reduce((a, b) => a + b, historyBytes),
		);
		assert.equal(ledger.fixedBytes, held.size * KiB70);
		const before = ledger.bytes;
		ledger.add("key0 party0", "key0", "unsent", -5);
		ledger.add("key0 party0", "key0", "unsent", Number.NaN);
		ledger.addCommon(-7);
		assert.equal(ledger.bytes, before);
		for (const holder of ledger.heaviestFirst()) assert.deepEqual(holder.byKind, held.get(holder.party));
	}
});

test("memory budget: what is given, else a quarter of the machine and at least 256 MiB", () => {
	assert.equal(budgetOf(5 * MiB, 64_000 * MiB), 5 * MiB);
	assert.equal(budgetOf(0, 64_000 * MiB), 16_000 * MiB);
	assert.equal(budgetOf(0, 512 * MiB), 256 * MiB);
});
