import assert from "node:assert/strict";
import { test } from "node:test";
import { makeSelfSigned } from "./self-signed.ts";
import { atTime, type ExpiryClock, readValidity } from "./validity.ts";

const HOUR_MS = 3_600_000;

/** A clock that only moves when it is told to; its wall time may be set apart from its timers. */
class Clock implements ExpiryClock {
	wallMs = 1_000_000;
	waiting: { readonly callback: () => void; readonly delayMs: number } | undefined;

	now(): number {
		return this.wallMs;
	}

	setTimeout(callback: () => void, delayMs: number): () => void {
		this.waiting = { callback, delayMs };
		return () => {
			this.waiting = undefined;
		};
	}

	/** Lets the pending timer fire. */
	fire(): void {
		const waiting = this.waiting;
		assert.ok(waiting);
		this.waiting = undefined;
		this.wallMs += waiting.delayMs;
		waiting.callback();
	}
}

test("validity: is read from a certificate, the last second in full", async () => {
	const nowMs = Date.UTC(2030, 0, 1);
	const { certificates } = await makeSelfSigned({ names: ["a"], nowMs }, "ephemeral");
	const { fromMs, toMs } = readValidity(certificates[0] as Uint8Array);
	assert.equal(fromMs, nowMs - 5 * 60_000);
	assert.equal(toMs, nowMs + 3_652 * 24 * HOUR_MS + 999);
	assert.throws(() => readValidity(new Uint8Array(4)), { code: "CERTIFICATE_INVALID" });
});

test("expiry: calls back once, right after the time, however far away it is", () => {
	const clock = new Clock();
	let calls = 0;
	const end = clock.wallMs + 100 * 24 * HOUR_MS;
	atTime(end, () => calls++, clock);
	while (clock.waiting !== undefined) {
		assert.ok(clock.waiting.delayMs <= HOUR_MS);
		assert.equal(calls, 0);
		clock.fire();
	}
	assert.equal(calls, 1);
	assert.ok(clock.wallMs > end && clock.wallMs <= end + 1);
});

test("expiry: a clock that is set forward is noticed within the hour, one that is set back makes it wait", () => {
	const clock = new Clock();
	let calls = 0;
	atTime(clock.wallMs + 2 * HOUR_MS, () => calls++, clock);
	clock.fire();
	clock.wallMs -= 10 * HOUR_MS;
	for (let i = 0; i < 10; i++) clock.fire();
	assert.equal(calls, 0);
	clock.wallMs += 24 * HOUR_MS;
	clock.fire();
	clock.fire();
	assert.deepEqual([calls, clock.waiting], [1, undefined]);
});

test("expiry: what is over already is told soon, but never from inside the call; cancelled, it is never told", () => {
	const clock = new Clock();
	let calls = 0;
	const count = (): number => calls++;
	atTime(clock.wallMs - 1, count, clock);
	assert.equal(calls, 0);
	clock.fire();
	assert.equal(calls, 1);
	const cancel = atTime(clock.wallMs + 3 * HOUR_MS, count, clock);
	clock.fire();
	cancel();
	assert.equal(clock.waiting, undefined);
});
