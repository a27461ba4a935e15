/**
 * What the senders of one broadcast wait for its readers: by Client, and in all.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import { LagClock } from "./lag.ts";

/** What senders have waited for one Client, however often it has joined and in whichever of its queues. */
export interface Patience {
	/** Before it lags. */
	readonly lag: LagClock;
	/** While it lags, with "block". */
	readonly block: LagClock;
}

interface Kept extends Patience {
	members: number;
}

/** Clients that have left and are remembered; a broadcast has no more of them in a minute unless it is attacked. */
const REMEMBERED = 1_024;

/** See the module. */
export class Waits {
	/** All waiting but for who may block: also many who are slow in turn, or come back under another name, stop nobody for long. */
	readonly total: LagClock;
	readonly #limits: CoordinatorLimits;
	readonly #clients: Map<string, Kept> = new Map();
	/** Those that have left and were waited for, the oldest first. */
	readonly #gone: Map<string, Kept> = new Map();

	constructor(limits: CoordinatorLimits) {
		this.#limits = limits;
		this.total = new LagClock(Number.POSITIVE_INFINITY, limits.broadcastStallMs);
	}

	/** A member of that Client joins; what was waited for it before is not forgotten. */
	join(id: string): Patience {
		const { broadcastLagMs, broadcastWaitMs, broadcastBlockMs } = this.#limits;
		const client = this.#clients.get(id) ??
			this.#gone.get(id) ?? {
				lag: new LagClock(broadcastLagMs, broadcastWaitMs),
				block: new LagClock(broadcastBlockMs, broadcastBlockMs),
				members: 0,
			};
		client.members++;
		this.#gone.delete(id);
		this.#clients.set(id, client);
		return client;
	}

	/** The member has left. */
	leave(id: string, nowMs: number): void {
		const client = this.#clients.get(id);
		if (client === undefined || --client.members > 0) return;
		this.#clients.delete(id);
		if (client.lag.restedAt(nowMs) && client.block.restedAt(nowMs)) return;
		this.#gone.set(id, client);
		for (const [oldest, { lag, block }] of this.#gone) {
			if (this.#gone.size <= REMEMBERED && !(lag.restedAt(nowMs) && block.restedAt(nowMs))) return;
			this.#gone.delete(oldest);
		}
	}
}
