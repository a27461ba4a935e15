import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { AckSchedule, type AckSlot } from "./index.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const EVERY = 64 * KiB;

interface Bench {
	readonly clock: VirtualClock;
	readonly schedule: AckSchedule;
	readonly wrote: string[];
	slot(name: string): AckSlot;
}

function bench(): Bench {
	const clock = createVirtualClock({ turns: 1 });
	const schedule = new AckSchedule(clock);
	const wrote: string[] = [];
	return { clock, schedule, wrote, slot: (name) => schedule.open(() => void wrote.push(name)) };
}

const turn = (): Promise<void> => Promise.resolve();

test("ACK schedule: nothing is scheduled while nothing is due", async () => {
	const { clock, wrote, slot } = bench();
	slot("a");
	await turn();
	assert.equal(clock.pending, 0);
	assert.deepEqual(wrote, []);
});

test("ACK schedule: what is received is told within 25 ms, by one timer for all", async () => {
	const { clock, wrote, slot } = bench();
	const [a, b] = [slot("a"), slot("b")];
	a.received(100, EVERY);
	for (let count = 0; count < 100; count++) a.received(100, EVERY);
	await turn();
	assert.equal(clock.pending, 1);
	assert.equal(clock.nextInMs, 25);
	await clock.advance(10);
	b.taken(100, EVERY);
	b.soon();
	await turn();
	assert.equal(clock.pending, 1);
	await clock.advance(14);
	assert.deepEqual(wrote, []);
	await clock.advance(1);
	assert.deepEqual(wrote, ["a", "b"]);
	assert.equal(clock.pending, 0);
	await clock.advance(1_000);
	assert.deepEqual(wrote, ["a", "b"]);
});

test("ACK schedule: with enough received or taken it is told at the end of the turn, once", async () => {
	const { clock, wrote, slot } = bench();
	const a = slot("a");
	for (let count = 0; count < 1_000; count++) a.received(KiB, EVERY);
	assert.deepEqual(wrote, []);
	await turn();
	assert.deepEqual(wrote, ["a"]);
	await clock.advance(25);
	assert.deepEqual(wrote, ["a"]);
	assert.equal(clock.pending, 0);
	// Both are counted by themselves: together they are one ACK.
	a.received(EVERY - 1, EVERY);
	a.taken(EVERY - 1, EVERY);
	await turn();
	assert.deepEqual(wrote, ["a"]);
	a.taken(1, EVERY);
	await turn();
	assert.deepEqual(wrote, ["a", "a"]);
});

test("ACK schedule: at least 1 byte is due at once where the window is tiny", async () => {
	const { wrote, slot } = bench();
	const a = slot("a");
	a.received(64, 1);
	await turn();
	assert.deepEqual(wrote, ["a"]);
});

test("ACK schedule: 1 MiB over all streams makes everything due, however little each has", async () => {
	const { wrote, slot } = bench();
	const slots = Array.from({ length: 64 }, (_, index) => slot(String(index)));
	for (const one of slots.slice(0, 63)) one.received(16 * KiB, EVERY);
	await turn();
	assert.equal(wrote.length, 0);
	slots[63]?.received(16 * KiB, EVERY);
	await turn();
	assert.equal(wrote.length, 64);
	// What was told does not count any more, and what is closed does not either.
	for (const one of slots.slice(0, 40)) one.taken(16 * KiB, EVERY);
	for (const one of slots.slice(0, 20)) one.told();
	for (const one of slots.slice(20, 40)) one.close();
	for (const one of slots.slice(40)) one.taken(16 * KiB, EVERY);
	await turn();
	assert.equal(wrote.length, 64);
	for (let count = 0; count < 64; count++) slots[63]?.taken(10 * KiB, MiB);
	await turn();
	assert.equal(wrote.length, 64 + 24);
});

test("ACK schedule: what is told otherwise is not due, and its timer runs out", async () => {
	const { clock, wrote, slot } = bench();
	const [a, b] = [slot("a"), slot("b")];
	a.now();
	a.told();
	b.received(1, EVERY);
	await turn();
	assert.equal(clock.pending, 1);
	b.told();
	await clock.advance(25);
	assert.equal(clock.pending, 0);
	await clock.advance(100);
	assert.deepEqual(wrote, []);
});

test("ACK schedule: what is told and is due again has the timer that runs, once", async () => {
	const { clock, wrote, slot } = bench();
	const [a, b] = [slot("a"), slot("b")];
	a.received(1, EVERY);
	for (let count = 0; count < 1_000; count++) {
		a.told();
		a.received(1, EVERY);
	}
	assert.equal(clock.pending, 1);
	await clock.advance(20);
	a.told();
	b.received(1, EVERY);
	a.received(1, EVERY);
	await clock.advance(5);
	assert.deepEqual(wrote, ["a", "b"]);
	await clock.advance(100);
	assert.deepEqual(wrote, ["a", "b"]);
	a.received(1, EVERY);
	assert.equal(clock.nextInMs, 25);
});

test("ACK schedule: what becomes due while ACKs are written waits for the next turn", async () => {
	const clock = createVirtualClock({ turns: 1 });
	const schedule = new AckSchedule(clock);
	const wrote: string[] = [];
	const b = schedule.open(() => void wrote.push("b"));
	const a: AckSlot = schedule.open(() => {
		wrote.push("a");
		if (wrote.length < 3) a.now();
		b.now();
		b.close();
	});
	a.now();
	await clock.advance(0);
	assert.deepEqual(wrote, ["a", "a", "a"]);
	assert.equal(clock.pending, 0);
});

test("ACK schedule: a stream or connection that is over is not called, and leaves no timer", async () => {
	const { clock, schedule, wrote, slot } = bench();
	const [a, b, c] = [slot("a"), slot("b"), slot("c")];
	a.received(1, EVERY);
	b.now();
	await turn();
	assert.equal(clock.pending, 1);
	a.close();
	a.close();
	a.received(MiB, 1);
	a.now();
	a.soon();
	await clock.advance(25);
	assert.equal(clock.pending, 0);
	b.received(1, EVERY);
	c.now();
	schedule.close();
	assert.equal(clock.pending, 0);
	await clock.advance(1_000);
	assert.deepEqual(wrote, ["b"]);
	assert.equal(schedule.untoldReceivedBytes, 0);
	assert.equal(schedule.untoldTakenBytes, 0);
});

test("ACK schedule: a million units cost as many ACKs as their cost says, and no timer each", async () => {
	const clock = createVirtualClock({ turns: 1 });
	let timers = 0;
	let acks = 0;
	const schedule = new AckSchedule({
		...clock,
		setTimeout: (callback, delayMs) => {
			timers++;
			return clock.setTimeout(callback, delayMs);
		},
	});
	const a = schedule.open(() => acks++);
	for (let batch = 0; batch < 10_000; batch++) {
		for (let unit = 0; unit < 100; unit++) {
			a.received(64, EVERY);
			a.taken(64, EVERY);
		}
		await turn();
	}
	assert.equal(acks, Math.floor(10_000 / Math.ceil(EVERY / 6_400)));
	assert.ok(timers <= acks + 1, `${timers} timers for ${acks} ACKs`);
});
