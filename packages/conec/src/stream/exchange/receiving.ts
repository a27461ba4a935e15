/**
 * Units on their way in: which are new, what the application gets of them, and what the peer is told.
 *
 * @module
 */

import type { FrameMemory } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeAck, encodeCode } from "../../wire/stream-frames.ts";
import { type ReceiveWindow, UNIT_COST_BYTES } from "../windows/index.ts";
import type { Leg } from "./leg.ts";
import type { Legs } from "./legs.ts";
import type { ExchangeInit, ExchangeSink } from "./seams.ts";

/** So much may be received or taken before the slot of the leg hears of it again. */
const STEP_BYTES = 4_096;

/** What comes. */
export type ReceivingState =
	/** Messages may come. */
	| "open"
	/** The peer's END came. */
	| "ended"
	/** The peer gave up sending, or the stream failed. */
	| "failed"
	/** This side wants no more. */
	| "stopped";

/** What {@link Receiving} is made with. */
export type ReceivingInit = Pick<ExchangeInit, "windows" | "identity" | "unitKinds" | "holdsEnd">;

/** Where units for the application go. */
export type ReceivingSink = Pick<ExchangeSink, "receiving">;

/** What else {@link Receiving} tells. */
export interface ReceivingEvents {
	/** A frame was not allowed. */
	violated(what: string): void;
}

/**
 * A receiver takes the unit after those that it has from whichever leg brings it, and drops those that it has. What can
 * come is bounded by the limit that it gave. So it reads every leg, whether its application reads or not.
 */
export class Receiving {
	/** Units that are in this process. */
	received = 0;
	/** The peer's last unit is one of them. */
	lastCame = false;
	state: ReceivingState = "open";
	/** The peer is not told that END came before {@link endTaken}. Only where a stream has one leg. */
	readonly #holdsEnd: boolean;
	/** Where END came, while the peer is not told. */
	#endHeld: Leg | undefined = undefined;
	readonly #legs: Legs;
	readonly #sink: ReceivingSink;
	readonly #events: ReceivingEvents;
	readonly #window: ReceiveWindow;
	/** Kinds of frames that are units beside the last, one bit each. */
	readonly #kinds: number;
	/** Cost of what was received, and of what was taken, since the slot of the leg was told so. */
	#owedCost = 0;
	#freedCost = 0;
	/** The slot is told when one of them is more: at once after an ACK, then by steps, as a call for each short message costs more. */
	#gatherCost = 0;
	/** What the peer's next unit needs, if it has said so. */
	#askedCost = 0;
	#stopCode = 0;

	constructor(legs: Legs, sink: ReceivingSink, events: ReceivingEvents, { windows, identity, unitKinds = 1 << FRAME.DATA, holdsEnd = false }: ReceivingInit) {
		this.#legs = legs;
		this.#sink = sink;
		this.#events = events;
		this.#kinds = unitKinds;
		this.#holdsEnd = holdsEnd;
		this.#window = windows.open(identity, (atOnce) => this.#raised(atOnce));
	}

	/** Up to which cumulative cost the peer may send. */
	get limit(): number {
		return this.#window.limit;
	}

	/** The peer's last unit came, whether the peer was told so or not. */
	get endCame(): boolean {
		return this.lastCame || this.#endHeld !== undefined;
	}

	/** Whether a kind of frames is a unit that is not the last. */
	isUnit(kind: number): boolean {
		return kind < 32 && ((this.#kinds >>> kind) & 1) === 1;
	}

	/** Takes a new unit for the application, if that is all there is to do. False: it is something else. */
	take(leg: Leg, kind: number, payload: Uint8Array): boolean {
		if (!this.#isNext(leg, kind)) return false;
		if (this.#came(leg, payload.length + UNIT_COST_BYTES)) this.#sink.receiving.push(payload, kind);
		return true;
	}

	/** The same for one that lies in memory with others. */
	takeAt(leg: Leg, kind: number, memory: FrameMemory, at: number, length: number): boolean {
		if (!this.#isNext(leg, kind)) return false;
		if (!this.#came(leg, length + UNIT_COST_BYTES)) return true;
		const { receiving } = this.#sink;
		if (receiving.pushAt === undefined) receiving.push(new Uint8Array(memory.buffer, at, length), kind);
		else receiving.pushAt(memory, at, length, kind);
		return true;
	}

	#isNext(leg: Leg, kind: number): boolean {
		return leg.came === this.received && this.state === "open" && this.isUnit(kind);
	}

	/** One more unit is here. False: it was not allowed to come. */
	#came(leg: Leg, cost: number): boolean {
		if (!this.#window.received(cost)) {
			this.#events.violated("a message is beyond the limit");
			return false;
		}
		leg.came = ++this.received;
		this.#owe(cost);
		return true;
	}

	/** A unit came that {@link take} did not take. True: it is the last one, and new. */
	unit(leg: Leg, kind: number, payload: Uint8Array): boolean {
		if (leg.came < 0) {
			this.#events.violated("a leg brings a message before the number of its first");
			return false;
		}
		if (leg.came < this.received) {
			leg.came++;
			return false;
		}
		if (this.endCame) {
			this.#events.violated("a message comes after the last one");
			return false;
		}
		if (kind === FRAME.END || kind === FRAME.RESET) {
			this.#window.ended();
			this.#endHeld = leg;
			if (!this.#holdsEnd || kind === FRAME.RESET) this.endTaken();
			return true;
		}
		// The application wants it no more.
		const cost = payload.length + UNIT_COST_BYTES;
		if (this.#came(leg, cost)) this.#window.taken(cost);
		return false;
	}

	/** Everything before END is done with, so the peer may know that END came. */
	endTaken(): void {
		const leg = this.#endHeld;
		if (leg === undefined) return;
		this.#endHeld = undefined;
		leg.came = ++this.received;
		this.lastCame = true;
		this.#legs.current?.acks.now();
	}

	/** The peer says with which number it begins on a leg. */
	from(leg: Leg, first: number | undefined): void {
		if (leg.generation === 0 || leg.came >= 0) this.#events.violated("a leg says twice with which message it begins");
		else if (first === undefined || first < 1 || first > this.received + 1) this.#events.violated("a leg begins with a message that cannot be its first");
		else leg.came = first - 1;
	}

	/** The peer says what its next unit needs. `waits`: the application waits for it, and nothing is there to take. */
	asked(costBytes: number | undefined, waits: boolean): void {
		if (costBytes === undefined) return this.#events.violated("what a message needs is not a number");
		if (this.lastCame) return;
		this.#askedCost = Math.max(this.#askedCost, costBytes);
		this.#window.asked(costBytes);
		if (waits) this.waits(true);
		this.#legs.current?.acks.now();
	}

	/** The application has taken a message. */
	taken(payloadBytes: number): void {
		const cost = payloadBytes + UNIT_COST_BYTES;
		this.#window.taken(cost);
		this.#freedCost += cost;
		if (this.#freedCost > this.#gatherCost || this.#legs.several) this.#tellFreed();
	}

	/** The application waits for a message and none is there, or has given that up. */
	waits(yes: boolean): void {
		if (this.#askedCost > this.#window.limit) this.#window.waits(yes);
	}

	/** The application wants no more, and what it has not taken is dropped. */
	drop(): void {
		this.#window.taken(this.#window.unreadBytes);
	}

	/** The same from now on, and the peer is told. */
	stop(code: number): void {
		this.state = "stopped";
		this.#stopCode = code;
		this.drop();
		this.tellStop();
		const leg = this.#legs.current;
		if (leg !== undefined && this.#window.limit > leg.toldLimit) leg.acks.soon();
	}

	/** STOP goes on the current leg, unless it went there. */
	tellStop(): void {
		const leg = this.#legs.current;
		if (leg === undefined || !leg.up || this.state !== "stopped" || this.lastCame || leg.stopTold) return;
		leg.stopTold = true;
		leg.urgent(FRAME.STOP, encodeCode(this.#stopCode));
	}

	/** What a new current leg is told. */
	moved(leg: Leg): void {
		// Its slot has heard nothing yet, so the next unit must not wait for a step.
		this.#owedCost = this.#freedCost = this.#gatherCost = 0;
		this.tellStop();
		if (leg.up && (this.received > leg.toldReceived || this.limit > leg.toldLimit)) leg.acks.now();
	}

	/** An ACK is written now, if there is something to say. */
	acknowledge(): void {
		const leg = this.#legs.current;
		if (leg === undefined || !leg.up) return;
		const [received, limit] = [this.received, this.#window.limit];
		leg.acks.told();
		this.#owedCost = this.#freedCost = this.#gatherCost = 0;
		if (!leg.owesAck && received === leg.toldReceived && (limit === leg.toldLimit || this.lastCame)) return;
		leg.owesAck = false;
		leg.toldReceived = received;
		leg.toldLimit = limit;
		// Only the last one is waited for, by `close`. The others make room ahead of time.
		leg.urgent(FRAME.ACK, encodeAck(received, limit), !this.lastCame);
	}

	/** A round trip from end to end was seen. */
	measured(ms: number): void {
		this.#window.roundTrip(ms);
	}

	/** No leg carries the stream now, or one does again. */
	suspended(yes: boolean): void {
		this.#window.suspended(yes);
	}

	/** The stream is over, and what is not taken is the application's own. */
	close(): void {
		this.#window.close();
	}

	#owe(cost: number): void {
		this.#owedCost += cost;
		if (this.#owedCost > this.#gatherCost || this.#legs.several) this.#tellOwed();
	}

	/** An ACK is due when so much was received or taken. A step less than that, as the slot may not know the last one. */
	#gather(): number {
		const every = this.#window.ackEveryBytes;
		this.#gatherCost = Math.min(STEP_BYTES, every >>> 3);
		return every - this.#gatherCost;
	}

	#tellOwed(): void {
		const cost = this.#owedCost;
		this.#owedCost = 0;
		const leg = this.#legs.current;
		if (leg === undefined) return;
		if (this.#legs.several) leg.acks.now();
		else leg.acks.received(cost, this.#gather());
	}

	#tellFreed(): void {
		const cost = this.#freedCost;
		this.#freedCost = 0;
		const leg = this.#legs.current;
		if (this.lastCame || leg === undefined || this.#window.limit <= leg.toldLimit) return;
		if (this.#legs.several) leg.acks.now();
		else leg.acks.taken(cost, this.#gather());
	}

	#raised(atOnce: boolean): void {
		const leg = this.#legs.current;
		if (leg === undefined || !leg.up || this.lastCame) return;
		if (atOnce || this.#legs.several) leg.acks.now();
		else leg.acks.soon();
	}
}
