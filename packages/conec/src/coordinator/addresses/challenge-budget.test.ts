import assert from "node:assert/strict";
import { test } from "node:test";
import { ChallengeBudget } from "./challenge-budget.ts";

const [IP, OTHER] = ["203.0.113.9", "203.0.113.10"];

function takeAll(budget: ChallengeBudget, ip: string, nowMs: number): number {
	let taken = 0;
	while (budget.take(ip, nowMs)) taken++;
	return taken;
}

test("challenge budget: so many to one IP address, and as many more in a minute; an answer gives back what was taken, and no more", () => {
	const budget = new ChallengeBudget({ challengesPerMinute: 60, punchAddresses: 10 });
	assert.deepEqual([takeAll(budget, IP, 0), takeAll(budget, OTHER, 0)], [60, 60]);
	assert.equal(takeAll(budget, IP, 10_000), 10);
	for (let i = 0; i < 5; i++) budget.answered(IP);
	assert.equal(takeAll(budget, IP, 10_000), 5);
	for (let i = 0; i < 1_000; i++) budget.answered(IP);
	assert.equal(takeAll(budget, IP, 10_000), 60);
	budget.answered("192.0.2.1");
});

test("challenge budget: an address is forgotten after a minute, and there are so many at most", () => {
	const budget = new ChallengeBudget({ challengesPerMinute: 60, punchAddresses: 10 });
	for (let i = 0; i < 100; i++) assert.equal(budget.take(`192.0.2.${i}`, i), i < 10);
	assert.equal(budget.size, 10);
	budget.take("192.0.2.0", 30_000);
	budget.sweep(60_050);
	assert.equal(budget.size, 1);
	budget.sweep(90_000);
	assert.equal(budget.size, 0);
	assert.equal(new ChallengeBudget({ challengesPerMinute: 0, punchAddresses: 10 }).take(IP, 0), false);
});
