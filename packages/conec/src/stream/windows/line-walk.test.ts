import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { AckSchedule, type AckSlot, EARLY_BYTES, ReceiveBudget, type ReceiveWindow, SendBudget, type SendShare, UNIT_COST_BYTES } from "./index.ts";

const SEEDS = 150;
const KiB = 1024;
const MiB = 1024 * KiB;

type Pick = <T>(values: readonly T[]) => T;
type Sight = "asked" | "leg lost" | "replayed" | "full line" | "room" | "told after 25 ms" | "stalled peer" | "never read";

/** Time that moves when nothing else does. */
class StepClock implements Clock {
	#now = 0;
	readonly #timers = new Map<object, { readonly at: number; readonly callback: () => void }>();

	now(): number {
		return this.#now;
	}
	wallMs(): number {
		return this.#now;
	}
	setTimeout(callback: () => void, delayMs: number): unknown {
		const timer = {};
		this.#timers.set(timer, { at: this.#now + delayMs, callback });
		return timer;
	}
	clearTimeout(timer: unknown): void {
		this.#timers.delete(timer as object);
	}
	soon(callback: () => void): void {
		queueMicrotask(callback);
	}
	/** Fires the next timer. */
	step(): boolean {
		const [next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
		if (next === undefined) return false;
		this.#timers.delete(next[0]);
		this.#now = next[1].at;
		next[1].callback();
		return true;
	}
}

/** QUIC's window of the connection: what was read is announced in steps of an eighth. */
class Credit {
	readonly windowBytes: number;
	#announced: number;
	#sent = 0;
	#read = 0;

	constructor(windowBytes: number) {
		this.windowBytes = windowBytes;
		this.#announced = windowBytes;
	}

	get freeBytes(): number {
		return this.#announced - this.#sent;
	}

	send(bytes: number): void {
		this.#sent += bytes;
		assert.ok(this.freeBytes >= this.windowBytes / 8 - UNIT_COST_BYTES, `an eighth is left for the control stream, not ${this.freeBytes}`);
	}

	read(bytes: number): void {
		this.#read += bytes;
		if (this.#read >= this.windowBytes / 8) {
			this.#announced += this.#read;
			this.#read = 0;
		}
	}
}

interface World {
	readonly pick: Pick;
	readonly chance: (of: number) => boolean;
	readonly sends: SendBudget;
	readonly credit: Credit;
	readonly acks: AckSchedule;
	readonly sights: Set<Sight>;
}

/** One stream, both ends of it, with units one way and ACKs the other. */
class Line {
	readonly #world: World;
	readonly #peer: string;
	readonly #costs: readonly number[];
	readonly reader: "eager" | "late" | "never";
	/** Its peer reads nothing from QUIC. */
	readonly stalled: boolean;
	readonly window: ReceiveWindow;
	// The sender.
	#share: SendShare | undefined;
	#limit = EARLY_BYTES;
	#numbered = 0;
	#acked = 0;
	#nextOnLeg = 0;
	#asked = 0;
	// The line: numbers of units, -1 for BLOCKED; and ACKs.
	readonly #forth: number[] = [];
	readonly #back: { received: number; limit: number }[] = [];
	// The receiver.
	readonly #slot: AckSlot;
	#received = 0;
	#toldLimit = 0;
	readonly #unread: number[] = [];

	constructor(world: World, receives: ReceiveBudget, peer: string, stalled: boolean, costs: readonly number[]) {
		this.#world = world;
		this.#peer = peer;
		this.#costs = costs;
		this.stalled = stalled;
		this.reader = world.pick(["eager", "eager", "eager", "late", "never"]);
		if (this.reader === "never") world.sights.add("never read");
		this.window = receives.open("sender", (atOnce) => (atOnce ? this.#slot.now() : this.#slot.soon()));
		this.#slot = world.acks.open(() => {
			this.#toldLimit = this.window.limit;
			this.#back.push({ received: this.#received, limit: this.#toldLimit });
		});
		this.window.roundTrip(1);
		this.#newLeg();
	}

	get done(): boolean {
		return this.#acked === this.#costs.length && (this.reader === "never" || this.#unread.length === 0);
	}

	get words(): string {
		return `${this.#numbered} of ${this.#costs.length} numbered, ${this.#acked} acknowledged, limit ${this.#limit} of ${this.window.limit}, next ${this.#costs[this.#numbered]}`;
	}

	/** RESUMABLE has come, which says what the receiver has. */
	#newLeg(): void {
		this.#acked = this.#received;
		this.#nextOnLeg = this.#acked;
		this.#asked = 0;
		this.window.suspended(false);
		this.#share = this.#world.sends.open(this.#peer, false, () => {
			this.#world.sights.add("room");
			this.#pump();
		});
		this.#pump();
	}

	/** The leg is lost, with what is on it. */
	lose(): void {
		if (this.#share === undefined) return;
		this.#world.sights.add("leg lost");
		for (const unit of this.#forth) if (unit >= 0) this.#world.credit.read(this.#costs[unit] ?? 0);
		this.#forth.length = 0;
		this.#back.length = 0;
		const share = this.#share;
		this.#share = undefined;
		share.close();
		this.window.suspended(true);
	}

	resume(): void {
		if (this.#share !== undefined) return;
		this.#newLeg();
		this.#slot.now();
	}

	#sum(units: number): number {
		return this.#costs.slice(0, units).reduce((sum, cost) => sum + cost, 0);
	}

	#pump(): void {
		while (this.#share !== undefined && this.#nextOnLeg < this.#costs.length) {
			const cost = this.#costs[this.#nextOnLeg] ?? 0;
			if (this.#nextOnLeg === this.#numbered) {
				const needed = this.#sum(this.#numbered + 1);
				if (needed > this.#limit) {
					if (this.#asked < needed) this.#forth.push(-1);
					this.#asked = needed;
					return;
				}
			}
			if (!this.#share.admits(cost)) return;
			if (this.#nextOnLeg === this.#numbered) this.#numbered++;
			else this.#world.sights.add("replayed");
			this.#share.wrote(cost);
			this.#world.credit.send(cost);
			this.#forth.push(this.#nextOnLeg++);
		}
	}

	/** The receiver reads the next frame. */
	deliver(): boolean {
		if (this.stalled) return false;
		const unit = this.#forth.shift();
		if (unit === undefined) return false;
		if (unit < 0) {
			this.#world.sights.add("asked");
			this.window.asked(this.#asked);
			this.#slot.now();
			return true;
		}
		const cost = this.#costs[unit] ?? 0;
		this.#world.credit.read(cost);
		if (unit < this.#received) return true;
		assert.equal(unit, this.#received);
		assert.ok(this.window.received(cost), "a unit within the limit");
		this.#received++;
		this.#unread.push(cost);
		this.#slot.received(cost, this.window.ackEveryBytes);
		return true;
	}

	take(): boolean {
		if (this.reader === "never") return false;
		const cost = this.#unread.shift();
		if (cost === undefined) {
			this.window.waits(true);
			return false;
		}
		this.window.taken(cost);
		if (this.window.limit > this.#toldLimit) this.#slot.taken(cost, this.window.ackEveryBytes);
		if (this.#unread.length === 0) this.window.waits(true);
		return true;
	}

	hear(): boolean {
		const ack = this.#back.shift();
		if (ack === undefined) return false;
		const freed = this.#sum(Math.min(ack.received, this.#nextOnLeg)) - this.#sum(this.#acked);
		if (ack.received > this.#acked) {
			// On a new leg only what was written on it counts.
			this.#nextOnLeg = Math.max(this.#nextOnLeg, ack.received);
			this.#acked = ack.received;
			this.#share?.acked(freed);
		}
		this.#limit = Math.max(this.#limit, ack.limit);
		this.#pump();
		return true;
	}
}

async function walk(seed: number): Promise<Set<Sight>> {
	const random = seededRandom(seed);
	const pick: Pick = (values) => values[Math.floor(random.fraction() * values.length)] as (typeof values)[number];
	const chance = (of: number): boolean => random.fraction() < of;
	const clock = new StepClock();
	const messageBytes = pick([1_000, 64 * KiB, 300 * KiB]);
	const severalPeers = chance(0.5);
	const connectionWindowBytes = pick([6 * messageBytes + 4 * KiB, 6 * messageBytes + 4 * KiB, 16 * MiB]);
	const world: World = {
		pick,
		chance,
		sends: new SendBudget({ connectionWindowBytes, severalPeers }),
		credit: new Credit(connectionWindowBytes),
		acks: new AckSchedule(clock),
		sights: new Set(),
	};
	// Every peer has its own budget. Here all streams are of one identity to each.
	const receives = new Map<string, ReceiveBudget>();
	const lines: Line[] = [];
	for (let count = 2 + Math.floor(random.fraction() * 14); count > 0; count--) {
		const peer = severalPeers ? String(Math.floor(random.fraction() * 4)) : "peer";
		const budget = receives.get(peer) ?? new ReceiveBudget({ receiveBytes: pick([2 * MiB, 8 * MiB]), streamWindowBytes: MiB, messageBytes }, () => clock.now());
		receives.set(peer, budget);
		const costs = Array.from({ length: Math.floor(random.fraction() * 40) }, () => UNIT_COST_BYTES + Math.floor(random.fraction() * messageBytes));
		const stalled = severalPeers && peer === "0";
		if (stalled) world.sights.add("stalled peer");
		lines.push(new Line(world, budget, peer, stalled, costs));
	}
	for (let step = 0; step < 400; step++) {
		const line = pick(lines);
		const act = random.fraction();
		if (act < 0.45) line.deliver();
		else if (act < 0.65) line.take();
		else if (act < 0.9) line.hear();
		else if (act < 0.93) line.lose();
		else if (act < 0.97) line.resume();
		else if (clock.step()) world.sights.add("told after 25 ms");
		if (chance(0.5)) await undefined;
		if (world.sends.onItsWayBytes > connectionWindowBytes / 2) world.sights.add("full line");
	}
	for (const line of lines) line.resume();
	for (let moving = true; moving; ) {
		moving = false;
		for (const line of lines) for (const moved of [line.deliver(), line.take(), line.hear()]) moving ||= moved;
		await undefined;
		// A reader that waits may have made an ACK due.
		if (!moving) moving = lines.some((line) => line.hear()) || clock.step();
		await undefined;
	}
	for (const line of lines) if (!line.stalled && line.reader !== "never") assert.ok(line.done, `it stands for ever: ${line.words}`);
	return world.sights;
}

test("stream windows: units, ACKs, questions and lost legs: nobody whose reader reads waits for ever, and the control stream has room", async () => {
	const counts = new Map<Sight, number>();
	for (let seed = 1; seed <= SEEDS; seed++) {
		try {
			for (const sight of await walk(seed)) counts.set(sight, (counts.get(sight) ?? 0) + 1);
		} catch (error) {
			throw new Error(`Seed ${seed}: ${String(error)}`, { cause: error });
		}
	}
	const wanted: readonly Sight[] = ["asked", "leg lost", "replayed", "full line", "room", "told after 25 ms", "stalled peer", "never read"];
	for (const sight of wanted) assert.ok((counts.get(sight) ?? 0) >= SEEDS / 25, `"${sight}" was seen in ${counts.get(sight) ?? 0} of ${SEEDS} runs`);
});
