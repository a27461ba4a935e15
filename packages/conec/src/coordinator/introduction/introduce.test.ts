import assert from "node:assert/strict";
import { test } from "node:test";
import { COORDINATOR_DEFAULT_LIMITS } from "../../limits.ts";
import type { NatReport } from "../../wire/channel-messages.ts";
import { type IntroducedSide, type IntroductionTerms, introduce } from "./introduce.ts";
import { birthdayPart, hopelessReason, type ProspectSide } from "./nat-prospects.ts";
import { PunchBudget } from "./punch-budget.ts";

const EASY: NatReport = { mapping: "independent", filtering: "by-port" };
const OPEN: NatReport = { mapping: "independent", filtering: "open" };
const HARD: NatReport = { mapping: "dependent", filtering: "by-port" };
const STEPPING: NatReport = { ...HARD, portStep: 1, lastPort: 9 };
const UNKNOWN: NatReport = { mapping: "unknown", filtering: "unknown" };

const terms = (budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS), changes: Partial<IntroductionTerms> = {}): IntroductionTerms => ({
	...{ budget, requester: "ann", nowMs: 0, lifeMs: 10_000, birthdayLifeMs: 15_000, birthdayFree: true, isOwn: () => false },
	...changes,
});
const side = (address: string, nat: NatReport, birthday = false, hosts: string[] = []): IntroducedSide => ({
	reflexive: { address, port: 1 },
	offer: { hosts: hosts.map((host) => ({ address: host, port: 2 })), nat, punch: true, birthday },
});

/** What one is seen as and names. */
const [V4_A, V4_B, V6_A, V6_B, ULA] = ["192.0.2.1", "192.0.2.2", "2001:db8:a::1", "2001:db8:b::1", "fd00::1"];
const seen = (address: string | undefined, nat: NatReport, hosts: string[] = []): ProspectSide => ({
	nat,
	reflexive: address === undefined ? undefined : { address, port: 1 },
	hosts: hosts.map((host) => ({ address: host, port: 2 })),
});
const hopelessBetween = (a: ProspectSide, b: ProspectSide, birthday = false): boolean => {
	const reason = hopelessReason([a, b], birthday);
	assert.equal(reason, hopelessReason([b, a], birthday), "whoever asks");
	return reason !== undefined;
};

test("prospects: hopeless is what no method of ours gets through", () => {
	const hopeless = (a: NatReport, b: NatReport, birthday = false, sameSite = false): boolean =>
		hopelessBetween(seen(V4_A, a), seen(sameSite ? V4_A : V4_B, b), birthday);
	for (const nat of [EASY, OPEN, UNKNOWN]) for (const other of [EASY, OPEN, UNKNOWN]) assert.equal(hopeless(nat, other), false);
	assert.deepEqual([hopeless(HARD, HARD), hopeless(STEPPING, HARD), hopeless(STEPPING, STEPPING)], [true, true, true]);
	assert.equal(hopeless(HARD, HARD, true), true);
	assert.deepEqual(
		[hopeless(HARD, EASY), hopeless(HARD, EASY, true), hopeless(STEPPING, EASY), hopeless(HARD, OPEN), hopeless(HARD, UNKNOWN)],
		[true, false, false, false, false],
	);
	assert.equal(hopeless(HARD, HARD, false, true), false, "on one network there are host candidates");
});

test("prospects: symmetric NATs of IPv4 are no matter where both have IPv6, and what is said of one family says nothing of the other", () => {
	for (const [a, b, expected, why] of [
		[seen(V4_A, HARD, [V6_A]), seen(V4_B, HARD, ["10.0.0.2", V6_B]), false, "both name a global address"],
		[seen(V4_A, HARD, [V6_A]), seen(V6_B, EASY), false, "one is seen at its own"],
		[seen(V4_A, HARD), seen(V6_B, HARD, ["10.0.0.2"]), false, "reports of two families"],
		[seen(V6_A, HARD), seen(V6_B, HARD), false, "both are seen there"],
		[seen(V4_A, HARD, [V6_A]), seen(V4_B, HARD), true, "only one has IPv6"],
		[seen(V4_A, HARD, [V6_A]), seen(V4_B, EASY, [ULA]), true, "the other's means nothing outside"],
		[seen(V4_A, HARD, ["fe80::1", "2002:c000:204::1", "2001:0:1::1"]), seen(V4_B, HARD, [V6_B]), true, "nor do these"],
		[seen(V4_A, HARD, ["::ffff:10.0.0.9"]), seen(V4_B, HARD, [V6_B]), true, "IPv4 in another spelling"],
		[seen(V4_A, HARD, ["192.0.2.9"]), seen(V4_B, HARD), false, "the router of one has mapped a port"],
		[seen(V4_A, HARD), seen(V4_B, EASY, ["10.0.0.9"]), true, "a private address is no mapped port"],
		[seen(V4_A, EASY), seen(V6_B, EASY), true, "no family in common"],
		[seen(V4_A, EASY, [V6_A]), seen(V6_B, EASY), false, "one"],
		[seen(undefined, HARD, [V6_A]), seen(V4_B, HARD, [V6_B]), false, "no address is proven now"],
		[seen(undefined, EASY), seen(V4_B, EASY), false, "none is known at all"],
	] as const)
		assert.equal(hopelessBetween(a, b), expected, why);
});

test("prospects: the parts of the birthday method", () => {
	assert.deepEqual([birthdayPart([HARD, EASY]), birthdayPart([EASY, HARD])], ["hard", "easy"]);
	for (const nats of [
		[HARD, HARD],
		[EASY, EASY],
		[HARD, OPEN],
		[STEPPING, EASY],
		[UNKNOWN, EASY],
	] as const)
		assert.equal(birthdayPart(nats), undefined);
});

test("introduction: both learn the other's addresses with what they may send, and what gets nothing is left out", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	const [ann, ben] = [side("192.0.2.1", EASY, false, ["10.0.0.1", "203.0.113.9"]), side("192.0.2.2", EASY, false, ["10.0.0.2", "203.0.113.9"])];
	const [toAnn, toBen] = introduce(ann, ben, terms(budget));
	assert.deepEqual(toAnn.candidates, [
		{ address: "192.0.2.2", port: 1, kind: "reflexive", packets: 64 },
		{ address: "10.0.0.2", port: 2, kind: "host", packets: 6 },
		{ address: "203.0.113.9", port: 2, kind: "host", packets: 6 },
	]);
	assert.deepEqual(
		toBen.candidates.map(({ address }) => address),
		["192.0.2.1", "10.0.0.1", "203.0.113.9"],
	);
	let toVictim = 12;
	for (let i = 0; i < 30; i++)
		for (const { candidates } of introduce(ann, ben, terms(budget)))
			for (const { address, packets } of candidates) if (address === "203.0.113.9") toVictim += packets;
	assert.equal(toVictim, 60);
	assert.deepEqual(introduce({ ...ann, reflexive: undefined }, ben, terms())[0].candidates, [], "who has no address of its own can be told of nobody");
});

test("introduction: a mapped port at the address where a Client is seen is told, and costs no more packets than that address has", () => {
	const ann = side("192.0.2.1", EASY, false, ["10.0.0.1"]);
	const mapped = { ...ann, offer: { ...ann.offer, hosts: [{ address: "192.0.2.1", port: 45_000 }, ...ann.offer.hosts] } };
	const [plain, more] = [ann, mapped].map((one) => {
		const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
		const { candidates } = introduce(one, side("198.51.100.1", EASY), terms(budget))[1];
		return { candidates, entries: budget.size };
	});
	const at = more?.candidates.filter(({ address }) => address === "192.0.2.1") ?? [];
	assert.deepEqual(
		at.map(({ port, kind, packets }) => [port === 45_000, kind, packets]),
		[
			[false, "reflexive", 64],
			[true, "host", 6],
		],
	);
	assert.equal(more?.entries, plain?.entries);
	assert.equal(more?.candidates.length, (plain?.candidates.length ?? 0) + 1);
});

test("introduction: two at one site are put off while either of them cannot be told where the other is there", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	const [ann, ben] = [side("192.0.2.1", EASY, false, ["10.0.0.1", "172.17.0.1"]), side("192.0.2.1", EASY, false, ["10.0.0.2", "172.17.0.1"])];
	const waits = (a: IntroducedSide, b: IntroducedSide, at: Partial<IntroductionTerms> = {}): (number | undefined)[] =>
		introduce(a, b, terms(budget, at)).map(({ exhaustedForMs }) => exhaustedForMs);
	assert.deepEqual(waits(ann, ben), [undefined, undefined]);
	// Others want to reach ann meanwhile. What is left of her address is nothing, of ben's much.
	for (let i = 0; i < 9; i++) waits(side("192.0.2.1", EASY, false, []), ann);
	const [toAnn, toBen] = waits(ann, ben, { nowMs: 1 });
	assert.equal(toAnn, undefined);
	assert.ok(toBen !== undefined && toBen >= 250 && toBen <= 60_000, `ben waits ${toBen} ms`);
	assert.deepEqual(
		waits(side("192.0.2.1", EASY), side("192.0.2.1", EASY), { requester: "eve" }),
		[undefined, undefined],
		"who names no address has none to lose",
	);
	assert.deepEqual(waits(ann, ben, { nowMs: 71_000 }), [undefined, undefined]);
	// So are two on one machine.
	const [one, two] = [side("192.0.2.1", EASY, false, ["10.0.0.7"]), side("192.0.2.1", EASY, false, ["10.0.0.7"])];
	for (let i = 0; i < 10; i++) waits(side("192.0.2.1", EASY, false, []), one, { requester: "bob" });
	assert.ok(waits(one, two, { requester: "dan" }).every((ms) => ms !== undefined && ms >= 250));
	// What they name besides does not matter where the Coordinator sees their own address: no NAT is between, or all are on its machine.
	const shared = "203.0.113.9";
	for (let i = 0; i < 12; i++) waits(side(`198.51.100.${i}`, EASY, false, [shared]), side(`198.51.100.${100 + i}`, EASY));
	for (const address of ["192.0.2.77", "127.0.0.1"]) {
		const [first, second] = [side(address, EASY, false, [address, shared]), side(address, EASY, false, [address, shared])];
		assert.deepEqual(waits(first, second, { requester: "eve" }), [undefined, undefined], address);
	}
});

test("introduction: what both call their own comes last", () => {
	const [ann, ben] = [
		side("192.0.2.1", EASY, false, ["172.17.0.1", "10.0.0.1", "2001:db8:a::1"]),
		side("192.0.2.2", EASY, false, ["::ffff:172.17.0.1", "10.0.0.2", "2001:db8:b::1"]),
	];
	assert.deepEqual(
		introduce(ann, ben, terms()).map(({ candidates }) => candidates.map(({ address }) => address)),
		[
			["192.0.2.2", "10.0.0.2", "2001:db8:b::1", "172.17.0.1"],
			["192.0.2.1", "10.0.0.1", "2001:db8:a::1", "172.17.0.1"],
		],
	);
});

test("introduction: the birthday method is granted where both want it, it helps, and the budget allows", () => {
	const [hard, easy] = [side("192.0.2.1", HARD, true), side("192.0.2.2", EASY, true)];
	const granted = introduce(hard, easy, terms());
	assert.deepEqual(
		granted.map(({ birthday }) => birthday),
		["hard", "easy"],
	);
	assert.deepEqual(
		granted.map(({ candidates }) => candidates[0]?.packets),
		[64 + 512, 64 + 2_048],
	);
	const none = (a: IntroducedSide, b: IntroducedSide, with_: IntroductionTerms): void => {
		for (const { birthday, candidates } of introduce(a, b, with_)) assert.deepEqual([birthday, (candidates[0]?.packets ?? 0) <= 64], [undefined, true]);
	};
	none(side("192.0.2.1", HARD, false), easy, terms());
	none(side("2001:db8::1", HARD, true), easy, terms());
	none({ ...hard, offer: { ...hard.offer, punch: false } }, easy, terms());
	none(hard, side("192.0.2.2", OPEN, true), terms());
	none(hard, side("192.0.2.1", EASY, true), terms());
	none(hard, { ...easy, reflexive: undefined }, terms());
	none(hard, easy, terms(undefined, { birthdayFree: false }));
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	for (let i = 0; i < 3; i++) assert.equal(introduce(hard, easy, terms(budget))[0].birthday, "hard");
	none(hard, easy, terms(budget));
});
