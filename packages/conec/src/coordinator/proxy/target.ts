/**
 * The streams that other Clients open to one Client: which of them may go, and whose turn it is.
 *
 * @module
 */

import { FairQueue } from "../../base/fair-queue.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { HeldStream } from "../../transport/transport.ts";
import type { Session } from "../sessions/index.ts";

/** One stream from Client to Client. */
export interface ProxiedStream {
	readonly from: Session;
	/** Its far leg, which is opened when it is its turn. */
	readonly held: HeldStream;
	/** "opening": it has been let go, and the target's own stream limit has not let it pass yet. */
	state: "waiting" | "opening" | "open" | "over";
}

/**
 * See the module. A stream goes when its pair has fewer than `streamsPerPair`, the target fewer than `streamsPerConnection`, and few others
 * are on their way to the target: what waits in its connection would go in the order in which it came, and here openers have their turn.
 */
export class Target {
	readonly #to: Session;
	readonly #limits: CoordinatorLimits;
	readonly #waiting: FairQueue<Session, ProxiedStream>;
	#opening = 0;

	constructor(to: Session, limits: CoordinatorLimits) {
		this.#to = to;
		this.#limits = limits;
		this.#waiting = new FairQueue(limits.waitingOpens, Math.ceil(limits.waitingOpens / 4));
	}

	/** Streams that wait here. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/** Whether a stream of that opener could go now, or wait. */
	takes(from: Session): boolean {
		const { waitingOpens } = this.#limits;
		return this.#goesAtOnce(from) || (this.#waiting.length < waitingOpens && this.#waiting.lengthOf(from) < Math.ceil(waitingOpens / 4));
	}

	/** Lets the stream go, or wait for its turn. {@link takes} has said yes in this turn. */
	add(stream: ProxiedStream): void {
		if (this.#goesAtOnce(stream.from)) this.#go(stream);
		else this.#waiting.push(stream.from, stream);
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
		if (state === "waiting") return void this.#waiting.remove(from, stream);
		if (state === "opening") this.#opening--;
		this.#count(from, -1);
		this.#next();
	}

	#goesAtOnce(from: Session): boolean {
		return this.#waiting.lengthOf(from) === 0 && this.#hasRoom && this.#pairHasRoom(from);
	}

	get #hasRoom(): boolean {
		return this.#opening < MOST_OPENING && this.#to.proxiedFrom < this.#limits.streamsPerConnection;
	}

	#pairHasRoom(from: Session): boolean {
		return (from.proxiedTo.get(this.#to.id) ?? 0) < this.#limits.streamsPerPair;
	}

	#next(): void {
		while (this.#hasRoom) {
			const stream = this.#waiting.shift((from) => this.#pairHasRoom(from));
			if (stream === undefined) return;
			this.#go(stream);
		}
	}

	#go(stream: ProxiedStream): void {
		stream.state = "opening";
		this.#opening++;
		this.#count(stream.from, 1);
		stream.held.open();
	}

	#count(from: Session, one: 1 | -1): void {
		const to = this.#to;
		const pair = (from.proxiedTo.get(to.id) ?? 0) + one;
		if (pair === 0) from.proxiedTo.delete(to.id);
		else from.proxiedTo.set(to.id, pair);
		to.proxiedFrom += one;
		from.streams += one;
		to.streams += one;
	}
}

/** More would make openers wait for each other where there is no room, and fewer would cost time where there is. */
const MOST_OPENING = 32;
