import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, type Claim, contend, type Rival } from "./lock-claim.ts";

/** A claim that says what became of it. */
function claimOf(id: string): Claim & { readonly became: string[] } {
	const became: string[] = [];
	return { id, path: id, became, hold: () => void became.push("held"), isVisible: async () => true, withdraw: () => void became.push("withdrawn") };
}

/** A rival that is not decided yet, and then is; it says who was waited for. */
function undecided(id: string, outcome: Answer, waitedFor: string[]): Rival {
	return {
		id,
		ask: async () => ({
			type: "claims",
			outcome: async () => {
				waitedFor.push(id);
				return outcome;
			},
		}),
	};
}

const HELD: Answer = { type: "held", holder: { pid: 17, space: null, host: "a" } };

test("lock claim: whoever goes later waits for the first alone, since waiting may mean looking again and again", async () => {
	const waitedFor: string[] = [];
	const rivals = ["9", "2", "7", "1", "3"].map((id) => undecided(id, HELD, waitedFor));
	const own = claimOf("5");
	assert.deepEqual(
		await contend(
			async () => own,
			async () => rivals,
			1_000,
		),
		{ type: "lost", to: HELD },
	);
	assert.deepEqual(waitedFor, ["1"]);
	assert.deepEqual(own.became, ["withdrawn"]);
});

test("lock claim: whoever is first waits until all the others have gone, and has it then", async () => {
	const waitedFor: string[] = [];
	const rounds = [["9", "7"], ["7"], []].map((ids) => ids.map((id) => undecided(id, { type: "gone" }, waitedFor)));
	const own = claimOf("5");
	assert.deepEqual(
		await contend(
			async () => own,
			async () => rounds.shift() ?? [],
			1_000,
		),
		{ type: "won", claim: own },
	);
	assert.deepEqual(waitedFor, ["9", "7", "7"]);
	assert.deepEqual(own.became, ["held"]);
});

test("lock claim: when the first of them gives up, another claim is made, and that one can win", async () => {
	const waitedFor: string[] = [];
	const claims = [claimOf("5"), claimOf("4")];
	const rounds = [[undecided("1", { type: "gone" }, waitedFor)], []];
	const [first, second] = [...claims];
	assert.deepEqual(
		await contend(
			async () => claims.shift() as Claim,
			async () => rounds.shift() ?? [],
			1_000,
		),
		{ type: "won", claim: second },
	);
	assert.deepEqual([first?.became, second?.became, waitedFor], [["withdrawn"], ["held"], ["1"]]);
});

test("lock claim: nobody is waited for where somebody holds it, or does not answer", async () => {
	for (const taken of [HELD, { type: "silent", errno: "EACCES" }] as const) {
		const waitedFor: string[] = [];
		const rivals = [undecided("1", { type: "gone" }, waitedFor), { id: "9", ask: async () => taken }];
		assert.deepEqual(
			await contend(
				async () => claimOf("5"),
				async () => rivals,
				1_000,
			),
			{ type: "lost", to: taken },
		);
		assert.deepEqual(waitedFor, []);
	}
});

test("lock claim: rounds that take longer than the limit are no reason to give up while others make way", async () => {
	const waitedFor: string[] = [];
	const rounds = [["9", "7"], ["8"], ["1"], ["6"], []].map((ids) => ids.map((id) => undecided(id, { type: "gone" }, waitedFor)));
	assert.equal(
		(
			await contend(
				async () => claimOf("5"),
				async () => rounds.shift() ?? [],
				0,
			)
		).type,
		"won",
	);
	assert.deepEqual(waitedFor, ["9", "7", "8", "1", "6"]);
});

for (const id of ["1", "9"]) {
	test(`lock claim: others that claim and go for ever are not waited for for ever, with ids that go ${id < "5" ? "before" : "behind"}`, async () => {
		const waitedFor: string[] = [];
		const rivals = [undecided(id, { type: "gone" }, waitedFor)];
		assert.deepEqual(
			await contend(
				async () => claimOf("5"),
				async () => rivals,
				0,
			),
			{ type: "lost", to: { type: "silent", errno: undefined } },
		);
		assert.ok(waitedFor.length <= 40);
	});
}

test("lock claim: what stays unclear is waited for until the limit, and no longer", async () => {
	let asked = 0;
	const unclear: Rival = {
		id: "9",
		ask: async () => {
			asked++;
			return { type: "unclear" };
		},
	};
	assert.deepEqual(
		await contend(
			async () => claimOf("5"),
			async () => [unclear],
			60,
		),
		{ type: "lost", to: { type: "silent", errno: undefined } },
	);
	assert.ok(asked <= 5, `${asked}`);
});
