import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { type Asker, WorkShare } from "./work-share.ts";

/** Somebody who wants a number of things, each of which takes some time of the thread. */
class Wanting implements Asker {
	readonly doneMs: number[] = [];
	wants: number;
	readonly #share: WorkShare;
	readonly #clock: VirtualClock;
	readonly #costMs: number;

	constructor(share: WorkShare, clock: VirtualClock, wants: number, costMs: number) {
		this.wants = wants;
		this.#share = share;
		this.#clock = clock;
		this.#costMs = costMs;
	}

	goOn(): void {
		while (this.wants > 0 && this.#share.may(this)) {
			this.wants--;
			this.doneMs.push(this.#clock.now());
			this.#share.took(this.#costMs);
		}
	}
}

const workOf = (all: readonly Wanting[], costMs: number): number => all.reduce((sum, { doneMs }) => sum + doneMs.length * costMs, 0);

test("work share: what many ask at once takes a quarter of the time and 10 ms, all of it is done, and everybody has their turn", async () => {
	const clock = createVirtualClock();
	const share = new WorkShare(clock);
	const flooders = Array.from({ length: 32 }, () => new Wanting(share, clock, 1_000, 0.01));
	for (const flooder of flooders) flooder.goOn();
	for (let ms = 100; ms <= 1_200; ms += 100) {
		await clock.advance(100);
		const work = workOf(flooders, 0.01);
		assert.ok(work <= ms / 4 + 10.5, `${work} ms of ${ms}`);
		assert.ok(work >= Math.min(320, ms / 4 - 5), `${work} ms of ${ms}`);
		const counts = flooders.slice(1).map(({ doneMs }) => doneMs.length);
		assert.ok(Math.max(...counts) - Math.min(...counts) <= 32, `${Math.min(...counts)} to ${Math.max(...counts)}`);
	}
	await clock.advance(1_000);
	assert.deepEqual(
		flooders.map(({ wants }) => wants),
		flooders.map(() => 0),
	);
});

test("work share: who asks now and then goes ahead of those who always ask, and no more often than they", async () => {
	const clock = createVirtualClock();
	const share = new WorkShare(clock);
	const flooders = Array.from({ length: 32 }, () => new Wanting(share, clock, 100_000, 0.01));
	for (const flooder of flooders) flooder.goOn();
	await clock.advance(500);
	const honest = new Wanting(share, clock, 0, 0.01);
	for (let i = 0; i < 20; i++) {
		const askedMs = clock.now();
		honest.wants = 1;
		honest.goOn();
		await clock.advance(100);
		assert.ok((honest.doneMs.at(-1) as number) - askedMs <= 5, `${(honest.doneMs.at(-1) as number) - askedMs} ms`);
	}
	// One that asks for one thing after the other is served as often as the others.
	const [before, served] = [flooders.map(({ doneMs }) => doneMs.length), honest.doneMs.length];
	const again = (): void => {
		honest.wants = 1;
		honest.goOn();
		clock.setTimeout(again, 1);
	};
	again();
	await clock.advance(1_000);
	const most = Math.max(...flooders.map(({ doneMs }, index) => doneMs.length - (before[index] as number)));
	assert.ok(honest.doneMs.length - served <= most, `${honest.doneMs.length - served} and ${most}`);
});

test("work share: as long as nobody asks for much, everything is done at once", async () => {
	const clock = createVirtualClock();
	const share = new WorkShare(clock);
	const askers = Array.from({ length: 1_000 }, () => new Wanting(share, clock, 1, 0.01));
	for (const asker of askers) asker.goOn();
	assert.equal(workOf(askers, 1), 1_000);
	await clock.advance(40);
	for (const asker of askers) asker.wants = 1;
	for (const asker of askers) asker.goOn();
	assert.equal(workOf(askers, 1), 2_000);
});

test("work share: of those that have left, and after the end, nobody is told anything", async () => {
	const clock = createVirtualClock();
	const share = new WorkShare(clock);
	share.took(1_000);
	const [gone, stays] = [new Wanting(share, clock, 1, 1), new Wanting(share, clock, 1, 1)];
	gone.goOn();
	stays.goOn();
	share.left(gone);
	await clock.advance(10_000);
	assert.deepEqual([gone.wants, stays.wants], [1, 0]);
	share.took(1_000);
	stays.wants = 1;
	stays.goOn();
	share.end();
	await clock.advance(10_000);
	assert.equal(stays.wants, 1);
});

test("work share: a process that stood still while it did something does not wait for a multiple of that", async () => {
	const clock = createVirtualClock();
	const share = new WorkShare(clock);
	share.took(3_600_000);
	const asker = new Wanting(share, clock, 1, 0.01);
	asker.goOn();
	await clock.advance(500);
	assert.equal(asker.wants, 0);
});

test("work share: one that throws in its turn goes on later, and so do those behind it, though nobody asks any more", async () => {
	const clock = createVirtualClock();
	const share = new WorkShare(clock);
	share.took(20);
	let throws = true;
	const faulty = new Wanting(share, clock, 3, 0.01);
	const goOn = faulty.goOn.bind(faulty);
	faulty.goOn = () => {
		goOn();
		if (!throws || clock.now() === 0) return;
		throws = false;
		faulty.wants = 2;
		throw new Error("of the application");
	};
	const others = Array.from({ length: 3 }, () => new Wanting(share, clock, 100, 0.01));
	for (const asker of [faulty, ...others]) asker.goOn();
	await assert.rejects(clock.advance(1_000), /of the application/);
	await clock.advance(1_000);
	assert.deepEqual([throws, faulty.wants, ...others.map(({ wants }) => wants)], [false, 0, 0, 0, 0]);
	assert.equal(clock.pending, 0);
});
