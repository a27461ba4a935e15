import assert from "node:assert/strict";
import { test } from "node:test";
import { Credit, HIGH_WATER, Receipts } from "./credit.ts";

test("credit: a sender waits at the mark, until the receiver has told enough", async () => {
	const credit = new Credit();
	assert.equal(credit.took(HIGH_WATER - 1), undefined);
	const wait = credit.took(1);
	assert.ok(wait !== undefined);
	let woken = false;
	void wait.then(() => {
		woken = true;
	});
	credit.acknowledged(0);
	await new Promise((resolve) => setImmediate(resolve));
	assert.ok(!woken);
	credit.acknowledged(1);
	await wait;
	assert.equal(credit.took(0), undefined);
});

test("credit: what a receiver tells always wakes a sender that waits", async () => {
	const credit = new Credit();
	const receipts = new Receipts((bytes) => queueMicrotask(() => credit.acknowledged(bytes)));
	let sent = 0;
	for (let index = 0; index < 2_000; index++) {
		const size = index % 7 === 0 ? HIGH_WATER * 2 : 1_000;
		sent += size;
		const wait = credit.took(size);
		receipts.got(size);
		if (wait !== undefined) await wait;
	}
	assert.ok(sent > HIGH_WATER);
});

test("credit: a receiver tells once for an eighth of the mark", () => {
	const told: number[] = [];
	const receipts = new Receipts((bytes) => told.push(bytes));
	for (let index = 0; index < 16; index++) receipts.got(HIGH_WATER / 16);
	assert.deepEqual(
		told,
		[1, 2, 3, 4, 5, 6, 7, 8].map((part) => (HIGH_WATER / 8) * part),
	);
});
