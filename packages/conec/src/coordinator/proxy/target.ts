/**
 * The streams that other Clients open to one Client: which of them may go, and whose turn it is.
 *
 * @module
 */

import { FairPool } from "../../base/fair-pool.ts";
import { FairQueue } from "../../base/fair-queue.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { HeldStream } from "../../transport/transport.ts";
import type { Session } from "../sessions/index.ts";

/** One stream from Client to Client. */
export interface ProxiedStream {
	readonly from: Session;
	/** Its far leg, which is opened when it is its turn. */
	readonly held: HeldStream;
	/** Of a stream that survives the loss of its legs. Two legs of one stream count as one. */
	readonly token?: string | undefined;
	/** "opening": it has been let go, and the target's own stream limit has not let it pass yet. */
	state: "waiting" | "opening" | "open" | "over";
}

/**
 * See the module. A stream goes when its pair has fewer than `streamsPerPair`, the target fewer than `streamsPerConnection` (of which no key
 * or network may take all, see {@link FairPool}), and few others are on their way to the target: what waits in its connection would go in the order in which it came, and here openers have their turn.
 */
export class Target {
	readonly #to: Session;
	readonly #limits: CoordinatorLimits;
	readonly #waiting: FairQueue<Session, ProxiedStream>;
	/** Places for streams to this Client. */
	readonly #places: FairPool;
	/** Places to wait for one of those. */
	readonly #waits: FairPool;
	#opening = 0;
	/** Streams that survive their legs, by opener. */
	readonly #surviving: Map<Session, Map<string, Legs>> = new Map();

	constructor(to: Session, limits: CoordinatorLimits) {
		this.#to = to;
		this.#limits = limits;
		this.#waiting = new FairQueue(limits.waitingOpens, Math.ceil(limits.waitingOpens / 4));
		this.#places = new FairPool(limits.streamsPerConnection);
		this.#waits = new FairPool(limits.waitingOpens);
	}

	/** Streams that wait here. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/** Whether another leg of a stream may come: it has one at most. */
	takesLeg(from: Session, token: string | undefined): boolean {
		return (this.#legsOf(from, token)?.all ?? 0) < MOST_LEGS;
	}

	/** Whether a stream of that opener could go now, or wait. */
	takes(from: Session, token?: string): boolean {
		if (this.#goesAtOnce(from, token)) return true;
		return this.#waits.takes(from.poolKeys) && this.#waiting.lengthOf(from) < Math.ceil(this.#limits.waitingOpens / 4);
	}

	/** Lets the stream go, or wait for its turn. {@link takes} and {@link takesLeg} have said yes in this turn. */
	add(stream: ProxiedStream): void {
		const { from, token } = stream;
		if (token !== undefined) {
			const legs = this.#legsOf(from, token) ?? { all: 0, counted: 0 };
			legs.all++;
			const surviving = this.#surviving.get(from) ?? new Map();
			this.#surviving.set(from, surviving.set(token, legs));
		}
		if (this.#goesAtOnce(from, token)) this.#go(stream);
		else if (this.#waiting.push(from, stream)) this.#waits.take(from.poolKeys);
	}

	/** The target's connection has let the stream pass. */
	opened(stream: ProxiedStream): void {
		if (stream.state !== "opening") return;
		stream.state = "open";
		this.#opening--;
		this.#next();
	}

	/** The stream is over, whether it ever went or not. */
	over(stream: ProxiedStream): void {
		const { state, from } = stream;
		if (state === "over") return;
		stream.state = "over";
		this.#forgetLeg(stream, state !== "waiting");
		if (state === "waiting") {
			if (this.#waiting.remove(from, stream)) this.#waits.giveBack(from.poolKeys);
			return;
		}
		if (state === "opening") this.#opening--;
		this.#next();
	}

	#goesAtOnce(from: Session, token?: string): boolean {
		// What is opened for a stream that is there already takes no further place.
		if ((this.#legsOf(from, token)?.counted ?? 0) > 0) return true;
		return this.#waiting.lengthOf(from) === 0 && this.#hasRoom && this.#hasRoomFor(from);
	}

	get #hasRoom(): boolean {
		return this.#opening < MOST_OPENING && !this.#places.full;
	}

	/** Whether its pair has room, and it has not too many of all places already. */
	#hasRoomFor(from: Session): boolean {
		return (from.proxiedTo.get(this.#to.id) ?? 0) < this.#limits.streamsPerPair && this.#places.takes(from.poolKeys);
	}

	#next(): void {
		while (this.#hasRoom) {
			const stream = this.#waiting.shift((from) => this.#hasRoomFor(from));
			if (stream === undefined) return;
			this.#waits.giveBack(stream.from.poolKeys);
			this.#go(stream);
		}
	}

	#go(stream: ProxiedStream): void {
		stream.state = "opening";
		this.#opening++;
		const legs = this.#legsOf(stream.from, stream.token);
		if (legs === undefined || legs.counted === 0) this.#count(stream.from, 1);
		if (legs !== undefined) legs.counted++;
		stream.held.open();
	}

	#legsOf(from: Session, token: string | undefined): Legs | undefined {
		return token === undefined ? undefined : this.#surviving.get(from)?.get(token);
	}

	/** A leg is over. `went`: it did not only wait. */
	#forgetLeg({ from, token }: ProxiedStream, went: boolean): void {
		const legs = this.#legsOf(from, token);
		if (legs !== undefined && token !== undefined) {
			legs.all--;
			if (went) legs.counted--;
			const surviving = this.#surviving.get(from);
			if (legs.all === 0) surviving?.delete(token);
			if (surviving?.size === 0) this.#surviving.delete(from);
		}
		if (went && (legs === undefined || legs.counted === 0)) this.#count(from, -1);
	}

	#count(from: Session, one: 1 | -1): void {
		const to = this.#to;
		const pair = (from.proxiedTo.get(to.id) ?? 0) + one;
		if (pair === 0) from.proxiedTo.delete(to.id);
		else from.proxiedTo.set(to.id, pair);
		if (one === 1) this.#places.take(from.poolKeys);
		else this.#places.giveBack(from.poolKeys);
		to.proxiedFrom += one;
		from.streams += one;
		to.streams += one;
	}
}

/** Legs of one stream, from one opener to one target. */
interface Legs {
	all: number;
	/** Those that do not wait. */
	counted: number;
}

/** Legs of one stream at once. */
const MOST_LEGS = 2;

/** More would make openers wait for each other where there is no room, and fewer would cost time where there is. */
const MOST_OPENING = 32;
