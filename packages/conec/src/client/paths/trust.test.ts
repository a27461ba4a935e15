import assert from "node:assert/strict";
import { test } from "node:test";
import { DirectTrust, type TrustAct } from "./trust.ts";

/** The peer answers twice. */
function answered(trust: DirectTrust, nowMs: number): TrustAct {
	assert.equal(trust.ask(), "ask");
	assert.equal(trust.answered(nowMs, true), "ask");
	return trust.answered(nowMs, true);
}

test("direct trust: a channel has to answer twice", () => {
	const trust = new DirectTrust();
	assert.equal(answered(trust, 0), "direct");
	assert.deepEqual([trust.trusted, trust.silent, trust.busy], [true, false, false]);
	assert.equal(trust.answered(1, true), "none", "an answer that nobody waits for");
});

test("direct trust: without an answer the peer is asked again later, twice anew", () => {
	const trust = new DirectTrust();
	trust.ask();
	trust.answered(0, true);
	assert.equal(trust.answered(10, false), "none");
	assert.deepEqual([trust.busy, trust.wakeMs], [true, 2_010]);
	assert.equal(trust.wake(2_009), "none");
	assert.equal(trust.wake(2_010), "ask");
	assert.deepEqual([trust.answered(2_020, true), trust.answered(2_030, true)], ["ask", "direct"]);
});

test("direct trust: a channel that carries nothing is left at once, whether it was trusted or not, and asked when it says something", () => {
	const trust = new DirectTrust();
	assert.equal(trust.stalled(0), "none", "there is none");
	trust.ask();
	assert.equal(trust.stalled(0), "proxied");
	assert.equal(trust.silent, true);
	assert.equal(trust.answered(5, true), "none", "an answer to a question from before");
	assert.equal(answered(trust, 10), "direct", "it was never trusted, so it has not failed");
	assert.equal(trust.stalled(20), "proxied");
});

test("direct trust: where it fails soon again and again, streams come back later each time, and one that lasts is as good as new", () => {
	const trust = new DirectTrust();
	let nowMs = 0;
	const waits: number[] = [];
	answered(trust, nowMs);
	for (let count = 0; count < 10; count++) {
		nowMs += 59_999;
		if (count % 2 === 0) {
			trust.leaving();
			trust.over(nowMs, true);
		} else {
			trust.stalled(nowMs);
		}
		const act = answered(trust, nowMs);
		if (act === "none") {
			waits.push((trust.wakeMs - nowMs) / 1_000);
			nowMs = trust.wakeMs;
			assert.equal(trust.wake(nowMs), "ask");
			assert.equal(trust.answered(nowMs, true), "ask");
			assert.equal(trust.answered(nowMs, true), "direct");
		}
	}
	assert.deepEqual(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
	nowMs += 60_000;
	trust.stalled(nowMs);
	assert.equal(answered(trust, nowMs), "direct");
});

test("direct trust: a channel that somebody has closed has not failed", () => {
	const trust = new DirectTrust();
	answered(trust, 0);
	trust.leaving();
	trust.over(10, false);
	assert.equal(answered(trust, 10), "direct");
	assert.equal(trust.wake(10), "none");
});
