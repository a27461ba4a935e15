/**
 * How long the senders of one broadcast have waited for its readers: for each Client, and in all.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import { LagClock } from "./lag.ts";

/** How long senders have waited for one Client, for all its members together. */
export interface Patience {
	/** Waiting before it lags. */
	readonly lag: LagClock;
	/** Waiting while it lags, with "block". */
	readonly block: LagClock;
}

interface Kept extends Patience {
	members: number;
}

/** How many Clients that have left are remembered. Only an attack brings more within a minute. */
const REMEMBERED = 1_024;

/** See the module. */
export class Waits {
	/** All waiting, except for members that may block. So senders are not stopped for long by many readers that are slow in turn or come back under another name. */
	readonly total: LagClock;
	readonly #limits: CoordinatorLimits;
	readonly #clients: Map<string, Kept> = new Map();
	/** Clients that have left and that senders had waited for, the oldest first. */
	readonly #gone: Map<string, Kept> = new Map();

	constructor(limits: CoordinatorLimits) {
		this.#limits = limits;
		this.total = new LagClock(Number.POSITIVE_INFINITY, limits.broadcastStallMs);
	}

	/** A member of a Client joins. Earlier waiting for that Client still counts. */
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
