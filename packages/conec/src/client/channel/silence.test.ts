import assert from "node:assert/strict";
import { test } from "node:test";
import { LinkWatch } from "./silence.ts";

/** Looks every 50 ms at what `traffic` makes of the counters; returns when the watch spoke. */
function watch(untilMs: number, rttMs: number, traffic: (ms: number, counters: { sentBytes: number; receivedBytes: number }) => void): number[] {
	const link = new LinkWatch();
	const counters = { sentBytes: 0, receivedBytes: 0 };
	const spoke: number[] = [];
	for (let ms = 0; ms <= untilMs; ms += 50) {
		traffic(ms, counters);
		if (link.sample(ms, { ...counters, rttMs })) spoke.push(ms);
	}
	return spoke;
}

test("link watch: traffic that is answered, and silence after an answer, are fine", () => {
	assert.deepEqual(
		watch(20_000, 100, (ms, counters) => {
			if (ms > 5_000) return;
			counters.sentBytes += 1_000;
			if (ms % 100 === 0) counters.receivedBytes += 50;
		}).filter((ms) => ms <= 5_050),
		[],
	);
	assert.deepEqual(
		watch(20_000, 100, (ms, counters) => {
			if (ms === 50) counters.sentBytes += 100;
			if (ms === 150) counters.receivedBytes += 100;
		}),
		[],
	);
});

test("link watch: what is sent and not answered within three round trips is suspect, then again after twice as long, up to a second", () => {
	const spoke = watch(8_000, 100, (ms, counters) => {
		counters.sentBytes += 1_000;
		if (ms <= 1_000) counters.receivedBytes += 50;
	});
	assert.deepEqual(spoke, [1_350, 1_950, 2_950, 3_950, 4_950, 5_950, 6_950, 7_950]);
});

test("link watch: an answer begins everything anew", () => {
	const spoke = watch(4_000, 10, (ms, counters) => {
		counters.sentBytes += 1;
		if (ms < 500 || ms === 1_000) counters.receivedBytes += 1;
	});
	assert.deepEqual(spoke, [750, 1_300, 1_800, 2_800, 3_800]);
});

test("link watch: a round trip of a second is given its time", () => {
	assert.deepEqual(
		watch(3_000, 1_000, (_, counters) => {
			counters.sentBytes += 1;
		}),
		[],
	);
});
