import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { Turns } from "./turns.ts";

const RATE = 1_000_000;
const FRAME_BYTES = 16_384;

test("presence turns: all watches together are told no more than the rate, each has its turn, and what waits is told in the end", async () => {
	const clock = createVirtualClock();
	const turns = new Turns(clock, RATE);
	let toldBytes = 0;
	const watches = Array.from({ length: 100 }, () => {
		const watch = {
			wants: 20,
			told: 0,
			pump: (): void => {
				while (watch.wants > 0 && turns.may(watch)) {
					watch.wants--;
					watch.told++;
					toldBytes += FRAME_BYTES;
					turns.told(FRAME_BYTES);
					// Its queue is full.
					if (watch.told % 2 === 0) return void clock.setTimeout(watch.pump, 1);
				}
			},
		};
		return watch;
	});
	for (const watch of watches) watch.pump();
	for (let second = 1; second <= 10; second++) {
		await clock.advance(1_000);
		assert.ok(toldBytes <= RATE * (second + 0.25) + FRAME_BYTES, `${toldBytes} bytes in ${second} s`);
		assert.ok(toldBytes >= RATE * second * 0.9, `${toldBytes} bytes in ${second} s`);
		const counts = watches.map(({ told }) => told);
		assert.ok(Math.max(...counts) - Math.min(...counts) <= 4, `${Math.min(...counts)} to ${Math.max(...counts)}`);
	}
	await clock.advance(60_000);
	assert.ok(watches.every(({ wants }) => wants === 0));
	assert.equal(turns.waiting, 0);
});

test("presence turns: who has left is not told, and after the end nobody is", async () => {
	const clock = createVirtualClock();
	const turns = new Turns(clock, RATE);
	const pumped: string[] = [];
	const [one, other] = ["one", "other"].map((name) => ({ pump: () => void pumped.push(name) })) as [{ pump(): void }, { pump(): void }];
	turns.told(RATE);
	assert.deepEqual([turns.may(one), turns.may(other)], [false, false]);
	turns.left(one);
	await clock.advance(2_000);
	assert.deepEqual(pumped, ["other"]);
	turns.told(RATE * 2);
	turns.may(one);
	turns.end();
	await clock.advance(10_000);
	assert.deepEqual([pumped.length, clock.pending], [1, 0]);
});
