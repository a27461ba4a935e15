import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
	let resolve!: (value: T) => void;
	let reject!: (error: unknown) => void;
	const promise = new Promise<T>((onValue, onError) => {
		resolve = onValue;
		reject = onError;
	});
	return { promise, resolve, reject };
}

test("turns: what is ready early waits for what was given before, and failures take their turn too", async () => {
	const turns = new Turns();
	const [a, b, c] = [deferred<string>(), deferred<string>(), deferred<string>()];
	const log: string[] = [];
	const note = (word: string): string => {
		log.push(word);
		return word;
	};
	const taken = [turns.take(a.promise, note), turns.take(b.promise, note), turns.take(c.promise, note)];
	taken[1]?.catch(() => log.push("b failed"));
	assert.equal(turns.waiting, 3);
	c.resolve("c");
	b.reject(new Error("no"));
	await new Promise((resolve) => setImmediate(resolve));
	assert.deepEqual(log, []);
	a.resolve("a");
	await turns.idle;
	assert.deepEqual(await Promise.allSettled(taken).then((all) => all.map(({ status }) => status)), ["fulfilled", "rejected", "fulfilled"]);
	assert.deepEqual(log, ["a", "b failed", "c"]);
	assert.equal(turns.waiting, 0);
});

test("turns: the next has its turn when finish was called, not when it has resolved", async () => {
	const turns = new Turns();
	const slow = deferred<void>();
	const first = turns.take(Promise.resolve(), () => slow.promise);
	assert.equal(await turns.take(Promise.resolve(2), (value) => value), 2);
	slow.resolve();
	await first;
	await assert.rejects(
		turns.take(Promise.resolve(), () => {
			throw new RangeError("in finish");
		}),
		RangeError,
	);
	assert.equal(turns.waiting, 0);
});
