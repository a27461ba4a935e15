import assert from "node:assert/strict";
import { test } from "node:test";
import { patienceMs, type StallSample, StallWatch } from "./stall.ts";

interface Traffic {
	sentBytes: number;
	receivedBytes: number;
	/** When something came last. */
	heardMs: number;
}

/** Looks every 200 ms; gives when what the watch said has changed. `answers`: what it asks is answered. */
function watch(untilMs: number, act: (ms: number, traffic: Traffic) => void, sample: Partial<StallSample> = {}, answers = false): string[] {
	const stall = new StallWatch();
	const traffic: Traffic = { sentBytes: 0, receivedBytes: 0, heardMs: 0 };
	const said: string[] = [];
	let last = "fine";
	for (let ms = 0; ms <= untilMs; ms += 200) {
		act(ms, traffic);
		const { sentBytes, receivedBytes, heardMs } = traffic;
		const now = stall.look(ms, { sentBytes, receivedBytes, silentMs: ms - heardMs, rttMs: 40, asks: true, ...sample });
		if (now === "ask" && answers) hear(ms + 40, traffic);
		if (now === "ask" || (now === "stalled") !== (last === "stalled")) said.push(`${now} ${ms}`);
		last = now;
	}
	return said;
}

const send = (traffic: Traffic): void => {
	traffic.sentBytes += 1_000;
};
const hear = (ms: number, traffic: Traffic, bytes = 50): void => {
	traffic.receivedBytes += bytes;
	traffic.heardMs = ms;
};

test("stall: what is answered, by whatever, is fine", () => {
	assert.deepEqual(
		watch(10_000, (ms, traffic) => {
			send(traffic);
			hear(ms - 40, traffic);
		}),
		[],
	);
	// A question and its answer between two looks, and then nothing, for a side that does not ask.
	const once = watch(
		10_000,
		(ms, traffic) => {
			if (ms !== 400) return;
			send(traffic);
			hear(350, traffic);
		},
		{ asks: false },
	);
	assert.deepEqual(once, []);
});

test("stall: what is sent and not answered for a second, or three timeouts of a long path, is a stall, until something comes", () => {
	const dead = (ms: number, traffic: Traffic): void => {
		send(traffic);
		if (ms <= 1_000 || ms >= 8_000) hear(ms - 40, traffic);
	};
	assert.deepEqual(watch(10_000, dead), ["stalled 2200", "fine 8000"]);
	assert.deepEqual(watch(10_000, dead, { rttMs: 500 }), ["stalled 5800", "fine 8000"]);
	assert.deepEqual([patienceMs(40), patienceMs(100), patienceMs(500)], [1_000, 1_000, 4_575]);
});

test("stall: a side that only receives asks after a silence, and hears nothing", () => {
	const reads = (ms: number, traffic: Traffic): void => {
		if (ms <= 1_000) hear(ms, traffic, 50_000);
	};
	assert.deepEqual(watch(4_000, reads), ["ask 2000", "stalled 3000"]);
	assert.deepEqual(watch(4_000, reads, { asks: false }), []);
});

test("stall: while nothing but answers comes, a silence that makes it ask is longer each time", () => {
	assert.deepEqual(
		watch(15_000, () => undefined, {}, true),
		["ask 1000", "ask 3200", "ask 7400", "ask 12600"],
	);
	// Much that comes makes it ask soon again.
	const burst = watch(
		6_000,
		(ms, traffic) => {
			if (ms === 3_400) hear(ms, traffic, 50_000);
		},
		{},
		true,
	);
	assert.deepEqual(burst, ["ask 1000", "ask 3200", "ask 4400"]);
});

test("stall: a process that did not run for a while takes nothing amiss that may not have been told yet", () => {
	const stall = new StallWatch();
	const look = (nowMs: number, sentBytes: number, heardMs: number): string =>
		stall.look(nowMs, { sentBytes, receivedBytes: 0, silentMs: nowMs - heardMs, rttMs: 40, asks: false });
	look(0, 0, 0);
	assert.equal(look(200, 100, 0), "fine");
	assert.equal(look(60_200, 100, 0), "fine");
	assert.equal(look(60_400, 100, 60_300), "fine");
	assert.equal(look(62_000, 200, 60_300), "fine");
	for (let ms = 62_200; ms < 63_000; ms += 200) assert.equal(look(ms, 200, 60_300), "fine");
	assert.equal(look(63_000, 200, 60_300), "stalled");
});
