import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { COORDINATOR_DEFAULT_LIMITS, resolveLimits } from "../../limits.ts";
import { HOST_PACKETS, PunchBudget } from "./punch-budget.ts";

test("punch budget: 50 Clients that want one address sprayed get 60 datagrams for any minute, whenever they send them", () => {
	for (const [limits, most] of [
		[COORDINATOR_DEFAULT_LIMITS, 60],
		[resolveLimits({ punchPacketsPerMinute: 600 }, "coordinator"), 600],
	] as const) {
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat({ max: 3_000 }), fc.nat({ max: 10_000 }), fc.boolean()), { minLength: 50, maxLength: 400 }), (asks) => {
				const budget = new PunchBudget(limits);
				const sent: { at: number; packets: number }[] = [];
				let now = 0;
				for (const [later, lifeMs, late] of asks) {
					now += later;
					const packets = budget.grantUnvalidated("203.0.113.9", HOST_PACKETS, now, lifeMs).packets;
					assert.ok(packets <= HOST_PACKETS);
					sent.push({ at: late ? now + lifeMs : now, packets });
				}
				for (const { at: from } of sent) {
					const inMinute = sent.filter(({ at }) => at >= from && at < from + 60_000).reduce((sum, { packets }) => sum + packets, 0);
					assert.ok(inMinute <= most, `${inMinute} from ${from}`);
				}
			}),
			{ numRuns: 100 },
		);
	}
});

test("punch budget: all of it is used where it is asked for, and it comes back", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	const grants = Array.from({ length: 50 }, () => budget.grantUnvalidated("v", HOST_PACKETS, 0, 10_000).packets);
	assert.deepEqual(grants.filter((packets) => packets > 0).length, 10);
	assert.equal(budget.grantUnvalidated("other", HOST_PACKETS, 0, 10_000).packets, HOST_PACKETS);
	assert.equal(budget.grantUnvalidated("v", HOST_PACKETS, 69_999, 10_000).packets, 0);
	assert.equal(budget.grantUnvalidated("v", HOST_PACKETS, 70_000, 10_000).packets, HOST_PACKETS);
});

test("punch budget: a validated address has 64 an attempt and 2,000 a minute; loopback only the first", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	let granted = 0;
	for (let i = 0; i < 100; i++) {
		const packets = budget.grantValidated("r", `from-${i}`, i, 10_000).packets;
		assert.ok(packets <= 64);
		granted += packets;
	}
	assert.equal(granted, 2_000);
	assert.equal(budget.grantValidated("r", "one", 100, 10_000, true).packets, 64);
});

test("punch budget: one requester gets a quarter of what an address may be sent, and others the rest", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	const all = (requester: string): number => {
		let granted = 0;
		for (let i = 0; i < 100; i++) granted += budget.grantValidated("r", requester, i, 10_000).packets;
		return granted;
	};
	assert.deepEqual([all("greedy"), all("greedy"), all("modest"), all("third"), all("fourth"), all("late")], [500, 0, 500, 500, 500, 0]);
	assert.equal(budget.grantValidated("elsewhere", "greedy", 0, 10_000).packets, 64);
	budget.sweep(100_000);
	assert.equal(budget.size, 0);
});

test("punch budget: the birthday method counts for both addresses, or for none", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	for (const other of ["b", "c", "d"]) assert.equal(budget.grantBirthday(["a", other], 0, 15_000), true);
	assert.equal(budget.grantBirthday(["a", "e"], 0, 15_000), false);
	assert.equal(budget.grantBirthday(["e", "f"], 0, 15_000), true);
	assert.equal(budget.grantBirthday(["e", "e"], 0, 15_000), true);
	assert.equal(budget.grantBirthday(["e", "g"], 0, 15_000), true, "one address twice counts once, and what was refused not at all");
	assert.equal(budget.grantBirthday(["e", "h"], 0, 15_000), false);
	assert.equal(budget.grantBirthday(["a", "h"], 75_000, 15_000), true);
	const off = new PunchBudget(resolveLimits({ birthdayPerMinute: 0 }, "coordinator"));
	assert.equal(off.grantBirthday(["a", "b"], 0, 1), false);
});

test("punch budget: it holds only what is recent, and no more addresses than it may", () => {
	const budget = new PunchBudget(resolveLimits({ punchAddresses: 100 }, "coordinator"));
	const granted = Array.from({ length: 1_000 }, (_, i) => budget.grantUnvalidated(`victim ${i}`, HOST_PACKETS, 0, 10_000).packets).filter(
		(packets) => packets > 0,
	);
	assert.equal(granted.length, 100);
	assert.equal(budget.size, 100);
	assert.equal(budget.grantValidated("r", "one", 0, 10_000).packets, 64, "those who named them do not crowd out others");
	budget.sweep(69_999);
	assert.equal(budget.size, 102, "the address, and the share of who asked");
	budget.sweep(70_000);
	assert.equal(budget.size, 0);
	budget.grantUnvalidated("x", 1, 70_000, 1);
	budget.clear();
	assert.equal(budget.size, 0);
});

test("punch budget: what was not sent is there again at once, and what was counts for a minute", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	const grants = Array.from({ length: 7 }, (_, i) => budget.grantValidated("r", "ann", i, 10_000));
	assert.ok(grants.every(({ packets }) => packets === 64));
	assert.equal(budget.grantValidated("r", "ann", 10, 10_000).packets, 52, "the rest of its share");
	assert.equal(budget.grantValidated("r", "ann", 10, 10_000).packets, 0);
	assert.equal(budget.validatedAfterMs("r", "ann", 10), 1_000, "attempts that are under way will give something back");
	for (const grant of grants) grant.settle(3, 500);
	// 500 - 7 x 3 - 52.
	for (let i = 0; i < 6; i++) assert.equal(budget.grantValidated("r", "ann", 500, 10_000).packets, 64);
	assert.equal(budget.grantValidated("r", "ann", 500, 10_000).packets, 43);
	const [first] = grants;
	first?.settle(0, 600);
	first?.extend(600, 1_000_000);
	assert.equal(budget.grantValidated("r", "ann", 600, 10_000).packets, 0, "said once");
	budget.sweep(60_500);
	assert.equal(budget.grantValidated("r", "ann", 60_500, 10_000).packets, 21, "a minute after they were sent");
});

test("punch budget: when all of it has been sent it is there a minute later, and that is said", () => {
	const budget = new PunchBudget(resolveLimits({ punchReflexivePerMinute: 400 }, "coordinator"));
	for (let i = 0; i < 2; i++) budget.grantValidated("r", "ann", 1_000, 10_000).settle(50, 2_000 + i * 1_000);
	assert.equal(budget.grantValidated("r", "ann", 4_000, 10_000).packets, 0);
	assert.equal(budget.validatedAfterMs("r", "ann", 4_000), 58_000);
	assert.equal(budget.grantValidated("r", "ann", 61_999, 10_000).packets, 0);
	assert.equal(budget.grantValidated("r", "ann", 62_000, 10_000).packets, 50);
});

test("punch budget: whatever liars say of themselves, the honest send no more to an address than it may be sent", () => {
	for (const kind of ["validated", "unvalidated"] as const) {
		const most = kind === "validated" ? 2_000 : 60;
		fc.assert(
			fc.property(
				fc.array(
					fc.record({
						later: fc.nat({ max: 800 }),
						lies: fc.boolean(),
						uses: fc.nat({ max: 64 }),
						says: fc.integer({ min: -5, max: 90 }),
						endsAfter: fc.nat({ max: 9_000 }),
					}),
					{
						minLength: 100,
						maxLength: 400,
					},
				),
				(attempts) => {
					const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
					const sent: { at: number; packets: number }[] = [];
					const ends: { at: number; end: () => void }[] = [];
					let now = 0;
					for (const { later, lies, uses, says, endsAfter } of attempts) {
						now += later;
						for (const { at, end } of ends.splice(0).sort((a, b) => a.at - b.at)) at <= now ? end() : ends.push({ at, end });
						const grant =
							kind === "validated"
								? budget.grantValidated("v", lies ? "liar" : `honest ${uses}`, now, 10_000)
								: budget.grantUnvalidated("v", HOST_PACKETS, now, 10_000);
						const at = now + endsAfter;
						// The honest one sends all of it in its last moment, the liar gives back what it never had, again and again.
						const packets = Math.min(uses, grant.packets);
						if (!lies) sent.push({ at, packets });
						ends.push({
							at,
							end: () => {
								for (const one of lies ? [says, 0, -1] : [packets]) grant.settle(one, at);
							},
						});
						budget.sweep(now);
					}
					for (const { at: from } of sent) {
						const inMinute = sent.filter(({ at }) => at >= from && at < from + 60_000).reduce((sum, { packets }) => sum + packets, 0);
						assert.ok(inMinute <= most, `${inMinute} from ${from}`);
					}
				},
			),
			{ numRuns: 60 },
		);
	}
});

test("punch budget: the half of a private address's that is kept back is there for those at its site", () => {
	const budget = new PunchBudget(COORDINATOR_DEFAULT_LIMITS);
	const take = (keptBack: number): number => {
		let taken = 0;
		for (let i = 0; i < 100; i++) taken += budget.grantUnvalidated("192.0.2.1 10.0.0.9", HOST_PACKETS, 0, 10_000, keptBack).packets;
		return taken;
	};
	assert.deepEqual([take(0.5), take(0), take(0.5)], [30, 30, 0]);
});
