/** The upkeep of a channel between two sides behind NATs that forget, on a virtual clock from a seed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../base/random.ts";
import { DEFAULT_LIMITS } from "../../limits.ts";
import { channelTuning, LearntGaps, Upkeep, upkeepTimes } from "./upkeep.ts";

/** A NAT that lets packets in only for so long after the last one went out. Coming packets do not refresh it (RFC 4787, REQ-6). */
class Nat {
	readonly #lifeMs: number;
	#usedAt = 0;

	constructor(lifeMs: number) {
		this.#lifeMs = lifeMs;
	}

	out(now: number): void {
		this.#usedAt = now;
	}

	lets(now: number): boolean {
		return now - this.#usedAt < this.#lifeMs;
	}
}

interface Side {
	readonly upkeep: Upkeep;
	readonly nat: Nat;
	heardAt: number;
	lookAt: number;
	/** The longest that it heard nothing. */
	deafMs: number;
}

interface PairOptions {
	readonly lifeMs: readonly [dialler: number, acceptor: number];
	readonly lossFraction?: number;
	/** Nothing passes from then on. */
	readonly deadFromMs?: number;
	readonly inUse?: (now: number) => boolean;
	readonly learnt?: LearntGaps;
}

/** Two sides of one channel. A packet is acknowledged; one that is not acknowledged is sent again after 100, 200, 400 ms and so on, as QUIC does. */
class Pair {
	now = 0;
	packets = 0;
	pings = 0;
	readonly lost: { readonly side: number; readonly atMs: number }[] = [];
	readonly sides: readonly [Side, Side];
	readonly #options: PairOptions;
	readonly #random: Random;
	readonly #repeats: { at: number; from: number; waitMs: number; since: number }[] = [];

	constructor(seed: number, options: PairOptions) {
		this.#options = options;
		this.#random = seededRandom(seed);
		const side = (index: 0 | 1): Side => ({
			upkeep: new Upkeep(upkeepTimes(DEFAULT_LIMITS, DEFAULT_LIMITS.keepAliveIntervalMs, index === 0), options.learnt),
			nat: new Nat(options.lifeMs[index]),
			...{ heardAt: 0, lookAt: 0, deafMs: 0 },
		});
		this.sides = [side(0), side(1)];
	}

	run(untilMs: number): this {
		for (; this.now < untilMs && this.lost.length === 0; this.now += STEP_MS) {
			for (const repeat of [...this.#repeats]) if (repeat.at <= this.now) this.#again(repeat);
			for (const [index, side] of this.sides.entries()) if (side.lookAt <= this.now) this.#look(index, side);
		}
		return this;
	}

	/** Packets of both sides in a minute, on average since the beginning. */
	get perMinute(): number {
		return (this.packets * 60_000) / this.now;
	}

	#look(index: number, side: Side): void {
		const inUse = this.#options.inUse?.(this.now) ?? false;
		const { act, inMs } = side.upkeep.look(this.now, { silentMs: this.now - side.heardAt, inUse, rttMs: 2 * STEP_MS });
		side.lookAt = this.now + (inUse || this.#options.inUse !== undefined ? Math.min(200, inMs) : inMs);
		if (act === "lost") this.lost.push({ side: index, atMs: this.now });
		if (act === "ping") this.pings++;
		if (act === "ping" || act === "suspect") this.#send(index, 100, this.now);
	}

	#again(repeat: { from: number; waitMs: number; since: number }): void {
		this.#repeats.splice(this.#repeats.indexOf(repeat as never), 1);
		if ((this.sides[repeat.from] as Side).heardAt <= repeat.since) this.#send(repeat.from, repeat.waitMs * 2, repeat.since);
	}

	#send(from: number, waitMs: number, since: number): void {
		const [mine, theirs] = [this.sides[from], this.sides[1 - from]] as [Side, Side];
		if (this.#passes(mine, theirs) && this.#passes(theirs, mine)) return;
		this.#repeats.push({ at: this.now + waitMs, from, waitMs, since });
	}

	#passes(from: Side, to: Side): boolean {
		this.packets++;
		from.nat.out(this.now);
		const arrives = this.now < (this.#options.deadFromMs ?? Number.POSITIVE_INFINITY) && this.#random.fraction() >= (this.#options.lossFraction ?? 0);
		if (!arrives || !to.nat.lets(this.now)) return false;
		to.deafMs = Math.max(to.deafMs, this.now - to.heardAt);
		to.heardAt = this.now;
		return true;
	}
}

const STEP_MS = 20;
const [MINUTE, HOUR] = [60_000, 3_600_000];

for (const lifeMs of [15_000, 20_000, 30_000, 60_000, 120_000])
	for (const who of ["dialler", "acceptor", "both"] as const)
		test(`upkeep: an idle channel lives for hours behind a NAT that forgets after ${lifeMs / 1_000} s, at most 12 packets a minute (${who})`, () => {
			const far = 10 * HOUR;
			const pair = new Pair(lifeMs, { lifeMs: [who === "acceptor" ? far : lifeMs, who === "dialler" ? far : lifeMs] }).run(6 * HOUR);
			assert.deepEqual(pair.lost, []);
			assert.ok(pair.perMinute <= 12, `${pair.perMinute} packets a minute`);
			// It has learnt what the NAT bears.
			// Its own pings open the NAT of the side that dialled again.
			if (who !== "dialler") assert.ok(pair.sides[0].upkeep.gapMs <= Math.min(lifeMs, 25_000), `${pair.sides[0].upkeep.gapMs} ms`);
			if (lifeMs >= 30_000) assert.equal(pair.sides[0].upkeep.gapMs, 25_000);
			const before = pair.pings;
			pair.run(7 * HOUR);
			assert.ok(pair.pings - before >= 3600 / 26 && pair.pings - before <= 3600 / 11, `${pair.pings - before} pings in an hour`);
		});

test("upkeep: lost packets do not cost an idle channel its life, and little more packets", () => {
	for (let seed = 1; seed <= 50; seed++) {
		const pair = new Pair(seed, { lifeMs: [30_000, 30_000], lossFraction: 0.1 }).run(HOUR);
		assert.deepEqual(pair.lost, [], `seed ${seed}`);
		assert.ok(pair.perMinute <= 12, `seed ${seed}: ${pair.perMinute} packets a minute`);
	}
});

test("upkeep: a dead channel that nobody uses is lost 60 s after it was last heard, at either side", () => {
	for (let seed = 1; seed <= 30; seed++) {
		const deadFromMs = 5 * MINUTE + seed * 777;
		const pair = new Pair(seed, { lifeMs: [HOUR, HOUR], deadFromMs }).run(HOUR);
		const [{ atMs } = { atMs: 0 }] = pair.lost;
		assert.ok(atMs > deadFromMs && atMs <= deadFromMs + 61_000, `seed ${seed}: after ${atMs - deadFromMs} ms`);
	}
});

test("upkeep: a dead channel in use is lost after 15 s, and one that comes into use, 15 s after that", () => {
	for (let seed = 1; seed <= 30; seed++) {
		const deadFromMs = 2 * MINUTE + seed * 777;
		const used = new Pair(seed, { lifeMs: [HOUR, HOUR], deadFromMs, inUse: () => true }).run(HOUR);
		const [{ atMs } = { atMs: 0 }] = used.lost;
		assert.ok(atMs > deadFromMs && atMs <= deadFromMs + 15_500, `seed ${seed}: after ${atMs - deadFromMs} ms`);
		const usedFromMs = deadFromMs + 12_000 + seed * 100;
		const later = new Pair(seed, { lifeMs: [HOUR, HOUR], deadFromMs, inUse: (now) => now >= usedFromMs }).run(HOUR);
		const [{ atMs: lateMs } = { atMs: 0 }] = later.lost;
		assert.ok(lateMs >= usedFromMs + 15_000 && lateMs <= usedFromMs + 15_500, `seed ${seed}: after ${lateMs - usedFromMs} ms`);
		// A call that fails meanwhile does not make it an idle one.
		const tried = new Pair(seed, { lifeMs: [HOUR, HOUR], deadFromMs, inUse: (now) => now >= usedFromMs && now < usedFromMs + 5_000 }).run(HOUR);
		assert.ok((tried.lost[0]?.atMs ?? HOUR) <= usedFromMs + 15_500, `seed ${seed}`);
	}
});

test("upkeep: a channel in use whose peer is there is pinged within 2 s of silence, and never lost", () => {
	const pair = new Pair(1, { lifeMs: [HOUR, HOUR], inUse: () => true }).run(10 * MINUTE);
	assert.deepEqual(pair.lost, []);
	assert.ok(
		pair.sides.every(({ deafMs }) => deafMs <= 2_500),
		`${pair.sides.map(({ deafMs }) => deafMs)}`,
	);
});

test("upkeep: a process that did not run is given time to hear something", () => {
	const sample = { inUse: true, rttMs: 20 };
	const upkeep = new Upkeep(upkeepTimes(DEFAULT_LIMITS, 5_000, true));
	upkeep.look(0, { ...sample, silentMs: 0 });
	// It was asleep for ten minutes.
	const woken = upkeep.look(10 * MINUTE, { ...sample, silentMs: 10 * MINUTE });
	assert.notEqual(woken.act, "lost");
	const acts = [];
	for (let now = 10 * MINUTE + 200; now <= 10 * MINUTE + 16_000; now += 200) acts.push(upkeep.look(now, { ...sample, silentMs: now }).act);
	assert.ok(acts.includes("ping"));
	assert.equal(acts.indexOf("lost"), 74, "15 s after it woke");
});

test("upkeep: after one channel was not answered, new ones of the Client begin with short silences, until its network changes", () => {
	const learnt = new LearntGaps();
	new Pair(1, { lifeMs: [HOUR, 12_000], learnt }).run(5 * MINUTE);
	const times = upkeepTimes(DEFAULT_LIMITS, 5_000, true);
	assert.equal(new Upkeep(times, learnt).gapMs, 11_000);
	learnt.forget();
	assert.equal(new Upkeep(times, learnt).gapMs, 15_000);
});

test("upkeep: the side that accepted pings sooner when it sees that the NAT of its peer has forgotten", () => {
	const upkeep = new Upkeep(upkeepTimes(DEFAULT_LIMITS, 5_000, false));
	const sample = { silentMs: 0, inUse: false, rttMs: 20 };
	assert.deepEqual(upkeep.look(0, sample), { act: "none", inMs: 27_500 });
	assert.deepEqual(upkeep.look(20_000, { ...sample, moved: true }), { act: "none", inMs: 13_200 });
	assert.equal(upkeep.look(33_200, { ...sample, silentMs: 13_200 }).act, "ping");
});

test("upkeep: with keepAliveIntervalMs 0 nothing is sent, and silence ends the channel", () => {
	const times = upkeepTimes(DEFAULT_LIMITS, 0, true);
	const end = (inUse: boolean): number => {
		const upkeep = new Upkeep(times);
		for (let now = 0; ; ) {
			const { act, inMs } = upkeep.look(now, { silentMs: now, inUse, rttMs: 20 });
			if (act === "lost") return now;
			assert.equal(act, "none");
			now += inMs;
		}
	};
	assert.deepEqual([end(true), end(false)], [15_000, 60_000]);
});

test("upkeep: the idle limit in the handshake is never shorter than the watch of a channel in use", () => {
	assert.deepEqual(channelTuning(DEFAULT_LIMITS), { keepAliveIntervalMs: 0, idleTimeoutMs: 60_000 });
	assert.equal(channelTuning({ idleTimeoutMs: 120_000, idleChannelTimeoutMs: 60_000 }).idleTimeoutMs, 120_000);
	// Where it is short, pings come sooner.
	assert.equal(upkeepTimes({ idleTimeoutMs: 15_000, idleChannelTimeoutMs: 6_000 }, 5_000, true).greatestGapMs, 2_500);
});
