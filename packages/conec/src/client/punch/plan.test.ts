import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatReport } from "../../wire/channel-messages.ts";
import { graceMs, type PunchPlan, predictedAddresses, predictionGapMs, probeGapMs } from "./plan.ts";

const SEQUENTIAL: NatReport = { mapping: "dependent", portStep: 2, lastPort: 40_001, filtering: "by-port" };
const PLAN: PunchPlan = {
	role: "dial",
	candidates: [
		{ address: "10.0.2.2", port: 5000, kind: "host", packets: 6 },
		{ address: "203.0.113.10", port: 40_005, kind: "reflexive", packets: 64 },
	],
	ownNat: { mapping: "independent", filtering: "by-port" },
	peerNat: SEQUENTIAL,
	punch: true,
	peerPunch: true,
	coordinatorRttMs: 100,
	waitMs: 0,
	deadlineMs: 1000,
};

test("prediction: 20 steps from the last port, on the reflexive address, without the port that is probed anyway", () => {
	const predicted = predictedAddresses(PLAN);
	assert.deepEqual(new Set(predicted.map(({ address }) => address)), new Set(["203.0.113.10"]));
	assert.deepEqual(
		predicted.map(({ port }) => port),
		[40_003, ...Array.from({ length: 18 }, (_, i) => 40_007 + 2 * i)],
	);
});

test("prediction: none beyond the last port there is, none where it cannot help", () => {
	const near = predictedAddresses({ ...PLAN, peerNat: { ...SEQUENTIAL, lastPort: 65_532 } });
	assert.deepEqual(
		near.map(({ port }) => port),
		[65_534],
	);
	for (const change of [
		{ punch: false },
		{ ownNat: SEQUENTIAL },
		{ peerNat: { mapping: "dependent", filtering: "by-port", lastPort: 40_001 } },
		{ peerNat: { ...SEQUENTIAL, mapping: "independent" } },
		{ candidates: PLAN.candidates.slice(0, 1) },
	] as Partial<PunchPlan>[]) {
		assert.deepEqual(predictedAddresses({ ...PLAN, ...change }), [], JSON.stringify(change));
	}
});

test("pacing: gaps grow to 200 ms, the grace and the second prediction follow the round trip within bounds", () => {
	assert.deepEqual([1, 2, 3, 4, 5, 6, 99].map(probeGapMs), [50, 50, 100, 100, 200, 200, 200]);
	assert.deepEqual([1, 40, 100, 400].map(graceMs), [10, 10, 25, 100]);
	assert.deepEqual([0, 100, 200, 9000].map(predictionGapMs), [150, 150, 300, 600]);
});
