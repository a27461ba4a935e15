import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "./fair-queue.ts";

const all = <T>(queue: FairQueue<string, T>): (T | undefined)[] => Array.from({ length: queue.length }, () => queue.shift());

test("fair queue: owners have their turn one after the other, and each is served in order", () => {
	const queue = new FairQueue<string, string>(100);
	for (const thing of ["a1", "a2", "a3", "b1", "c1", "c2"]) assert.ok(queue.push(thing[0] as string, thing));
	assert.deepEqual(all(queue), ["a1", "b1", "c1", "a2", "c2", "a3"]);
	assert.deepEqual([queue.length, queue.shift()], [0, undefined]);
});

test("fair queue: who comes later waits behind those who have waited, and before what they had behind it", () => {
	const queue = new FairQueue<string, string>(100);
	for (const thing of ["a1", "a2", "a3"]) queue.push("a", thing);
	assert.equal(queue.shift(), "a1");
	queue.push("b", "b1");
	assert.deepEqual(all(queue), ["a2", "b1", "a3"]);
});

test("fair queue: it is bounded in all and for each owner, and a place is free as soon as one has gone", () => {
	const queue = new FairQueue<string, number>(3, 2);
	assert.deepEqual([queue.push("a", 1), queue.push("a", 2), queue.push("a", 3)], [true, true, false]);
	assert.deepEqual([queue.push("b", 4), queue.push("c", 5)], [true, false]);
	assert.deepEqual([queue.length, queue.lengthOf("a"), queue.lengthOf("c")], [3, 2, 0]);
	assert.ok(queue.remove("a", 1));
	assert.deepEqual([queue.remove("a", 1), queue.remove("c", 5), queue.push("c", 5), queue.length], [false, false, true, 3]);
	assert.deepEqual(all(queue), [2, 4, 5]);
});

test("fair queue: an owner who may not go keeps its turn", () => {
	const queue = new FairQueue<string, string>(100);
	for (const thing of ["a1", "b1", "b2"]) queue.push(thing[0] as string, thing);
	assert.deepEqual([queue.shift((owner) => owner !== "a"), queue.shift(() => false)], ["b1", undefined]);
	assert.deepEqual(all(queue), ["a1", "b2"]);
});

test("fair queue: gives out what is chosen, and nothing is left of an owner whose last thing has gone", () => {
	const queue = new FairQueue<string, string>(100);
	for (const thing of ["a1", "a2", "b1", "b2"]) queue.push(thing[0] as string, thing);
	assert.deepEqual(
		queue.removeAll((thing) => thing.endsWith("1")),
		["a1", "b1"],
	);
	assert.deepEqual([queue.lengthOf("a"), queue.removeAll(), queue.length, queue.shift()], [1, ["a2", "b2"], 0, undefined]);
});
