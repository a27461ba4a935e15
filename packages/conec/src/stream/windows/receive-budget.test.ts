import assert from "node:assert/strict";
import { test } from "node:test";
import { EARLY_BYTES, ReceiveBudget, type ReceiveLimits, type ReceiveWindow, UNIT_COST_BYTES } from "./index.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const LONGEST = MiB + UNIT_COST_BYTES;

interface Bench {
	readonly budget: ReceiveBudget;
	/** Milliseconds. */
	now: number;
}

function bench(options: Partial<ReceiveLimits> = {}): Bench {
	const made: Bench = {
		now: 0,
		budget: new ReceiveBudget({ receiveBytes: 256 * MiB, streamWindowBytes: 2 * MiB, messageBytes: MiB, ...options }, () => made.now),
	};
	return made;
}

/** A window, with what it said. */
interface Watched {
	readonly window: ReceiveWindow;
	readonly raised: boolean[];
	taken: number;
}

function open({ budget }: Bench, identity = "a"): Watched {
	const raised: boolean[] = [];
	return { window: budget.open(identity, (atOnce) => void raised.push(atOnce)), raised, taken: 0 };
}

/** A unit comes and is taken at once. */
function pass(watched: Watched, costBytes: number): void {
	assert.ok(watched.window.received(costBytes));
	watched.window.taken(costBytes);
	watched.window.waits(true);
	watched.taken += costBytes;
}

/** How much more may come. */
function windowOf({ window, taken }: Watched): number {
	return window.limit - taken;
}

test("receive budget: a stream starts with 256 KiB, and the limit goes up by what is taken", () => {
	const made = bench();
	const one = open(made);
	// Four messages of 64 KiB fit.
	assert.equal(one.window.limit, 257 * KiB);
	assert.equal(one.window.ackEveryBytes, Math.floor((257 * KiB) / 4));
	assert.ok(one.window.received(257 * KiB));
	assert.equal(one.window.limit, 257 * KiB);
	one.window.taken(100);
	assert.equal(one.window.limit, 257 * KiB + 100);
	assert.equal(made.budget.heldBytes, 257 * KiB);
	assert.deepEqual(one.raised, []);
});

test("receive budget: a unit beyond the limit is refused", () => {
	const one = open(bench());
	assert.ok(one.window.received(257 * KiB));
	assert.ok(!one.window.received(1));
	const early = open(bench({ receiveBytes: MiB, messageBytes: 16 * MiB - KiB }));
	assert.equal(early.window.limit, EARLY_BYTES);
	assert.ok(!early.window.received(EARLY_BYTES + 1));
});

test("receive budget: windows start smaller when there are many streams, and one identity does not starve another", () => {
	const made = bench();
	const first = Array.from({ length: 1_024 }, () => open(made));
	const limits = first.map(({ window }) => window.limit);
	assert.ok(limits.filter((limit) => limit === 257 * KiB).length >= 48, "full while less than a quarter of the share is granted");
	for (const [index, limit] of limits.entries()) assert.ok(limit >= EARLY_BYTES && limit <= (limits[index - 1] ?? limit), "they only become smaller");
	assert.equal(limits.at(-1), EARLY_BYTES);
	assert.ok(made.budget.heldBytes <= 64 * MiB + 1_024 * EARLY_BYTES);
	assert.equal(open(made, "b").window.limit, 257 * KiB);
	// When they end, everything is as before.
	for (const { window } of first) window.close();
	assert.equal(open(made).window.limit, 257 * KiB);
});

test("receive budget: beyond what a stream begins with, four greedy identities leave something for a fifth", () => {
	const made = bench({ receiveBytes: 64 * MiB });
	const greedy = ["a", "b", "c", "d"].flatMap((identity) => Array.from({ length: 64 }, () => open(made, identity)));
	for (const { window } of greedy) window.asked(Number.MAX_SAFE_INTEGER);
	assert.ok(made.budget.heldBytes <= 48 * MiB, `${made.budget.heldBytes} are held`);
	const fifth = open(made, "e");
	assert.equal(fifth.window.limit, 257 * KiB);
});

test("receive budget: a window grows four times, then twice, up to its greatest, when half of it is taken within two round trips", () => {
	const made = bench();
	const one = open(made);
	one.window.roundTrip(100);
	const sizes = [windowOf(one)];
	for (let round = 0; round < 6; round++) {
		made.now += 100;
		const window = windowOf(one);
		for (let passed = 0; passed < window; passed += KiB) pass(one, KiB);
		sizes.push(windowOf(one));
	}
	assert.deepEqual(sizes, [257 * KiB, 1_028 * KiB, 2_049 * KiB, 2_049 * KiB, 2_049 * KiB, 2_049 * KiB, 2_049 * KiB]);
	// The peer hears of each at once.
	assert.deepEqual(one.raised, [true, true]);
	assert.equal(one.window.ackEveryBytes, 256 * KiB);
	assert.equal(made.budget.heldBytes, 2_049 * KiB);
});

for (const [name, roundTripMs, turnMs, burst] of [
	["a slow line does not", 100, 250, 64 * KiB],
	["a slow reader does not", 1, 1_000, 257 * KiB],
	["nothing does while no round trip is known", undefined, 0, 64 * KiB],
] as const) {
	test(`receive budget: what makes a window grow: ${name}`, () => {
		const made = bench();
		const one = open(made);
		if (roundTripMs !== undefined) one.window.roundTrip(roundTripMs);
		for (let turn = 0; turn < 100; turn++) {
			made.now += turnMs;
			// A reader that takes in bursts what has waited for it is slow, too.
			for (let came = 0; came < burst; came += 257) assert.ok(one.window.received(257));
			made.now += turnMs;
			for (let took = 0; took < burst; took += 257) one.window.taken(257);
			one.taken += Math.ceil(burst / 257) * 257;
		}
		assert.equal(windowOf(one), 257 * KiB);
	});
}

test("receive budget: half a window within 50 ms is quick, however short a round trip is", () => {
	for (const [turnMs, windowBytes] of [
		[24, 2_049 * KiB],
		[26, 257 * KiB],
	] as const) {
		const made = bench();
		const one = open(made);
		one.window.roundTrip(0.1);
		for (let turn = 0; turn < 100; turn++) {
			made.now += turnMs;
			pass(one, Math.ceil(windowOf(one) / 4));
		}
		assert.equal(windowOf(one), windowBytes, `${turnMs} ms`);
	}
});

test("receive budget: the least round trip counts", () => {
	const made = bench();
	const one = open(made);
	one.window.roundTrip(10);
	one.window.roundTrip(10_000);
	for (let turn = 0; turn < 20; turn++) {
		made.now += 100;
		pass(one, 128 * KiB);
	}
	assert.equal(windowOf(one), 257 * KiB);
});

test("receive budget: windows grow only into half of the share, and the rest is for those that start", () => {
	const made = bench();
	const many = Array.from({ length: 40 }, () => open(made));
	for (let round = 0; round < 10; round++) {
		made.now += 1;
		for (const one of many) {
			one.window.roundTrip(10);
			for (let passed = 0; passed < 2 * MiB; passed += 64 * KiB) pass(one, 64 * KiB);
		}
	}
	assert.equal(made.budget.heldBytes, 32 * MiB);
	assert.ok(open(made).window.limit >= 128 * KiB);
});

test("receive budget: what is asked is given, at most one longest message beyond what is taken", () => {
	const made = bench();
	const one = open(made);
	one.window.asked(500 * KiB);
	assert.equal(one.window.limit, 500 * KiB);
	assert.deepEqual(one.raised, [true]);
	one.window.asked(Number.MAX_SAFE_INTEGER);
	assert.equal(one.window.limit, LONGEST);
	assert.equal(made.budget.heldBytes, LONGEST);
	// The question stands: every time more is taken, more is given, and the peer hears of it at once.
	one.raised.length = 0;
	pass(one, 64 * KiB);
	assert.equal(one.window.limit, 64 * KiB + LONGEST);
	assert.ok(one.raised.length > 0 && one.raised.every((atOnce) => atOnce));
});

test("receive budget: a unit that the window has room for once everything before it is taken raises nothing", () => {
	const made = bench();
	const one = open(made);
	assert.ok(one.window.received(200 * KiB));
	// It ends 257 KiB behind what came: what is taken will do.
	one.window.asked(457 * KiB);
	assert.deepEqual([one.window.limit, one.raised, made.budget.heldBytes], [257 * KiB, [], 257 * KiB]);
	one.window.taken(200 * KiB);
	assert.equal(one.window.limit, 457 * KiB);
	// One that is longer than the window needs more.
	one.window.asked(457 * KiB + 1);
	assert.equal(one.window.limit, 457 * KiB + 1);
});

test("receive budget: a flood of questions changes nothing after the first", () => {
	const made = bench();
	const one = open(made);
	for (let count = 0; count < 100_000; count++) one.window.asked(Number.MAX_SAFE_INTEGER - (count % 3));
	assert.ok(one.raised.length <= 3, `${one.raised.length} answers`);
	assert.equal(one.window.limit, LONGEST);
});

test("receive budget: where there is no room, the reserve is lent to one stream at a time, in turn, where the application waits", () => {
	// All that there is beyond the reserve is what two streams begin with.
	const made = bench({ receiveBytes: 4 * (LONGEST + 1) });
	const [first, second, third] = [open(made), open(made), open(made)];
	for (const { window } of [first, second, third]) window.asked(LONGEST);
	assert.deepEqual(
		[first, second, third].map(({ window }) => window.limit),
		[EARLY_BYTES, EARLY_BYTES, EARLY_BYTES],
	);
	second.window.waits(true);
	first.window.waits(true);
	third.window.waits(true);
	assert.deepEqual(
		[first, second, third].map(({ window }) => window.limit),
		[EARLY_BYTES, LONGEST, EARLY_BYTES],
	);
	pass(second, LONGEST);
	// In the order in which they asked.
	assert.equal(first.window.limit, LONGEST);
	assert.equal(third.window.limit, EARLY_BYTES);
	second.window.asked(second.taken + LONGEST);
	first.window.close();
	assert.equal(third.window.limit, LONGEST);
	assert.equal(second.window.limit, LONGEST);
	third.window.close();
	assert.equal(second.window.limit, 2 * LONGEST);
});

test("receive budget: a peer that borrows for a long unit and sends a short one has no second loan while the first is open", () => {
	const made = bench({ receiveBytes: 4 * (LONGEST + 1) });
	const many = Array.from({ length: 50 }, () => open(made));
	for (const one of many) {
		one.window.waits(true);
		one.window.asked(Number.MAX_SAFE_INTEGER);
		pass(one, UNIT_COST_BYTES);
	}
	const granted = many.reduce((sum, one) => sum + windowOf(one), 0);
	assert.ok(granted <= 50 * EARLY_BYTES + LONGEST, `${granted} granted`);
});

test("receive budget: one suspended borrower gives the reserve back, a second does not", () => {
	const made = bench({ receiveBytes: 4 * (LONGEST + 1) });
	const [first, second, third] = [open(made), open(made), open(made)];
	for (const { window } of [first, second, third]) {
		window.asked(LONGEST);
		window.waits(true);
	}
	first.window.suspended(true);
	assert.equal(second.window.limit, LONGEST);
	second.window.suspended(true);
	assert.equal(third.window.limit, EARLY_BYTES);
	// The first goes on, sends its message, and it is taken: now the second is the one who has it beyond the budget.
	first.window.suspended(false);
	pass(first, LONGEST);
	assert.equal(third.window.limit, LONGEST);
});

test("receive budget: who asks while suspended is answered when a leg carries it again", () => {
	const one = open(bench());
	one.window.suspended(true);
	one.window.asked(500 * KiB);
	assert.equal(one.window.limit, 257 * KiB);
	one.window.suspended(false);
	assert.equal(one.window.limit, 500 * KiB);
});

test("receive budget: after the last unit only what is unread counts", () => {
	const made = bench();
	const one = open(made);
	assert.ok(one.window.received(1_000));
	one.window.ended();
	assert.equal(made.budget.heldBytes, 1_000);
	const { limit } = one.window;
	one.window.asked(Number.MAX_SAFE_INTEGER);
	one.window.taken(400);
	assert.equal(made.budget.heldBytes, 600);
	one.window.taken(600);
	assert.equal(made.budget.heldBytes, 0);
	assert.equal(one.window.limit, limit);
	one.window.close();
	one.window.close();
	assert.equal(made.budget.heldBytes, 0);
});

test("receive budget: a window that is closed does nothing more", () => {
	const made = bench();
	const one = open(made);
	one.window.close();
	one.window.received(10);
	one.window.taken(10);
	one.window.waits(true);
	one.window.asked(Number.MAX_SAFE_INTEGER);
	one.window.suspended(true);
	one.window.ended();
	one.window.close();
	assert.equal(made.budget.heldBytes, 0);
	assert.deepEqual(one.raised, []);
});

test("receive budget: who found no room has a window again once there is some", () => {
	const made = bench({ receiveBytes: 16 * MiB });
	const greedy = Array.from({ length: 40 }, () => open(made));
	const late = open(made);
	assert.equal(late.window.limit, EARLY_BYTES);
	pass(late, EARLY_BYTES);
	assert.equal(late.window.limit, EARLY_BYTES, "no room, no window");
	for (const { window } of greedy) window.close();
	late.window.asked(late.taken + 1);
	assert.ok(windowOf(late) >= 256 * KiB);
	assert.deepEqual(late.raised, [true]);
});

test("receive budget: what one identity gives back is given to another that asked", () => {
	const made = bench({ receiveBytes: 16 * MiB });
	const greedy = ["b", "c", "d", "e", "f", "g", "h"].flatMap((identity) => Array.from({ length: 64 }, () => open(made, identity)));
	const one = open(made, "a");
	one.window.asked(500 * KiB);
	assert.equal(one.window.limit, EARLY_BYTES);
	for (const { window } of greedy) window.close();
	assert.equal(one.window.limit, 500 * KiB);
	assert.deepEqual(one.raised, [true]);
});

test("receive budget: a million empty messages move the limit and nothing else", () => {
	const made = bench();
	const one = open(made);
	one.window.roundTrip(0.01);
	for (let count = 0; count < 1_000_000; count++) {
		made.now += 0.1;
		pass(one, UNIT_COST_BYTES);
	}
	assert.equal(windowOf(one), 257 * KiB);
	assert.equal(made.budget.heldBytes, 257 * KiB);
	assert.deepEqual(one.raised, []);
});
