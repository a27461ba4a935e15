/**
 * Places for the streams that this side opens. An opening for which there is none waits here, so that nobody has to refuse it.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { FairQueue } from "../../base/fair-queue.ts";
import { onAbort, reasonOf } from "../../base/signals.ts";

/** The peer that a stream goes to: its id, or `null` for the Coordinator. */
export type PeerKey = string | null;

/** The place of one stream. */
export interface Place {
	/** The peer's library has answered, or the stream has ended without that. A second call does nothing. */
	answered(): void;
	/** The stream is over, or was never opened. A second call does nothing. */
	free(): void;
}

/** Bounds of {@link Places}. */
export interface PlacesLimits {
	/** Calls that wait, for all peers together. */
	readonly waiting: number;
	/** Live streams to that peer. */
	readonly live: (peer: PeerKey) => number;
}

/** How a call waits. */
export interface Waiting {
	readonly timeoutMs: number;
	/** Gives up: rejects with its reason. */
	readonly signal: AbortSignal;
	/** The error after `timeoutMs`. */
	readonly late: () => Error;
	/** The error if too many wait already. */
	readonly full: () => Error;
}

interface Waiter {
	readonly goes: (place: Place) => void;
}

interface Counts {
	live: number;
	unanswered: number;
}

/** See the module. Openings to one peer go in the order of the calls. Those to another peer do not wait for them. */
export class Places {
	readonly #limits: PlacesLimits;
	readonly #clock: Clock;
	readonly #counts: Map<PeerKey, Counts> = new Map();
	readonly #waiting: FairQueue<PeerKey, Waiter>;

	constructor(limits: PlacesLimits, clock: Clock) {
		this.#limits = limits;
		this.#clock = clock;
		this.#waiting = new FairQueue(limits.waiting);
	}

	/** Calls that wait. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/** Peers that streams are open to, or being opened. */
	get peers(): number {
		return this.#counts.size;
	}

	/** Takes a place at once. `undefined`: there is none, and {@link wait} waits for one. */
	take(peer: PeerKey): Place | undefined {
		return this.#waiting.lengthOf(peer) === 0 && this.#hasRoom(peer) ? this.#place(peer) : undefined;
	}

	/** Waits for a place. Rejects as `how` says. */
	wait(peer: PeerKey, how: Waiting): Promise<Place> {
		return new Promise((resolve, reject) => {
			const over = (): void => {
				this.#clock.clearTimeout(timer);
				forget();
			};
			const waiter: Waiter = {
				goes(place) {
					over();
					resolve(place);
				},
			};
			if (!this.#waiting.push(peer, waiter)) return reject(how.full());
			const giveUp = (error: unknown): void => {
				if (!this.#waiting.remove(peer, waiter)) return;
				over();
				reject(error);
			};
			const timer = this.#clock.setTimeout(() => giveUp(how.late()), how.timeoutMs);
			const forget = onAbort(how.signal, () => giveUp(reasonOf(how.signal)));
		});
	}

	#hasRoom(peer: PeerKey): boolean {
		const counts = this.#counts.get(peer);
		return counts === undefined || (counts.unanswered < MOST_UNANSWERED && counts.live < this.#limits.live(peer));
	}

	#place(peer: PeerKey): Place {
		const counts = this.#counts.get(peer) ?? { live: 0, unanswered: 0 };
		this.#counts.set(peer, counts);
		counts.live++;
		counts.unanswered++;
		return new Taken(this, peer, counts);
	}

	/** A place is free, or its stream is answered: others may have their turn. */
	changed(peer: PeerKey, counts: Counts): void {
		this.#next(peer);
		if (counts.live === 0) this.#counts.delete(peer);
	}

	#next(peer: PeerKey): void {
		if (this.#waiting.lengthOf(peer) === 0 || !this.#hasRoom(peer)) return;
		this.#waiting.shift((one) => one === peer)?.goes(this.#place(peer));
	}
}

class Taken implements Place {
	readonly #places: Places;
	readonly #peer: PeerKey;
	readonly #counts: Counts;
	#state: "opening" | "live" | "over" = "opening";

	constructor(places: Places, peer: PeerKey, counts: Counts) {
		this.#places = places;
		this.#peer = peer;
		this.#counts = counts;
	}

	answered(): void {
		this.#ends("live");
	}

	free(): void {
		this.#ends("over");
	}

	#ends(next: "live" | "over"): void {
		if (this.#state === "over" || this.#state === next) return;
		if (this.#state === "opening") this.#counts.unanswered--;
		if (next === "over") this.#counts.live--;
		this.#state = next;
		this.#places.changed(this.#peer, this.#counts);
	}
}

/**
 * Streams to one peer that it has not answered: an eighth of the `waitingOpens` that it has by default. It lets a quarter wait. So there is
 * room for as many again when those before were given up and it has not heard that yet.
 */
const MOST_UNANSWERED = 128;
