import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { deferred } from "../../base/signals.ts";
import { HolderTrials, type TriedHolder } from "./holder-trials.ts";

const limits = { holderPingMs: 6_000, helloTimeoutMs: 5_000 };

/** A holder whose process answers so long after a question. `undefined`: never. */
function stage(answerMs: number | undefined) {
	const clock = createVirtualClock();
	const trials = new HolderTrials<TriedHolder>(limits, clock);
	const { promise: over, resolve: end } = deferred<void>();
	const asked: number[] = [];
	const out: number[] = [];
	const holder = {
		heard: 0,
		quietMs: () => 0,
		leavesInMs: (): number | undefined => undefined,
		answers: (timeoutMs: number) => {
			asked.push(clock.now());
			const { promise, resolve } = deferred<boolean>();
			const timer = clock.setTimeout(() => resolve(false), timeoutMs);
			if (answerMs !== undefined) {
				clock.setTimeout(() => {
					holder.heard++;
					clock.clearTimeout(timer);
					resolve(true);
				}, answerMs);
			}
			return promise;
		},
		over,
		putOut: () => {
			out.push(clock.now());
			end();
		},
	};
	/** Asks for the id, and tells when that is answered and what is left of the trial then. */
	const ask = async (): Promise<readonly [number, number | undefined]> => {
		await trials.try(holder);
		return [clock.now(), trials.leftMs(holder)];
	};
	return { clock, trials, holder, asked, out, end, ask };
}

test("holder trials: whoever asks for the id of one that hangs is told how long it takes, and the id is free then, though nobody waits", async () => {
	const { clock, trials, out, ask } = stage(undefined);
	assert.deepEqual(await clock.until(ask(), 10_000), [2_500, 3_500]);
	await clock.advance(3_499);
	assert.deepEqual([out, trials.size], [[], 1]);
	await clock.advance(1);
	assert.deepEqual([out, trials.size, clock.pending], [[6_000], 0, 0]);
});

test("holder trials: of one that leaves nothing is asked: whoever asks for its id waits for that, or is told how long it takes", async () => {
	for (const [leavesMs, told] of [
		[1_000, [1_000, 0]],
		[4_000, [2_500, 1_500]],
	] as const) {
		const { clock, holder, asked, end, ask } = stage(0);
		holder.leavesInMs = () => leavesMs - clock.now();
		clock.setTimeout(end, leavesMs);
		assert.deepEqual(await clock.until(ask(), 10_000), told);
		assert.deepEqual(asked, []);
	}
});

test("holder trials: all who ask share one trial, also those who come later", async () => {
	const { clock, asked, out, ask } = stage(undefined);
	const told = [ask(), ask()];
	await clock.advance(5_000);
	told.push(ask());
	await clock.advance(1_000);
	assert.deepEqual(await Promise.all(told), [
		[2_500, 3_500],
		[2_500, 3_500],
		[6_000, undefined],
	]);
	assert.deepEqual(asked, [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
	assert.deepEqual(out, [6_000]);
});

test("holder trials: one that answers passes at once, and is asked at most once a second however many ask", async () => {
	const { clock, trials, asked, out, ask } = stage(20);
	assert.deepEqual(await clock.until(ask(), 10_000), [20, undefined]);
	for (let i = 0; i < 100; i++) await clock.until(ask(), 10_000);
	assert.deepEqual(asked, [0]);
	for (let second = 0; second < 10; second++) {
		await clock.advance(1_000);
		await Promise.all(Array.from({ length: 10 }, () => clock.until(ask(), 10_000)));
	}
	assert.equal(asked.length, 11);
	assert.deepEqual([out, trials.size], [[], 0]);
});

test("holder trials: answers that come seconds late keep the id, whenever somebody asks", async () => {
	for (const answerMs of [950, 1_500, 3_000, 4_900]) {
		const { clock, out, ask } = stage(answerMs);
		for (let i = 0; i < 20; i++) {
			await clock.until(ask(), 10_000);
			await clock.advance(500);
		}
		assert.deepEqual(out, [], `${answerMs} ms`);
	}
});

test("holder trials: a holder whose connection ends meanwhile is no longer tried, and those who wait go on at once", async () => {
	const { clock, trials, out, end, ask } = stage(undefined);
	const told = ask();
	await clock.advance(700);
	end();
	assert.deepEqual(await told, [700, undefined]);
	await clock.advance(10_000);
	assert.deepEqual([out, trials.size, clock.pending], [[], 0, 0]);
});
