import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_LIMITS, resolveLimits } from "../options.ts";
import { HOST_PACKETS, PunchBudget } from "./punch-budget.ts";

test("punch budget: 50 Clients that want one address sprayed get 60 datagrams for any minute, whenever they send them", () => {
	for (const [limits, most] of [
		[DEFAULT_LIMITS, 60],
		[resolveLimits({ punchPacketsPerMinute: 600 }), 600],
	] as const) {
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat({ max: 3_000 }), fc.nat({ max: 10_000 }), fc.boolean()), { minLength: 50, maxLength: 400 }), (asks) => {
				const budget = new PunchBudget(limits);
				const sent: { at: number; packets: number }[] = [];
				let now = 0;
				for (const [later, lifeMs, late] of asks) {
					now += later;
					const packets = budget.grantUnvalidated("203.0.113.9", HOST_PACKETS, now, lifeMs);
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
	const budget = new PunchBudget(DEFAULT_LIMITS);
	const grants = Array.from({ length: 50 }, () => budget.grantUnvalidated("v", HOST_PACKETS, 0, 10_000));
	assert.deepEqual(grants.filter((packets) => packets > 0).length, 10);
	assert.equal(budget.grantUnvalidated("other", HOST_PACKETS, 0, 10_000), HOST_PACKETS);
	assert.equal(budget.grantUnvalidated("v", HOST_PACKETS, 69_999, 10_000), 0);
	assert.equal(budget.grantUnvalidated("v", HOST_PACKETS, 70_000, 10_000), HOST_PACKETS);
});

test("punch budget: a validated address has 64 an attempt and 2,000 a minute; loopback only the first", () => {
	const budget = new PunchBudget(DEFAULT_LIMITS);
	let granted = 0;
	for (let i = 0; i < 100; i++) {
		const packets = budget.grantValidated("r", i, 10_000);
		assert.ok(packets <= 64);
		granted += packets;
	}
	assert.equal(granted, 2_000);
	assert.equal(budget.grantValidated("r", 100, 10_000, true), 64);
});

test("punch budget: the birthday method counts for both addresses, or for none", () => {
	const budget = new PunchBudget(DEFAULT_LIMITS);
	for (const other of ["b", "c", "d"]) assert.equal(budget.grantBirthday(["a", other], 0, 15_000), true);
	assert.equal(budget.grantBirthday(["a", "e"], 0, 15_000), false);
	assert.equal(budget.grantBirthday(["e", "f"], 0, 15_000), true);
	assert.equal(budget.grantBirthday(["e", "e"], 0, 15_000), true);
	assert.equal(budget.grantBirthday(["e", "g"], 0, 15_000), true, "one address twice counts once, and what was refused not at all");
	assert.equal(budget.grantBirthday(["e", "h"], 0, 15_000), false);
	assert.equal(budget.grantBirthday(["a", "h"], 75_000, 15_000), true);
	const off = new PunchBudget(resolveLimits({ birthdayPerMinute: 0 }));
	assert.equal(off.grantBirthday(["a", "b"], 0, 1), false);
});

test("punch budget: it holds only what is recent, and no more addresses than it may", () => {
	const budget = new PunchBudget(resolveLimits({ punchAddresses: 100 }));
	const granted = Array.from({ length: 1_000 }, (_, i) => budget.grantUnvalidated(`victim ${i}`, HOST_PACKETS, 0, 10_000)).filter((packets) => packets > 0);
	assert.equal(granted.length, 100);
	assert.equal(budget.size, 100);
	assert.equal(budget.grantValidated("r", 0, 10_000), 64, "those who named them do not crowd out others");
	budget.sweep(69_999);
	assert.equal(budget.size, 101);
	budget.sweep(70_000);
	assert.equal(budget.size, 0);
	budget.grantUnvalidated("x", 1, 70_000, 1);
	budget.clear();
	assert.equal(budget.size, 0);
});
