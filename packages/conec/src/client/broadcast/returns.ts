/**
 * Members of broadcasts that have lost their connection, and join again on the next one.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { type ConecError, isConecError } from "../../errors.ts";
import type { CoordinatorLink } from "../uplink/index.ts";
import type { Membership, Returning } from "./membership.ts";

/** What they need of their Client. */
export interface ReturnsHost {
	readonly clock: Clock;
	readonly random: Random;
	/** Whether another link follows when this one is lost. */
	comesBack(): boolean;
	/** Joins again on this link. Rejects with the reason, and with `PEER_TIMEOUT` if no answer comes. */
	join(member: Membership, id: number, link: CoordinatorLink): Promise<void>;
}

/** A member that is not in. */
interface Away {
	readonly id: number;
	/** Attempts on the present link that have failed. */
	failures: number;
	/** Its next attempt on this link. */
	timer: unknown;
}

/** See the module. There are at most as many as this Client had memberships. */
export class Returns {
	readonly #host: ReturnsHost;
	readonly #away: Map<Membership, Away> = new Map();

	constructor(host: ReturnsHost) {
		this.#host = host;
	}

	get size(): number {
		return this.#away.size;
	}

	/** For the member with this number. */
	of(id: number): Returning {
		return {
			comesBack: () => this.#host.comesBack(),
			away: (member) => {
				this.#away.set(member, { id, failures: 0, timer: undefined });
				void member.closed.then(() => this.#forget(member));
			},
		};
	}

	/** There is another link. */
	up(link: CoordinatorLink): void {
		for (const [member, away] of this.#away) {
			this.#host.clock.clearTimeout(away.timer);
			away.failures = 0;
			this.#try(member, away, link);
		}
	}

	/** No link follows. */
	end(error: ConecError): void {
		for (const member of [...this.#away.keys()]) {
			this.#forget(member);
			member.giveUp(error, { by: "local", code: error.code });
		}
	}

	#try(member: Membership, away: Away, link: CoordinatorLink): void {
		away.timer = undefined;
		this.#host.join(member, away.id, link).then(
			() => {
				// It may have been lost again in the same turn.
				if (this.#away.get(member) === away) this.#away.delete(member);
			},
			(error: unknown) => this.#failed(member, away, link, error),
		);
	}

	#failed(member: Membership, away: Away, link: CoordinatorLink, error: unknown): void {
		// The next link may have come meanwhile, or the member may have left.
		if (this.#away.get(member) !== away || link.state === "over") return;
		if (!isConecError(error)) throw error;
		// Its connection is about to end, and the next one follows.
		if (LOSSES.has(error.code) && this.#host.comesBack()) return;
		if (!PASSING.has(error.code) || away.failures >= ATTEMPTS - 1) {
			this.#forget(member);
			return member.giveUp(error, { by: "error", code: error.code });
		}
		const mostMs = FIRST_PAUSE_MS * 2 ** away.failures++;
		const pauseMs = Math.max(mostMs * (0.5 + this.#host.random.fraction() / 2), Math.min(error.retryAfterMs ?? 0, LONGEST_PAUSE_MS));
		away.timer = this.#host.clock.setTimeout(() => this.#try(member, away, link), pauseMs);
	}

	#forget(member: Membership): void {
		const away = this.#away.get(member);
		if (away === undefined) return;
		this.#away.delete(member);
		this.#host.clock.clearTimeout(away.timer);
	}
}

/** Attempts on one link, and the pauses between them: half a second to a second, then twice that. */
const ATTEMPTS = 7;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** The link is ending. */
const LOSSES: ReadonlySet<string> = new Set(["COORDINATOR_LOST", "COORDINATOR_CLOSED", "CONNECTION_LOST"]);

/** Refusals that may not last: the Coordinator still counts what was there before the loss, or has much to do. */
const PASSING: ReadonlySet<string> = new Set(["LIMIT_EXCEEDED", "PEER_TIMEOUT", "PEER_BUSY"]);
