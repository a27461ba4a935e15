import assert from "node:assert/strict";
import { test } from "node:test";
import { SpareItems } from "./spare-items.ts";

test("spare items: the holder with most in all gives up what has been there longest, and who has little gives up nothing", () => {
	const spare = new SpareItems<string, number>();
	const held: Record<string, number> = { ann: 5, ben: 9, cid: 20 };
	for (const [holder, item] of [
		["ann", 1],
		["ben", 2],
		["ben", 3],
		["ann", 4],
	] as const)
		spare.add(holder, item);
	const victim = (least: number): number | undefined => spare.victim((holder) => held[holder] ?? 0, least);
	assert.equal(victim(0), 2, "cid has most, and nothing to spare");
	assert.deepEqual([victim(8), victim(9)], [2, undefined]);
	spare.delete("ben", 2);
	spare.add("ben", 2);
	assert.equal(victim(0), 3, "one that was needed in between counts from anew");
	for (const item of [2, 3]) spare.delete("ben", item);
	assert.equal(victim(0), 1);
	for (const item of [1, 4, 4]) spare.delete("ann", item);
	assert.deepEqual([victim(0), spare.size], [undefined, 0]);
});
