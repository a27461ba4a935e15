/**
 * Connections of streams that are there already, to Clients that are not connected. Such a Client may be about to come back: so they
 * wait for it for a while. Otherwise their openers would have to ask again and again, and would still be late.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";
import { FairPool } from "../../base/fair-pool.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import type { OpenToCoordinator } from "../../wire/open.ts";
import type { Session } from "../sessions/index.ts";

/** One that waits. */
export interface ReturningLeg {
	readonly incoming: IncomingStream;
	readonly open: OpenToCoordinator;
	readonly from: Session;
	/** The id of the Client that it waits for. */
	readonly to: string;
}

interface Wait extends ReturningLeg {
	readonly untilMs: number;
}

/** See the module. At most `limits.waitingOpens`, of which nobody may have all. */
export class ReturningLegs {
	readonly #clock: Clock;
	readonly #pool: FairPool;
	readonly #timer: DueTimer;
	/** In the order in which they came, and so in that of their deadlines. */
	readonly #waiting: Set<Wait> = new Set();
	readonly #byPeer: Map<string, Set<Wait>> = new Map();

	constructor(limits: Pick<CoordinatorLimits, "waitingOpens">, clock: Clock) {
		this.#clock = clock;
		this.#pool = new FairPool(limits.waitingOpens);
		this.#timer = new DueTimer(clock, () => this.#expire());
	}

	/** Those that wait. */
	get size(): number {
		return this.#waiting.size;
	}

	/** False: there is no room, so it is rejected as any other stream. */
	add(leg: ReturningLeg): boolean {
		const { poolKeys } = leg.from;
		if (!this.#pool.takes(poolKeys)) return false;
		this.#pool.take(poolKeys);
		const wait = { ...leg, untilMs: this.#clock.now() + WAIT_MS };
		this.#waiting.add(wait);
		const others = this.#byPeer.get(leg.to);
		if (others === undefined) this.#byPeer.set(leg.to, new Set([wait]));
		else others.add(wait);
		this.#timer.by(wait.untilMs);
		return true;
	}

	/** The Client is there: those that have waited for it, in the order in which they came. They are not kept any more. */
	take(peer: string): readonly ReturningLeg[] {
		const found = [...(this.#byPeer.get(peer) ?? [])];
		for (const wait of found) this.#forget(wait);
		return found;
	}

	/** Their opener has gone. */
	left(from: Session): void {
		for (const wait of [...this.#waiting]) if (wait.from === from) this.#forget(wait);
	}

	/** Nobody comes back any more. */
	end(): void {
		for (const wait of [...this.#waiting]) this.#forget(wait);
		this.#timer.clear();
	}

	#expire(): void {
		const nowMs = this.#clock.now();
		for (const wait of this.#waiting) {
			if (wait.untilMs > nowMs) return this.#timer.by(wait.untilMs);
			this.#forget(wait);
			rejectStream(wait.incoming, "PEER_UNKNOWN", "peer is not connected");
		}
	}

	#forget(wait: Wait): void {
		this.#waiting.delete(wait);
		this.#pool.giveBack(wait.from.poolKeys);
		const others = this.#byPeer.get(wait.to);
		others?.delete(wait);
		if (others?.size === 0) this.#byPeer.delete(wait.to);
		if (this.#waiting.size === 0) this.#timer.clear();
	}
}

/** An opener waits for 10 s. */
const WAIT_MS = 8_000;
