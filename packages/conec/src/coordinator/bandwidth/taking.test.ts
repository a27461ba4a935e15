import assert from "node:assert/strict";
import { test } from "node:test";
import { Pacing } from "../../../testing/memory/pacing.ts";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { TakingLine } from "./taking.ts";

function scene(bytesPerSecond: number, burstBytes: number) {
	const clock = createVirtualClock();
	const pacing = new Pacing(clock, { bytesPerSecond, burstBytes });
	let told = 0;
	const newLine = (): TakingLine => {
		const mayTake = (): boolean =>
			pacing.mayRead(
				line,
				() => line.go(),
				() => void told++,
			);
		const line: TakingLine = new TakingLine({ mayTake, took: (bytes) => pacing.read(line, bytes) });
		return line;
	};
	const newTaking = (line: TakingLine) => {
		const taken: number[] = [];
		return { taken, taking: line.add((bytes) => taken.push(bytes)) };
	};
	return { clock, pacing, newLine, newTaking, told: () => told };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, bytes) => all + bytes, 0);

test("taking: messages are taken in order, no faster than they may be, and their owner hears of it once a second", async () => {
	const { clock, newLine, newTaking, told } = scene(10_000, 1_000);
	const { taking, taken } = newTaking(newLine());
	for (let bytes = 1_001; bytes <= 1_100; bytes++) taking.add(bytes);
	assert.deepEqual([taken, taking.waiting], [[1_001], 99]);
	for (let second = 1; second <= 5; second++) {
		await clock.advance(1_000);
		assert.ok(Math.abs(sum(taken) - 10_000 * second) <= 2_300, `${sum(taken)} after ${second} s`);
	}
	assert.deepEqual(
		taken,
		taken.map((_, at) => 1_001 + at),
	);
	assert.ok(told() >= 5 && told() <= 6, `${told()}`);
});

test("taking: what is within the bound is taken at once, and nobody hears of it", async () => {
	const { clock, newLine, newTaking, told } = scene(10_000, 1_000);
	const { taking, taken } = newTaking(newLine());
	for (let i = 0; i < 50; i++) {
		taking.add(90);
		assert.equal(taken.length, i + 1);
		await clock.advance(10);
	}
	assert.equal(told(), 0);
});

test("taking: streams of one connection, and connections with one bound, take turns", async () => {
	const { clock, pacing, newLine, newTaking } = scene(10_000, 1_000);
	const line = newLine();
	const [one, two, three] = [newTaking(line), newTaking(line), newTaking(newLine())];
	for (let i = 0; i < 200; i++) for (const { taking } of [one, two, three]) taking.add(500);
	await clock.advance(6_000);
	const all = [one, two, three].map(({ taken }) => sum(taken));
	assert.ok(Math.abs(sum(all) - 60_000) <= 2_500, `${all}`);
	assert.ok(Math.abs((all[0] ?? 0) - (all[1] ?? 0)) <= 1_000 && Math.abs((all[2] ?? 0) - 30_000) <= 3_000, `${all}`);
	// A pipe that wants as much gets as much.
	let piped = 0;
	const pipe = (): void => {
		while (pacing.mayRead(pipe, pipe, undefined)) {
			piped += 500;
			pacing.read(pipe, 500);
		}
	};
	pipe();
	await clock.advance(6_000);
	assert.ok(piped >= 15_000 && piped <= 25_000, `${piped}`);
});

test("taking: at the end all is taken, or nothing more, and others have their turn", async () => {
	const { clock, newLine, newTaking } = scene(1_000, 100);
	const line = newLine();
	const [one, two, three] = [newTaking(line), newTaking(line), newTaking(line)];
	for (let i = 0; i < 10; i++) for (const { taking } of [one, two]) taking.add(500);
	three.taking.add(500);
	one.taking.flush();
	assert.deepEqual([one.taken.length, one.taking.waiting], [10, 0]);
	two.taking.end();
	await clock.advance(20_000);
	assert.deepEqual([two.taken.length, three.taken.length, clock.pending], [0, 1, 0]);
	two.taking.add(1);
	await clock.advance(20_000);
	assert.equal(two.taken.length, 0);
});
