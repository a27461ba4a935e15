import assert from "node:assert/strict";
import { test } from "node:test";
import { ACK_EVERY, ageMicros, FanOut, numbered, numberOf, stamp, windowOf } from "./fan-out.ts";

function feed(fanOut: FanOut, member: number, from: number, to: number): void {
	for (let index = from; index < to; index++) {
		fanOut.add(member, index);
	}
}

test("messages: carry their number and the time of sending", () => {
	for (const index of [0, 255, 65_536, 2 ** 32 - 1]) {
		assert.equal(numberOf(numbered(index, 16)), index);
	}
	const message = stamp(numbered(70_000, 64));
	assert.equal(message.length, 64);
	assert.equal(numberOf(message), 70_000);
	assert.ok(ageMicros(message) >= 0 && ageMicros(message) < 1e6);
});

test("window: half a member's buffer, in whole acknowledgements, and never none", () => {
	assert.equal(windowOf(100), 4_096);
	assert.equal(windowOf(1_024), 512);
	assert.equal(windowOf(1_000), 512);
	assert.equal(windowOf(1_048_576), ACK_EVERY);
});

test("fan-out: what the slowest member has is acknowledged, in whole windows", () => {
	const acknowledged: number[] = [];
	const fanOut = new FanOut(2, (messages) => acknowledged.push(messages));
	feed(fanOut, 0, 0, 3 * ACK_EVERY);
	feed(fanOut, 1, 0, ACK_EVERY - 1);
	assert.deepEqual(acknowledged, []);
	feed(fanOut, 1, ACK_EVERY - 1, 2 * ACK_EVERY);
	assert.deepEqual(acknowledged, [ACK_EVERY, 2 * ACK_EVERY]);
	assert.equal(fanOut.has(2 * ACK_EVERY), true);
	assert.equal(fanOut.has(2 * ACK_EVERY + 1), false);
	const { deliveries, reported, unreported, seconds } = fanOut.delivered();
	assert.deepEqual({ deliveries, reported, unreported }, { deliveries: 5 * ACK_EVERY, reported: 0, unreported: 0 });
	assert.ok(seconds >= 0);
});

test("fan-out: a gap in its place is reported, and does not hold up the publisher", () => {
	const acknowledged: number[] = [];
	const fanOut = new FanOut(1, (messages) => acknowledged.push(messages));
	feed(fanOut, 0, 0, 10);
	fanOut.lose(0, 2 * ACK_EVERY);
	feed(fanOut, 0, 10 + 2 * ACK_EVERY, 3 * ACK_EVERY);
	assert.deepEqual(acknowledged, [2 * ACK_EVERY, 3 * ACK_EVERY]);
	const { deliveries, reported, unreported } = fanOut.delivered();
	assert.deepEqual({ deliveries, reported, unreported }, { deliveries: ACK_EVERY, reported: 2 * ACK_EVERY, unreported: 0 });
});

test("fan-out: what is missing without a word, comes twice or was announced wrongly is counted", () => {
	const silent = new FanOut(1);
	silent.add(0, 0);
	silent.add(0, 5);
	assert.equal(silent.delivered().unreported, 4);
	const twice = new FanOut(1);
	twice.add(0, 0);
	twice.add(0, 0);
	assert.equal(twice.delivered().unreported, 1);
	const tooMuch = new FanOut(1);
	tooMuch.lose(0, 3);
	tooMuch.add(0, 2);
	assert.equal(tooMuch.delivered().unreported, 1);
	const tooLittle = new FanOut(1);
	tooLittle.lose(0, 3);
	tooLittle.add(0, 4);
	assert.equal(tooLittle.delivered().unreported, 1);
});
