import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { Defence, type DefenceStatus } from "./defence.ts";

const scene = (): { clock: VirtualClock; told: DefenceStatus[]; defence: Defence } => {
	const clock = createVirtualClock();
	const told: DefenceStatus[] = [];
	return { clock, told, defence: new Defence(clock, (status) => told.push(status)) };
};
const mallory = { id: "mallory", fingerprint: "sha256:aa", address: "192.0.2.1" };

test("defence: the first is told after a second, later ones every ten, and nothing while nothing happens", async () => {
	const { clock, told, defence } = scene();
	for (let i = 0; i < 3; i++) defence.count("refused", "stream", mallory);
	await clock.advance(999);
	assert.equal(told.length, 0);
	await clock.advance(1);
	assert.deepEqual(told, [
		{
			type: "defence",
			counts: [{ action: "refused", subject: "stream", whom: mallory, times: 3 }],
			totals: { refused: 3, slowed: 0, reset: 0, evicted: 0 },
		},
	]);
	defence.count("slowed", "control", mallory, 5);
	await clock.advance(9_999);
	assert.equal(told.length, 1);
	await clock.advance(1);
	assert.deepEqual(told[1]?.counts, [{ action: "slowed", subject: "control", whom: mallory, times: 5 }]);
	await clock.advance(600_000);
	assert.equal(told.length, 2);
});

test("defence: a key is one whatever its addresses, and the most frequent come first", async () => {
	const { clock, told, defence } = scene();
	defence.count("reset", "stream", { address: "192.0.2.9" });
	for (const address of ["192.0.2.1", "192.0.2.2"]) defence.count("reset", "stream", { ...mallory, address });
	await clock.advance(1_000);
	assert.deepEqual(
		told[0]?.counts.map(({ whom, times }) => [whom?.address, times]),
		[
			["192.0.2.1", 2],
			["192.0.2.9", 1],
		],
	);
});

test("defence: a million keys cost no more than a thousand, and none of their acts is lost from the totals", async () => {
	const { clock, told, defence } = scene();
	for (let i = 0; i < 1_000_000; i++) defence.count("refused", "connection", { address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` });
	await clock.advance(1_000);
	const [status] = told;
	assert.equal(status?.counts.length, 32);
	assert.deepEqual(status?.counts[0], { action: "refused", subject: "connection", whom: undefined, times: 1_000_000 - 1_024 });
	assert.equal(status?.totals.refused, 1_000_000);
});

test("defence: at the end it tells what is left, and then nothing", async () => {
	const { clock, told, defence } = scene();
	defence.count("evicted", "memory", mallory);
	defence.end();
	defence.count("evicted", "memory", mallory);
	await clock.advance(60_000);
	assert.equal(told.length, 1);
});
