import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../base/random.ts";
import { SendBudget, type SendShare } from "./index.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** A leg that writes units of its list as soon as it may. */
class Leg {
	readonly share: SendShare;
	readonly costs: number[];
	readonly written: number[] = [];
	asks = 0;
	#calls = 0;

	constructor(budget: SendBudget, peer: string, costs: readonly number[], early = false, priority = 0) {
		this.costs = [...costs];
		this.share = budget.open(
			peer,
			early,
			() => {
				this.#calls++;
				assert.equal(this.#calls, this.asks, "room is called once for each time that it had to wait");
				this.write();
			},
			priority,
		);
	}

	write(): void {
		for (;;) {
			const cost = this.costs[0];
			if (cost === undefined) return;
			if (!this.share.admits(cost)) {
				this.asks = this.#calls + 1;
				return;
			}
			this.costs.shift();
			this.written.push(cost);
			this.share.wrote(cost);
		}
	}

	/** The oldest of what it has on its way is acknowledged. */
	ack(count = this.written.length): void {
		const cost = this.written.splice(0, count).reduce((sum, one) => sum + one, 0);
		this.share.acked(cost);
	}

	get onItsWay(): number {
		return this.written.reduce((sum, one) => sum + one, 0);
	}
}

const direct = (connectionWindowBytes = 16 * MiB): SendBudget => new SendBudget({ connectionWindowBytes, severalPeers: false });
const proxied = (connectionWindowBytes = 16 * MiB): SendBudget => new SendBudget({ connectionWindowBytes, severalPeers: true });

test("send budget: three quarters of the other side's window may be on their way, and an eighth is left for the control stream", () => {
	const budget = direct();
	const leg = new Leg(budget, "b", new Array(1_000).fill(64 * KiB));
	leg.write();
	assert.equal(budget.onItsWayBytes, 12 * MiB);
	leg.ack(3);
	assert.equal(budget.onItsWayBytes, 12 * MiB, "what is acknowledged makes room for as much");
	assert.equal(leg.written.length, 192);
	leg.share.close();
	assert.equal(budget.onItsWayBytes, 0);
});

test("send budget: a unit that can never be admitted neither waits nor holds others up", () => {
	const budget = direct(64 * KiB);
	const [long, short] = [new Leg(budget, "b", []), new Leg(budget, "b", [KiB])];
	assert.equal(long.share.greatestBytes, 48 * KiB);
	assert.equal(long.share.admits(48 * KiB + 1), false);
	short.write();
	assert.equal(short.written.length, 1);
});

test("send budget: through a Coordinator one peer gets a quarter of what the others leave", () => {
	const budget = proxied();
	const legs = ["b", "c", "d"].map((peer) => new Leg(budget, peer, new Array(1_000).fill(64 * KiB)));
	for (const leg of legs) leg.write();
	const [b = 0, c = 0, d = 0] = legs.map((leg) => leg.onItsWay);
	assert.equal(b, 3 * MiB);
	assert.ok(c <= (12 * MiB - b) / 4 && c > (12 * MiB - b) / 4 - 64 * KiB, `${c}`);
	assert.ok(d <= (12 * MiB - b - c) / 4 && d > (12 * MiB - b - c) / 4 - 64 * KiB, `${d}`);
	// Twenty peers that acknowledge nothing leave something for one that does.
	const silent = Array.from({ length: 20 }, (_, index) => new Leg(budget, `silent ${index}`, new Array(100).fill(KiB)));
	for (const leg of silent) leg.write();
	const last = new Leg(budget, "last", new Array(10).fill(KiB));
	last.write();
	assert.ok(last.written.length > 0);
	for (let round = 0; round < 20; round++) last.ack();
	assert.equal(last.costs.length, 0);
});

test("send budget: units are booked ahead beside streams to a peer that acknowledges nothing, but not beside one that waits for the total", () => {
	const budget = proxied();
	const silent = Array.from({ length: 64 }, () => new Leg(budget, "silent", new Array(1_000).fill(64 * KiB)));
	for (const leg of silent) leg.write();
	assert.ok(
		silent.every(({ costs }) => costs.length > 0),
		"all of them wait",
	);
	const [live, same] = [new Leg(budget, "live", []), new Leg(budget, "silent", [])];
	assert.equal(live.share.bookAhead(16 * KiB), true);
	assert.equal(same.share.bookAhead(16 * KiB), false, "it is not its turn");
	live.share.acked(16 * KiB);
	const long = new Leg(budget, "long", [10 * MiB]);
	long.write();
	assert.equal(long.written.length, 0);
	assert.equal(live.share.bookAhead(16 * KiB), false, "it needs everything that is free, and more");
	long.share.cancel();
	assert.equal(live.share.bookAhead(16 * KiB), true);
});

test("send budget: a unit that is longer than the quarter goes while nothing of its peer is on its way", () => {
	const budget = proxied(4 * MiB);
	const [one, other] = [new Leg(budget, "b", [2 * MiB, KiB]), new Leg(budget, "b", [KiB])];
	one.write();
	other.write();
	assert.deepEqual(
		[one, other].map((leg) => leg.written.length),
		[1, 0],
	);
	one.ack();
	assert.deepEqual(
		[one, other].map((leg) => leg.written.length),
		[1, 1],
	);
});

test("send budget: a long unit does not starve behind short ones of other streams", () => {
	for (const make of [direct, proxied]) {
		const budget = make(4 * MiB);
		const short = [1, 2, 3, 4].map((index) => new Leg(budget, `peer ${index}`, new Array(10_000).fill(16 * KiB)));
		const long = new Leg(budget, "long", [2 * MiB + 512 * KiB]);
		for (const leg of short) leg.write();
		long.write();
		assert.equal(long.written.length, 0);
		let rounds = 0;
		for (; long.written.length === 0 && rounds < 100; rounds++) for (const leg of short) leg.ack(Math.ceil(leg.written.length / 2));
		assert.ok(rounds <= 6, `${rounds} rounds, in each of which half is acknowledged`);
	}
});

test("send budget: streams that wait are served in turn", () => {
	for (const make of [direct, proxied]) {
		const budget = make(4 * MiB);
		const legs = Array.from({ length: 10 }, (_, index) => new Leg(budget, `peer ${index % 5}`, new Array(4_000).fill(8 * KiB)));
		for (const leg of legs) leg.write();
		const done = new Array<number>(legs.length).fill(0);
		for (let round = 0; round < 300; round++) {
			for (const [index, leg] of legs.entries()) {
				done[index] = (done[index] ?? 0) + leg.written.length;
				leg.ack();
			}
		}
		const [least, most] = [Math.min(...done), Math.max(...done)];
		assert.ok(least > 0.5 * most, `between ${least} and ${most} units each`);
	}
});

test("send budget: of the streams that wait, those with a higher priority have their turns first, in one account and among several", () => {
	for (const make of [direct, proxied]) {
		const budget = make(4 * MiB);
		const file = new Array<number>(10_000).fill(16 * KiB);
		const files = [1, 2, 3, 4].map((index) => new Leg(budget, `peer ${index % 2}`, file));
		for (const leg of files) leg.write();
		const chat = new Leg(budget, "peer 1", [], false, 1);
		const patient = new Leg(budget, "peer 1", [16 * KiB], false, -1);
		patient.write();
		const waiting = (): number => files.filter((_, index) => index % 2 === 0).reduce((sum, leg) => sum + leg.costs.length, 0);
		for (let line = 0; line < 50; line++) {
			for (const leg of files) leg.write();
			const before = waiting();
			chat.costs.push(256);
			chat.write();
			for (const leg of files) while (leg.written.length > 0 && chat.written.length === 0) leg.ack(1);
			assert.equal(chat.written.length, 1, `line ${line}`);
			// The first that is free is the chat's, however many files of its peer wait. The rest of it may be a file's.
			assert.ok(before - waiting() <= 1, `line ${line}: ${before - waiting()}`);
			chat.ack();
		}
		assert.equal(patient.written.length, 0, "others want it still");
		for (const leg of files) leg.costs.length = 0;
		for (let round = 0; round < 3; round++) for (const leg of files) leg.ack();
		assert.equal(patient.written.length, 1);
	}
});

test("send budget: streams of other peers go on while one peer acknowledges nothing", () => {
	const budget = proxied();
	const stalled = Array.from({ length: 64 }, () => new Leg(budget, "stalled", new Array(100).fill(64 * KiB)));
	for (const leg of stalled) leg.write();
	const live = new Leg(budget, "live", new Array(1_000).fill(64 * KiB));
	live.write();
	for (let round = 0; round < 100; round++) live.ack();
	assert.equal(live.costs.length, 0);
	assert.ok(budget.onItsWayBytes <= 3 * MiB);
});

test("send budget: a long unit for which silent peers leave no room does not hold others up for ever", () => {
	const budget = proxied();
	const silent = Array.from({ length: 12 }, (_, index) => new Leg(budget, `silent ${index}`, new Array(1_000).fill(4 * KiB)));
	for (const leg of silent) leg.write();
	const long = new Leg(budget, "long", [MiB]);
	long.write();
	assert.equal(long.written.length, 0);
	const live = new Leg(budget, "live", new Array(1_000).fill(64 * KiB));
	live.write();
	for (let round = 0; round < 1_000; round++) live.ack();
	assert.equal(live.costs.length, 0);
});

test("send budget: a leg that is over, and one that no longer waits, let others go on", () => {
	const budget = direct(64 * KiB);
	const first = new Leg(budget, "b", [40 * KiB]);
	first.write();
	const [long, short] = [new Leg(budget, "b", [20 * KiB]), new Leg(budget, "b", [KiB])];
	long.write();
	short.write();
	assert.equal(short.written.length, 0, "it waits behind the long one");
	long.share.cancel();
	assert.equal(short.written.length, 1);
	long.write();
	first.share.close();
	assert.equal(long.written.length, 1);
	long.share.close();
	short.share.close();
	assert.equal(budget.onItsWayBytes, 0);
});

test("send budget: a stream that gives up a long unit for a short one is not held up by itself", () => {
	const budget = direct(64 * KiB);
	const first = new Leg(budget, "b", [40 * KiB]);
	first.write();
	const leg = new Leg(budget, "b", []);
	assert.equal(leg.share.admits(20 * KiB), false);
	assert.equal(leg.share.admits(KiB), true);
});

test("send budget: 1 MiB over all unanswered opens of a connection, and who waits goes on as others are answered", () => {
	const budget = direct();
	const legs = Array.from({ length: 40 }, () => new Leg(budget, "b", [60 * KiB], true));
	for (const leg of legs) leg.write();
	assert.equal(legs.filter((leg) => leg.written.length === 1).length, 17);
	const [first, second] = legs;
	first?.share.answered();
	assert.equal(legs.filter((leg) => leg.written.length === 1).length, 18);
	second?.share.close();
	assert.equal(legs.filter((leg) => leg.written.length === 1).length, 19);
	// Who waits no more is passed over.
	legs[19]?.share.cancel();
	legs[2]?.share.close();
	assert.deepEqual([legs[19]?.written.length, legs[20]?.written.length], [0, 1]);
	first?.costs.push(MiB, MiB);
	first?.write();
	assert.equal(first?.written.length, 3);
	assert.equal(budget.onItsWayBytes, 18 * 60 * KiB + 2 * MiB);
});

/** Random legs to random peers; then everything that lives is acknowledged until nothing moves. */
function walk(seed: number): void {
	const random: Random = seededRandom(seed);
	const pick = <T>(values: readonly T[]): T => values[Math.floor(random.fraction() * values.length)] as T;
	const severalPeers = random.fraction() < 0.6;
	const window = pick([64 * KiB, MiB, 4 * MiB]);
	const budget = severalPeers ? proxied(window) : direct(window);
	const cap = (window * 3) / 4;
	const legs: { leg: Leg; peer: string; stalled: boolean; early: boolean; open: boolean }[] = [];
	for (let step = 0; step < 600; step++) {
		const act = random.fraction();
		if (act < 0.1 && legs.length < 60) {
			const peer = String(Math.floor(random.fraction() * 6));
			const early = random.fraction() < 0.3;
			// With more than a quarter, a peer that acknowledges nothing could hold up long units for ever.
			const most = early ? 64 * KiB : pick([100, 10 * KiB, severalPeers ? cap / 4 : cap]);
			const costs = Array.from(
				{ length: early ? 1 : 1 + Math.floor(random.fraction() * 20) },
				() => 64 + Math.floor(random.fraction() * (Math.min(most, cap / 4) - 64)),
			);
			legs.push({ leg: new Leg(budget, peer, costs, early), peer, stalled: severalPeers && peer === "0", early, open: true });
		} else if (legs.length > 0) {
			const one = pick(legs);
			if (act < 0.5) one.leg.write();
			else if (act < 0.85 && !one.stalled) one.leg.ack(Math.ceil(random.fraction() * 3));
			else if (act < 0.9 && one.early) one.leg.share.answered();
			else if (act > 0.98) {
				one.open = false;
				one.leg.share.close();
				one.leg.costs.length = 0;
				one.leg.written.length = 0;
			}
		}
		assert.ok(budget.onItsWayBytes <= cap, `${budget.onItsWayBytes} of ${cap} are on their way`);
		assert.equal(
			budget.onItsWayBytes,
			legs.reduce((sum, { leg }) => sum + leg.onItsWay, 0),
		);
	}
	for (const { leg } of legs) leg.share.answered();
	for (const { leg } of legs) leg.write();
	for (let moving = true; moving; ) {
		moving = false;
		for (const { leg, stalled } of legs) {
			if (stalled || leg.written.length === 0) continue;
			moving = true;
			leg.ack();
		}
	}
	for (const { leg, peer, stalled } of legs) if (!stalled) assert.equal(leg.costs.length, 0, `a leg to ${peer} stands for ever`);
	for (const { leg } of legs) leg.share.close();
	assert.equal(budget.onItsWayBytes, 0);
}

test("send budget: whatever legs do, it holds, and nobody whose peer acknowledges waits for ever", () => {
	for (let seed = 1; seed <= 400; seed++) {
		try {
			walk(seed);
		} catch (error) {
			throw new Error(`Seed ${seed}: ${String(error)}`, { cause: error });
		}
	}
});
