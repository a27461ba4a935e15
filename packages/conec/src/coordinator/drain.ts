/**
 * A Coordinator that drains: it lets nobody in any more, and ends the connections of its Clients one after the other, so that they do not
 * all go elsewhere at once. Each Client is told when and where to come back.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { deferred } from "../base/signals.ts";
import { optionError } from "../errors.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import type { ComeBack } from "../wire/come-back.ts";
import { COME_BACK_KINDS, type ComeBackOptions, checkedComeBack, comeBackOf, dismiss } from "./dismissal.ts";
import type { Registry, Session } from "./sessions/index.ts";

/** Options of `Coordinator.close`. */
export interface CloseOptions {
	/** End the connections of Clients one after the other before closing. @default all of them end at once, and the Clients are told nothing of coming back */
	readonly drain?: DrainOptions;
}

/** How a Coordinator drains. What it says of coming back counts from the end of the draining. */
export interface DrainOptions extends ComeBackOptions {
	/** Over how long the connections end, in milliseconds, 0 to 3,600,000. Those of Clients without streams end first. Clients spread their return over as long. */
	readonly spreadMs: number;
}

/** Checks them. `undefined`: it does not drain. Throws TypeError or RangeError `OPTION_INVALID`. */
export function checkCloseOptions(options: CloseOptions): DrainOptions | undefined {
	checkOptions(options, { drain: "object" });
	const { drain } = options;
	if (drain === undefined) return undefined;
	checkOptions(drain, COME_BACK_KINDS);
	if (drain.spreadMs === undefined) throw optionError("type", "drain.spreadMs", "must be a number");
	return { ...checkedComeBack(drain, "drain."), spreadMs: drain.spreadMs };
}

/** What a draining needs of its Coordinator. */
export interface DrainHost {
	readonly clock: Clock;
	readonly random: Random;
	readonly registry: Registry<Session>;
	/** How long a Client with streams has between its notice and its end. */
	readonly lingerMs: number;
	/** What the Clients are told. */
	readonly reason: string;
}

/** See the module. It begins when it is made. */
export class Drain {
	/** Resolves when nobody is left, or when it is to end early. Never rejects. */
	readonly over: Promise<void>;
	readonly #options: DrainOptions;
	readonly #host: DrainHost;
	readonly #startedMs: number;
	/** How many Clients there were. */
	readonly #clients: number;
	readonly #told: Set<Session> = new Set();
	readonly #endings: Promise<void>[] = [];
	readonly #finish: () => void;
	#timer: unknown;

	constructor(options: DrainOptions, host: DrainHost) {
		const { promise, resolve } = deferred<void>();
		this.over = promise;
		this.#finish = resolve;
		this.#options = options;
		this.#host = host;
		this.#startedMs = host.clock.now();
		this.#clients = host.registry.size;
		this.#turn();
	}

	/** What a Client is told now. */
	comeBack(): ComeBack {
		const { spreadMs, retryAfterMs = 0 } = this.#options;
		const leftMs = Math.max(0, this.#startedMs + spreadMs - this.#host.clock.now());
		return comeBackOf({ ...this.#options, retryAfterMs: Math.ceil(leftMs) + retryAfterMs });
	}

	/** What somebody is told who is not let in. The spread is in its time already. */
	comeBackOfOne(): ComeBack {
		const { spreadMs = 0, retryAfterMs = 0, alternatives } = this.comeBack();
		const laterMs = Math.floor(this.#host.random.fraction() * spreadMs);
		return { retryAfterMs: retryAfterMs + laterMs, ...(alternatives === undefined ? {} : { alternatives }) };
	}

	/** Ends it now. Clients that are left are the caller's. */
	end(): void {
		this.#host.clock.clearTimeout(this.#timer);
		this.#finish();
	}

	/** Dismisses those who are due, and comes again when others are. */
	#turn(): void {
		const { clock } = this.#host;
		const { spreadMs } = this.#options;
		const passedMs = clock.now() - this.#startedMs;
		const due = spreadMs === 0 || passedMs >= spreadMs ? this.#clients : Math.floor((this.#clients * passedMs) / spreadMs) + 1;
		const { reason } = this.#host;
		for (const session of this.#choose(due - this.#told.size)) {
			this.#told.add(session);
			this.#endings.push(dismiss(session, { reason, comeBack: this.comeBack(), closeCode: CLOSE_CODES.COORDINATOR_CLOSED }, this.#host));
		}
		const [another] = this.#choose(1);
		if (another === undefined) return void Promise.all(this.#endings).then(() => this.end());
		const nextMs = (this.#told.size * spreadMs) / this.#clients - passedMs;
		this.#timer = clock.setTimeout(() => this.#turn(), Math.max(TURN_MS, Math.ceil(nextMs)));
	}

	/** Those who are to be told next: who has no streams, then who has few. */
	#choose(count: number): Session[] {
		const [idle, busy]: [Session[], Session[]] = [[], []];
		for (const session of this.#host.registry.holders()) {
			if (idle.length >= count) return idle;
			if (!this.#told.has(session)) (session.streams === 0 ? idle : busy).push(session);
		}
		return [...idle, ...busy.sort((one, other) => one.streams - other.streams)].slice(0, Math.max(0, count));
	}
}

/** However many Clients there are, it looks after them no more often than this. */
const TURN_MS = 20;
