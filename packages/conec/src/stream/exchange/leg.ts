/**
 * One leg of a stream: a transport's stream that carries it, or did.
 *
 * @module
 */

import type { ConecError } from "../../errors.ts";
import type { FrameMemory, StreamHandler } from "../../transport/transport.ts";
import type { AckSlot, SendShare } from "../windows/index.ts";
import type { LegLink, LegPath, LegWire } from "./seams.ts";

/** What hears of a leg's events. */
export interface LegOwner {
	frame(leg: Leg, kind: number, payload: Uint8Array): void;
	/** Takes a frame where it lies, if it is a new unit: see `StreamHandler.frameAt`. */
	readonly incoming: { takeAt(leg: Leg, kind: number, memory: FrameMemory, at: number, length: number): boolean };
	/** FIN came. */
	fin(leg: Leg): void;
	/** RESET_STREAM came. */
	resetBy(leg: Leg, code: number): void;
	/** STOP_SENDING came. */
	stoppedBy(leg: Leg, code: number): void;
	/** Units may go again: the wire or the connection has room. */
	room(leg: Leg): void;
	/** The connection has ended, or what came could not be read. */
	broken(leg: Leg, error: ConecError): void;
	/** An ACK is due. */
	ackDue(leg: Leg): void;
	/** Whose share of the connection its units are. */
	readonly identity: string;
}

const NO_WIRE: LegWire = { write: () => -1, writeFrames: () => -1, queuedBytes: 0, finish() {}, reset() {}, stop() {}, consumed() {} };
const NO_SHARE: SendShare = {
	admits: () => false,
	greatestBytes: Number.POSITIVE_INFINITY,
	wrote() {},
	bookAhead: () => false,
	acked() {},
	answered() {},
	cancel() {},
	close() {},
};
const NO_SLOT: AckSlot = { received() {}, taken() {}, now() {}, soon() {}, told() {}, close() {} };

/** See the module. It tells its owner what comes, until it is let go. */
export class Leg implements StreamHandler {
	/** 0 for the first leg. */
	readonly generation: number;
	readonly #owner: LegOwner;
	wire: LegWire = NO_WIRE;
	share: SendShare = NO_SHARE;
	acks: AckSlot = NO_SLOT;
	path: LegPath = "direct";
	/** RESUMABLE has come, or is written. */
	up = false;
	/** The opener is known to write here. At the opener always. */
	confirmed = true;
	/** FIN is written. */
	finWritten = false;
	/** The peer says nothing more here: its FIN or reset has come. */
	finCame = false;
	/** The opener has gone over to another leg, and only reads this one. */
	left = false;
	/** STOP_SENDING came before the answer, with this code. */
	stopCode: number | undefined = undefined;
	/** Nothing more is heard of it. */
	over = false;
	/** Number of the last unit that was written here. -1: FROM is to be written first. */
	wrote = -1;
	/** Number of the last unit that came here. -1: its number is not known yet. */
	came = -1;
	/** Cumulative cost of the units up to {@link wrote}, and to what is acknowledged of them. */
	wroteCost = 0;
	ackedCost = 0;
	/** The newest counts that the peer was told here. */
	toldReceived = 0;
	toldLimit = 0;
	/** An ACK is due here though it may say nothing new. */
	owesAck = false;
	/** STOP was written here. */
	stopTold = false;
	/** The greatest cost that BLOCKED asked for here. */
	askedCost = 0;
	/** When OPEN, or RESUMABLE, was written. `undefined`: its round trip is measured. */
	sentMs: number | undefined = undefined;
	/** When something of its state is over that must not last. */
	untilMs: number = Number.POSITIVE_INFINITY;

	constructor(generation: number, owner: LegOwner) {
		this.generation = generation;
		this.#owner = owner;
	}

	/** Its transport's stream is there. */
	attach({ wire, shares, acks, priority, path = "direct" }: LegLink, early: boolean): void {
		if (this.over) return;
		this.wire = wire;
		this.path = path;
		this.share = shares.open(this.#owner.identity, early, () => this.#owner.room(this), priority);
		this.acks = acks.open(() => this.#owner.ackDue(this));
	}

	/** Writes a frame ahead of those that wait. `aside`: nobody waits for this very frame. */
	urgent(kind: number, payload: Uint8Array, aside?: boolean): void {
		if (this.wire.writeUrgent === undefined) this.wire.write(kind, payload);
		else this.wire.writeUrgent(kind, payload, aside);
	}

	/** Writes FIN. */
	finish(): void {
		if (this.finWritten) return;
		this.finWritten = true;
		this.wire.finish();
	}

	/** Counts units as acknowledged, as far as they were written here. */
	acknowledged(cumulativeCost: number): void {
		const until = Math.min(cumulativeCost, this.wroteCost);
		if (until <= this.ackedCost) return;
		const freed = until - this.ackedCost;
		this.ackedCost = until;
		this.share.acked(freed);
	}

	/** Nothing more is heard of it. With a code, the peer is told so, in each direction that is not over. */
	letGo(code: number | undefined): void {
		if (this.over) return;
		this.over = true;
		this.share.close();
		this.acks.close();
		if (code === undefined) return;
		if (!this.finWritten) this.wire.reset(code);
		if (!this.finCame) this.wire.stop(code);
	}

	// What the transport tells.

	frame(kind: number, payload: Uint8Array): void {
		this.wire.consumed(payload.length);
		if (!this.over) this.#owner.frame(this, kind, payload);
	}

	frameAt(kind: number, memory: FrameMemory, at: number, length: number): void {
		this.wire.consumed(length);
		if (this.over || this.#owner.incoming.takeAt(this, kind, memory, at, length)) return;
		this.#owner.frame(this, kind, new Uint8Array(memory.buffer, at, length));
	}

	end(): void {
		this.finCame = true;
		if (!this.over) this.#owner.fin(this);
	}

	reset(code: number): void {
		this.finCame = true;
		if (!this.over) this.#owner.resetBy(this, code);
	}

	stopped(code: number): void {
		if (!this.over) this.#owner.stoppedBy(this, code);
	}

	drained(): void {
		if (!this.over) this.#owner.room(this);
	}

	finished(): void {}

	lost(error: ConecError): void {
		if (!this.over) this.#owner.broken(this, error);
	}
}
