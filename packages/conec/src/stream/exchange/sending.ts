/**
 * Units on their way out: their numbers, what they cost, and when they may go.
 *
 * @module
 */

import { FRAME } from "../../wire/frames.ts";
import { encodeCode, encodeCount } from "../../wire/stream-frames.ts";
import { EARLY_BYTES, type KeptShare, UNIT_COST_BYTES } from "../windows/index.ts";
import { Kept } from "./kept.ts";
import type { Leg } from "./leg.ts";
import { Marks } from "./marks.ts";
import type { ExchangeSink } from "./seams.ts";

const EMPTY = new Uint8Array(0);

/** So much is booked ahead of what is written, where there is plenty and units are short. */
const AHEAD_BYTES = 16_384;
const SHORT_BYTES = 1_024;

/** Units that cost more are longer than most windows are at first. */
const LONG_BYTES = 262_144;

/** The last unit of a direction. */
export interface LastUnit {
	readonly kind: typeof FRAME.END | typeof FRAME.RESET;
	/** The application's, of a RESET. */
	readonly code: number;
}

/** Who writes units of a stream beside its machine, and counts them later. */
export interface Beside {
	/** Counts what was written, with {@link Sending.wrote}. */
	sync(): void;
	/** Everything is acknowledged. */
	allAcked(): void;
}

/** What is asked of the side of the application. */
export type SendingSink = { readonly sending: Pick<ExchangeSink["sending"], "drained"> };

/** The legs that units go on. */
export interface SendingLegs {
	readonly all: readonly Leg[];
	/** New units may go on the current one. */
	began(): void;
}

/**
 * Units get their numbers when they are first written, on any leg. What a stream that survives the loss of its legs has
 * sent is kept until it is acknowledged, and goes again on the next leg.
 */
export class Sending {
	/** Writes units beside this. */
	beside: Beside | undefined = undefined;
	/** Units written on any leg. */
	sent = 0;
	/** The greatest count that the peer ever said. */
	acked = 0;
	/** Number of the last unit; 0 while it is not written. */
	lastNumber = 0;
	/** Whether a planned move waits until what is on the older leg is acknowledged. */
	draining = false;
	/** No unit goes, whatever is wanted. */
	held = false;
	readonly #sink: SendingSink;
	readonly #legs: SendingLegs;
	readonly #highWaterBytes: number;
	#limit = EARLY_BYTES;
	#sentCost = 0;
	/** Up to which cumulative cost units may be written and nobody is asked: it is booked with the leg's share and with its own, and below the limit. */
	#clearCost = 0;
	#ackedCost = 0;
	#marks: Marks | undefined;
	#kept: Kept | undefined;
	#share: KeptShare | undefined;
	/** Where units go now. */
	#leg: Leg | undefined = undefined;
	/** New units may be written on it. */
	#ready = false;
	/** The application was told to wait. */
	#starved = false;
	/** The last unit that is wanted. */
	#last: LastUnit | undefined = undefined;

	/** @param share What it may keep; `undefined`: nothing is kept. */
	constructor(sink: SendingSink, legs: SendingLegs, highWaterBytes: number, share: KeptShare | undefined) {
		this.#sink = sink;
		this.#legs = legs;
		this.#highWaterBytes = highWaterBytes;
		this.#share = share;
		this.#kept = share === undefined ? undefined : new Kept();
		this.#marks = share === undefined ? new Marks(0) : undefined;
	}

	/** All of it is acknowledged, the last unit too. */
	get over(): boolean {
		return this.lastNumber !== 0 && this.acked === this.lastNumber;
	}

	get queuedBytes(): number {
		return this.#leg?.wire.queuedBytes ?? 0;
	}

	/** Whether something was sent that is not acknowledged. */
	get owed(): boolean {
		return this.acked !== this.sent;
	}

	/** The leg that new units may be written on now. */
	get ready(): Leg | undefined {
		return this.#ready && this.#last === undefined ? this.#leg : undefined;
	}

	/** How much new units may cost, as far as the peer has said. */
	get roomBytes(): number {
		return this.#limit - this.#sentCost;
	}

	/** Units were written on the current leg that had room, and that its share knows of. Not where units are kept. */
	wrote(units: number, costBytes: number): void {
		const leg = this.#leg;
		if (leg === undefined) return;
		this.sent += units;
		this.#sentCost += costBytes;
		leg.wrote = this.sent;
		leg.wroteCost = this.#sentCost;
		this.#marks?.wrote(this.sent, this.#sentCost);
	}

	/** A new unit of that cost cannot go: {@link ExchangeSink.sending}`.drained` is called when it may be worth trying again. */
	lacks(costBytes: number): void {
		const leg = this.ready;
		if (leg !== undefined && costBytes > this.roomBytes) this.#ask(leg, this.#sentCost + costBytes, costBytes);
		else this.#wait();
	}

	/** Writes a new unit, and gives the bytes now queued. -1: not now; {@link ExchangeSink.sending}`.drained` is called when it may go. */
	write(kind: number, payload: Uint8Array): number {
		const cost = payload.length + UNIT_COST_BYTES;
		const total = this.#sentCost + cost;
		const leg = this.#leg;
		if (total > this.#clearCost || leg === undefined) return this.#writeAsking(kind, payload, total, cost);
		// It is booked.
		const queued = leg.wire.write(kind, payload);
		if (queued < 0) return this.#wait();
		this.sent++;
		this.#sentCost = total;
		leg.wrote = this.sent;
		leg.wroteCost = total;
		if (this.#kept === undefined) this.#marks?.wrote(this.sent, total);
		else this.#kept.add(kind, payload);
		return queued;
	}

	#writeAsking(kind: number, payload: Uint8Array, total: number, cost: number): number {
		this.beside?.sync();
		this.#giveBack();
		const leg = this.#leg;
		if (!this.#ready || leg === undefined) return this.#wait();
		if (total > this.#limit) return this.#ask(leg, total, cost);
		if (!leg.share.admits(cost) || (this.#share !== undefined && !this.#share.admits(cost))) return this.#wait();
		const queued = leg.wire.write(kind, payload);
		if (queued < 0) return this.#wait();
		leg.share.wrote(cost);
		this.sent++;
		this.#sentCost = total;
		leg.wrote = this.sent;
		leg.wroteCost = total;
		if (this.#kept === undefined) {
			this.#marks?.wrote(this.sent, total);
		} else {
			this.#kept.add(kind, payload);
			this.#share?.kept(cost);
		}
		if (this.beside === undefined && cost <= SHORT_BYTES) this.#bookAhead(leg);
		return queued;
	}

	/** The last unit goes as soon as it can. A RESET takes the place of an END that is not written. */
	finish(last: LastUnit): void {
		if (this.lastNumber !== 0) return;
		this.beside?.sync();
		this.#giveBack();
		this.#last = last;
		this.wantsNothing();
		this.pump();
	}

	/** Units go on this leg from now on; `undefined`: nowhere. */
	moveTo(leg: Leg | undefined): void {
		if (this.#leg === leg) return;
		this.#giveBack();
		this.#leg?.share.cancel();
		this.#leg = leg;
		this.#ready = false;
		// What waits may have waited for the wire of the leg before.
		this.#starved = true;
		this.pump();
	}

	/** Writes what may go: where it begins, what goes again, then what is new. */
	pump(): void {
		const leg = this.#leg;
		if (leg === undefined || this.held) return;
		if (!this.#ready) {
			if (!this.#catchUp(leg)) return;
			this.#ready = true;
			this.#legs.began();
		}
		if (this.#starved) {
			this.#starved = false;
			this.#sink.sending.drained();
		}
		this.#writeLast(leg);
	}

	/** The wire under the current leg, or what bounds it, has room. */
	roomy(): void {
		this.#starved = true;
		this.pump();
	}

	/** The peer said how many units it has, and up to which cost more may come. False: it has more than were written. */
	heard(received: number, limit: number): boolean {
		this.beside?.sync();
		if (received > this.sent) return false;
		let news = false;
		if (limit > this.#limit) {
			this.#limit = limit;
			news = true;
		}
		if (received > this.acked) {
			this.acked = received;
			this.#released(this.#costOf(received));
			news = true;
		}
		if (received === this.sent) {
			this.#giveBack();
			this.beside?.allAcked();
		}
		if (news && (this.#starved || !this.#ready)) this.pump();
		return true;
	}

	/** The stream does not survive a loss after all: what was kept is let go. */
	keepNothing(): void {
		if (this.#kept === undefined) return;
		this.#giveBack();
		this.#kept.clear();
		this.#kept = undefined;
		this.#share?.close();
		this.#share = undefined;
		this.#marks = new Marks(this.#sentCost);
	}

	/** No leg carries the stream now, or one does again. */
	suspended(yes: boolean): void {
		this.#share?.suspended(yes);
	}

	/** Nothing goes any more, and nothing is kept. */
	close(): void {
		this.held = true;
		this.#giveBack();
		this.#leg = undefined;
		this.#ready = false;
		this.#kept?.clear();
		this.#kept = undefined;
		this.#share?.close();
		this.#share = undefined;
	}

	#costOf(received: number): number {
		if (this.#kept !== undefined) return this.#kept.upTo(received);
		return received === this.sent ? this.#sentCost : Math.max(this.#ackedCost, this.#marks?.upTo(received) ?? 0);
	}

	#released(cost: number): void {
		// What has room now may write at once, from inside these calls.
		const freed = cost - this.#ackedCost;
		this.#ackedCost = cost;
		for (const leg of this.#legs.all) leg.acknowledged(cost);
		this.#share?.released(freed);
	}

	/** The leg comes to the place where new units may be written. */
	#catchUp(leg: Leg): boolean {
		if (leg.wrote < 0) {
			if (this.draining && this.owed) return false;
			this.draining = false;
			leg.urgent(FRAME.FROM, encodeCount(this.acked + 1));
			leg.wrote = this.acked;
			leg.wroteCost = leg.ackedCost = this.#ackedCost;
		}
		const take = (cost: number): boolean => {
			if (cost === 0) return true;
			if (!leg.share.admits(cost)) return false;
			leg.share.wrote(cost);
			return true;
		};
		while (leg.wrote < this.sent) {
			if (leg.wrote < this.acked) {
				// The peer has it by another way, and it is not kept any more. The peer drops what stands in its place.
				if (leg.wire.write(FRAME.DATA, EMPTY) < 0) return false;
				leg.wrote++;
				if (leg.wrote === this.acked) leg.wroteCost = leg.ackedCost = this.#ackedCost;
				continue;
			}
			const run = this.#kept?.run(leg.wrote + 1, take);
			if (run === undefined) return false;
			leg.wrote += run.units;
			leg.wroteCost += run.costBytes;
			const queued = leg.wire.writeFrames(run.frames);
			if (queued < 0 || (queued >= this.#highWaterBytes && leg.wrote < this.sent)) return false;
		}
		return true;
	}

	#writeLast(leg: Leg): void {
		const last = this.#last;
		if (last === undefined || this.lastNumber !== 0 || !this.#ready) return;
		// Before the answer only messages and END may go.
		if (last.kind === FRAME.RESET && !leg.up) return;
		const payload = last.kind === FRAME.RESET ? encodeCode(last.code) : EMPTY;
		if (leg.wire.write(last.kind, payload) < 0) return;
		this.sent++;
		this.lastNumber = this.sent;
		leg.wrote = this.sent;
		this.#kept?.add(last.kind, payload);
	}

	/** Many short units cost one question to each share, where both have plenty. */
	#bookAhead(leg: Leg): void {
		const bytes = Math.min(AHEAD_BYTES, this.#limit - this.#sentCost);
		if (bytes <= 0 || !leg.share.bookAhead(bytes)) return;
		if (this.#share?.bookAhead(bytes) === false) leg.share.acked(bytes);
		else this.#clearCost = this.#sentCost + bytes;
	}

	/** What is booked ahead goes back: others may need it. */
	#giveBack(): void {
		const bytes = this.#clearCost - this.#sentCost;
		this.#clearCost = 0;
		if (bytes <= 0) return;
		// A leg that is over has given everything back.
		if (this.#leg?.over === false) this.#leg.share.acked(bytes);
		this.#share?.released(bytes);
	}

	#wait(): number {
		this.#starved = true;
		return -1;
	}

	/**
	 * The peer's limit is too low for the next unit. Only a long one is asked for ahead of what waits: the peer needs no more than its
	 * window for a short one, and it knows that the unit is short when everything before it has come.
	 */
	#ask(leg: Leg, total: number, cost: number): number {
		if (leg.wrote >= 0 && leg.askedCost < total) {
			leg.askedCost = total;
			if (cost > LONG_BYTES) leg.urgent(FRAME.BLOCKED, encodeCount(total));
			else leg.wire.write(FRAME.BLOCKED, encodeCount(total));
		}
		return this.#wait();
	}

	/** No message waits any more. */
	wantsNothing(): void {
		this.#share?.cancel();
		this.#leg?.share.cancel();
	}
}
