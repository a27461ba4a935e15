import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusFeed } from "./status-feed.ts";

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
	const found: T[] = [];
	for await (const one of source) found.push(one);
	return found;
}

test("status feed: every listener hears what happens after it came, in order", async () => {
	const feed = new StatusFeed<number>(4);
	feed.emit(0);
	const first = feed.listen();
	feed.emit(1);
	const second = feed.listen();
	feed.emit(2);
	const third = feed.listen(7);
	feed.end();
	assert.deepEqual(await all(third), [7]);
	assert.deepEqual(await all(first), [1, 2]);
	assert.deepEqual(await all(second), [2]);
	assert.deepEqual(await all(feed.listen()), []);
	assert.equal(feed.listeners, 0);
});

test("status feed: a slow listener loses the oldest and is told how many, again and again", async () => {
	const feed = new StatusFeed<number>(3);
	const slow = feed.listen();
	for (let i = 0; i < 8; i++) feed.emit(i);
	assert.deepEqual((await slow.next()).value, { type: "lagged", lost: 5 });
	assert.equal((await slow.next()).value, 5);
	for (let i = 8; i < 10; i++) feed.emit(i);
	assert.deepEqual((await slow.next()).value, { type: "lagged", lost: 1 });
	feed.end();
	assert.deepEqual(await all(slow), [7, 8, 9]);
});

test("status feed: a waiting listener is answered, break lets it go", async () => {
	const feed = new StatusFeed<number>(3);
	const waiting = feed.listen().next();
	feed.emit(1);
	assert.deepEqual(await waiting, { done: false, value: 1 });
	const listener = feed.listen();
	feed.emit(2);
	for await (const notice of listener) {
		assert.equal(notice, 2);
		break;
	}
	assert.equal(feed.listeners, 1);
	assert.equal((await listener.next()).done, true);
	const ended = feed.listen().next();
	feed.end();
	assert.equal((await ended).done, true);
});
