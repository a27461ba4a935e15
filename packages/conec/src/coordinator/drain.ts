/**
 * A Coordinator that drains: it lets nobody in any more, and ends the connections of its Clients one after the other, so that they do not
 * all go elsewhere at once. Each Client is told when and where to come back.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { deferred, within } from "../base/signals.ts";
import { optionError } from "../errors.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { ALTERNATIVES_LISTED, type ComeBack, isAlternative } from "../wire/come-back.ts";
import type { Registry, Session } from "./sessions/index.ts";

/** Options of `Coordinator.close`. */
export interface CloseOptions {
	/** End the connections of Clients one after the other before closing. @default all of them end at once, and the Clients are told nothing of coming back */
	readonly drain?: DrainOptions;
}

/** How a Coordinator drains. */
export interface DrainOptions {
	/** Over how long the connections end, in milliseconds, 0 to 3,600,000. Those of Clients without streams end first. */
	readonly spreadMs: number;
	/** How long after that a Client that comes to this address finds a Coordinator again, in milliseconds, 0 to 86,400,000. Clients are told to come back then, and spread their return over `spreadMs`. @default 0 */
	readonly retryAfterMs?: number;
	/** Other Coordinators to which the Clients may go at once: `host:port` or `[ipv6]:port`, 16 at most, in ASCII and with the port. @default none */
	readonly alternatives?: readonly string[];
}

/** Checks them. `undefined`: it does not drain. Throws TypeError or RangeError `OPTION_INVALID`. */
export function checkCloseOptions(options: CloseOptions): DrainOptions | undefined {
	checkOptions(options, { drain: "object" });
	const { drain } = options;
	if (drain === undefined) return undefined;
	checkOptions(drain, { spreadMs: "integer", retryAfterMs: "integer", alternatives: "strings" });
	const { spreadMs, retryAfterMs = 0, alternatives = [] } = drain;
	if (spreadMs === undefined) throw optionError("type", "drain.spreadMs", "must be a number");
	checkTime("drain.spreadMs", spreadMs, SPREAD_MS_MAX);
	checkTime("drain.retryAfterMs", retryAfterMs, RETRY_AFTER_MS_MAX);
	if (alternatives.length > ALTERNATIVES_LISTED) throw optionError("range", "drain.alternatives", `must list at most ${ALTERNATIVES_LISTED}`);
	const wrong = alternatives.find((text) => !isAlternative(text));
	if (wrong !== undefined) throw optionError("type", "drain.alternatives", `must list "host:port" or "[ipv6]:port", not ${JSON.stringify(wrong)}`);
	return { spreadMs, retryAfterMs, ...(alternatives.length === 0 ? {} : { alternatives: [...alternatives] }) };
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
		const { spreadMs, retryAfterMs = 0, alternatives } = this.#options;
		const leftMs = Math.max(0, this.#startedMs + spreadMs - this.#host.clock.now());
		return { retryAfterMs: Math.ceil(leftMs) + retryAfterMs, ...(spreadMs === 0 ? {} : { spreadMs }), ...(alternatives === undefined ? {} : { alternatives }) };
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
		for (const session of this.#choose(due - this.#told.size)) {
			this.#told.add(session);
			this.#endings.push(this.#dismiss(session));
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

	async #dismiss(session: Session): Promise<void> {
		const { clock, lingerMs, reason } = this.#host;
		session.control.send({ type: "close", reason, ...this.comeBack() });
		// Its streams may end by themselves, and it may go by itself.
		await within(lingerMs, session.streams === 0 ? session.control.flush(lingerMs) : session.over, clock);
		session.end(CLOSE_CODES.COORDINATOR_CLOSED, reason);
	}
}

function checkTime(option: string, value: number, max: number): void {
	if (!Number.isInteger(value) || value < 0 || value > max) throw optionError("range", option, `must be whole milliseconds, 0 to ${max}, not ${value}`);
}

/** However many Clients there are, it looks after them no more often than this. */
const TURN_MS = 20;

const SPREAD_MS_MAX = 3_600_000;

const RETRY_AFTER_MS_MAX = 86_400_000;
