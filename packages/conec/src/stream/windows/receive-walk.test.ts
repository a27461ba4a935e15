import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../base/random.ts";
import { EARLY_BYTES, ReceiveBudget, type ReceiveWindow, UNIT_COST_BYTES } from "./index.ts";

const SEEDS = 400;
const KiB = 1024;
const MiB = 1024 * KiB;

/** What happened at least once in a run. */
type Sight = "asked" | "answered at once" | "answered later" | "lent" | "suspended" | "full" | "grown" | "ended unread" | "hostile" | "asked in vain";

/** One stream: an honest sender or not, what is on the line, and a reader. */
class Line {
	readonly identity: string;
	readonly window: ReceiveWindow;
	readonly reader: "eager" | "late" | "never";
	/** Breaks no rule that ends the stream, and does what it likes otherwise. */
	readonly hostile: boolean;
	/** Has nothing to send, and does not end. */
	readonly idle: boolean;
	readonly costs: number[];
	raised = 0;
	told: number;
	sent = 0;
	received = 0;
	taken = 0;
	askedFor = 0;
	asksUnderWay = 0;
	readonly onLine: number[] = [];
	readonly unread: number[] = [];
	lastSent = false;
	lastReceived = false;
	suspended = false;
	closed = false;

	constructor(budget: ReceiveBudget, identity: string, random: Random, mostCost: number, hostile: boolean) {
		this.identity = identity;
		this.window = budget.open(identity, () => {
			this.raised++;
		});
		this.told = EARLY_BYTES;
		this.hostile = hostile;
		this.reader = pick(random, ["eager", "eager", "eager", "late", "never"]);
		this.idle = !hostile && random.fraction() < 0.15;
		const size = Math.min(mostCost - UNIT_COST_BYTES, pick(random, [1, 2 * KiB, 70 * KiB, MiB]));
		this.costs = this.idle
			? []
			: Array.from({ length: Math.floor(random.fraction() * 40) }, () => UNIT_COST_BYTES + Math.floor(random.fraction() * (size + 1)));
	}

	/** What it holds of the process. */
	get full(): number {
		return this.closed ? 0 : this.lastReceived ? this.received - this.taken : this.window.limit - this.taken;
	}

	get isOver(): boolean {
		return this.closed || (this.lastReceived && this.unread.length === 0);
	}

	write(): boolean {
		if (this.suspended || this.lastSent) return false;
		const cost = this.costs[0];
		if (cost === undefined) {
			if (this.idle) return false;
			this.lastSent = true;
			this.onLine.push(0);
			return true;
		}
		if (this.sent + cost <= this.told) {
			this.costs.shift();
			this.sent += cost;
			this.onLine.push(cost);
			return true;
		}
		if (this.askedFor >= this.sent + cost) return false;
		this.askedFor = this.sent + cost;
		this.asksUnderWay = this.askedFor;
		return true;
	}

	hear(): boolean {
		if (this.suspended || this.told >= this.window.limit) return false;
		this.told = this.window.limit;
		return true;
	}

	deliver(): boolean {
		if (this.suspended) return false;
		if (this.asksUnderWay > 0) {
			this.window.asked(this.asksUnderWay);
			this.asksUnderWay = 0;
			return true;
		}
		const cost = this.onLine.shift();
		if (cost === undefined) return false;
		if (cost === 0) {
			this.lastReceived = true;
			this.window.ended();
			if (this.unread.length === 0) this.close();
			return true;
		}
		this.received += cost;
		assert.ok(this.window.received(cost), "a unit within the limit is taken");
		this.unread.push(cost);
		return true;
	}

	take(): boolean {
		if (this.reader === "never" || this.closed) return false;
		const cost = this.unread.shift();
		if (cost === undefined) {
			this.window.waits(true);
			return false;
		}
		this.taken += cost;
		this.window.taken(cost);
		if (this.unread.length === 0) this.window.waits(true);
		if (this.isOver) this.close();
		return true;
	}

	suspend(yes: boolean): void {
		if (this.closed) return;
		this.suspended = yes;
		this.window.suspended(yes);
	}

	close(): void {
		this.window.close();
		this.closed = true;
		this.unread.length = 0;
	}
}

function pick<T>(random: Random, values: readonly T[]): T {
	return values[Math.floor(random.fraction() * values.length)] as T;
}

/** Random lines on one budget; then everything goes on until nothing moves. */
function walk(seed: number): Set<Sight> {
	const random = seededRandom(seed);
	const sights = new Set<Sight>();
	const messageBytes = pick(random, [1, 1_000, 64 * KiB, MiB]);
	const longest = messageBytes + UNIT_COST_BYTES;
	const receiveBytes = pick(random, [MiB, 2 * MiB, 6 * MiB, 16 * MiB]);
	let nowMs = 0;
	const budget = new ReceiveBudget({ receiveBytes, streamWindowBytes: pick(random, [64 * KiB, 512 * KiB, 2 * MiB]), messageBytes }, () => nowMs);
	const identities = 1 + Math.floor(random.fraction() * 4);
	const hostileOne = random.fraction() < 0.4 ? "0" : "none";
	const lines: Line[] = [];
	const open = (): void => {
		const identity = String(Math.floor(random.fraction() * identities));
		const line = new Line(budget, identity, random, longest, identity === hostileOne && random.fraction() < 0.6);
		if (random.fraction() < 0.7) line.window.roundTrip(random.fraction() * 20);
		lines.push(line);
	};
	const check = (): void => {
		const byIdentity = new Map<string, { full: number; streams: number }>();
		let full = 0;
		for (const line of lines) {
			const sum = byIdentity.get(line.identity) ?? { full: 0, streams: 0 };
			sum.full += line.full;
			sum.streams++;
			full += line.full;
			byIdentity.set(line.identity, sum);
			assert.ok(line.told <= line.window.limit || line.told === EARLY_BYTES, "a limit never falls");
			if (line.hostile) continue;
			assert.ok(line.window.limit - line.taken <= Math.max(2 * MiB + 2 * KiB, longest, EARLY_BYTES), "a window has an end");
		}
		for (const [identity, sum] of byIdentity) {
			const most = receiveBytes / 4 + sum.streams * EARLY_BYTES + 2 * longest;
			assert.ok(sum.full <= most, `identity ${identity} holds ${sum.full} of ${most}`);
		}
		assert.ok(full <= receiveBytes + lines.length * EARLY_BYTES + 2 * identities * longest, `all hold ${full} of ${receiveBytes}`);
		assert.ok(budget.heldBytes <= receiveBytes + lines.length * EARLY_BYTES);
		if (budget.heldBytes < full) sights.add("lent");
		if (budget.heldBytes > receiveBytes / 8) sights.add("full");
	};
	for (let count = 0; count < 3; count++) open();
	for (let step = 0; step < 1_500; step++) {
		if (lines.length < 40 && random.fraction() < 0.03) open();
		const line = pick(random, lines);
		const act = random.fraction();
		nowMs += random.fraction() < 0.2 ? random.fraction() * 10 : 0;
		if (act < 0.3) line.write();
		else if (act < 0.5) line.hear();
		else if (act < 0.75) {
			const [asks, limit] = [line.asksUnderWay, line.window.limit];
			line.deliver();
			if (asks > 0) sights.add("asked");
			if (asks > limit) sights.add(line.window.limit > limit ? "answered at once" : "answered later");
			if (line.lastReceived && line.unread.length > 0) sights.add("ended unread");
		} else if (act < 0.96) line.take();
		else if (act < 0.98) {
			line.suspend(!line.suspended && random.fraction() < 0.7);
			if (line.suspended) sights.add("suspended");
		} else if (act < 0.983) line.close();
		if (line.hostile && !line.closed && random.fraction() < 0.5) {
			sights.add("hostile");
			line.window.asked(pick(random, [Number.MAX_SAFE_INTEGER, line.window.limit + 1, line.sent + longest, 0]));
			line.told = line.window.limit;
			if (random.fraction() < 0.3 && line.costs.length > 0) line.costs.unshift(UNIT_COST_BYTES);
		}
		// A sender that has given up what it asked for sends something shorter instead.
		if (line.askedFor > line.sent && line.costs.length > 1 && random.fraction() < 0.01) {
			sights.add("asked in vain");
			line.costs.shift();
		}
		if (line.window.limit - line.taken > 257 * KiB && line.askedFor === 0) sights.add("grown");
		check();
	}
	for (const line of lines) line.suspend(false);
	let moving = true;
	while (moving) {
		moving = false;
		for (const line of lines) for (const moved of [line.hear(), line.write(), line.deliver(), line.take()]) moving ||= moved;
		check();
	}
	for (const line of lines) {
		if (line.identity === hostileOne || line.reader === "never" || line.idle) continue;
		assert.ok(line.isOver, `${line.identity}: ${line.sent} sent, ${line.taken} taken, limit ${line.window.limit}, next ${line.costs[0]}: it stands for ever`);
	}
	for (const line of lines) line.close();
	assert.equal(budget.heldBytes, 0);
	return sights;
}

test("receive budget: whatever streams do, it holds, limits never fall, and no reader that takes what comes waits for ever", () => {
	const counts = new Map<Sight, number>();
	for (let seed = 1; seed <= SEEDS; seed++) {
		try {
			for (const sight of walk(seed)) counts.set(sight, (counts.get(sight) ?? 0) + 1);
		} catch (error) {
			throw new Error(`Seed ${seed}: ${String(error)}`, { cause: error });
		}
	}
	const wanted: readonly Sight[] = [
		"asked",
		"answered at once",
		"answered later",
		"lent",
		"suspended",
		"full",
		"grown",
		"ended unread",
		"hostile",
		"asked in vain",
	];
	for (const sight of wanted) assert.ok((counts.get(sight) ?? 0) >= SEEDS / 50, `"${sight}" was seen in ${counts.get(sight) ?? 0} of ${SEEDS} runs`);
});
