import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketLimiter } from "./packet-limiter.ts";

test("packet limiter: 60 in any minute to one address, whoever asks, and others are not touched", () => {
	const limiter = new PacketLimiter({ packetsPerMinute: 60 });
	const taken: number[] = [];
	for (let now = 0; now < 240_000; now += 250) if (limiter.take(now, "10.0.0.1")) taken.push(now);
	for (const [index, time] of taken.entries()) {
		assert.ok(taken.filter((other) => other >= time && other < time + 60_000).length <= 60, `packet ${index}`);
	}
	assert.equal(taken.length, 240);
	assert.equal(limiter.take(240_000, "10.0.0.2"), true);
});

test("packet limiter: a full table lets no new address in until an old one is a minute still", () => {
	const limiter = new PacketLimiter({ packetsPerMinute: 2, addresses: 3 });
	for (const [index, address] of ["a", "b", "c"].entries()) assert.equal(limiter.take(index * 1000, address), true);
	assert.equal(limiter.take(3000, "d"), false);
	assert.equal(limiter.take(3000, "a"), true);
	assert.equal(limiter.take(3000, "a"), false);
	assert.equal(limiter.take(60_999, "d"), false);
	assert.equal(limiter.take(61_000, "d"), true);
	assert.equal(limiter.take(61_000, "a"), true);
	assert.equal(limiter.take(61_000, "a"), false);
});

test("packet limiter: none is none", () => {
	assert.equal(new PacketLimiter({ packetsPerMinute: 0 }).take(0, "a"), false);
});
