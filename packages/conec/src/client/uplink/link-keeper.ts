/**
 * Does what {@link Reconnecting} says: begins attempts at reaching the Coordinator, gives them up, and waits.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { ConecError, isConecError, messageOf } from "../../errors.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { Greeted } from "./handshake.ts";
import { type ReconnectAction, Reconnecting, type Setback } from "./reconnecting.ts";

/** How a Client comes back to its Coordinator. */
export interface ReconnectOptions {
	/** The longest pause between two attempts, in milliseconds, from 100 to 3,600,000. In the first two minutes no pause is longer than 2 s. @default 15_000 */
	readonly maxDelayMs?: number;
	/** Give up so many milliseconds after the connection was lost: 1 to 2^31 - 1. @default never */
	readonly giveUpAfterMs?: number;
}

/** What a keeper is made with. */
export interface LinkKeeperParts {
	readonly clock: Clock;
	readonly random: Random;
	readonly options: ReconnectOptions;
	/** What an attempt may take. */
	readonly attemptMs: number;
	/** Reaches the Coordinator. It is not waited for after the signal has aborted, whether it ends then or not. */
	readonly reach: (signal: AbortSignal) => Promise<Greeted>;
	readonly events: LinkKeeperEvents;
}

/** What the owner of a keeper is told. */
export interface LinkKeeperEvents {
	/** Another attempt follows, in so long. */
	reconnecting(next: { readonly attempt: number; readonly inMs: number; readonly why: ConecError }): void;
	/** The Coordinator has said welcome. */
	up(greeted: Greeted): void;
	/** There will be no further attempt. The last call. */
	ended(why: ConecError): void;
}

/** See the module. */
export class LinkKeeper {
	readonly #parts: LinkKeeperParts;
	readonly #machine: Reconnecting;
	#abort: AbortController | undefined;
	#timer: unknown;

	constructor(parts: LinkKeeperParts) {
		const { options, attemptMs, random } = parts;
		this.#parts = parts;
		this.#machine = new Reconnecting({
			maxDelayMs: options.maxDelayMs ?? MAX_DELAY_MS,
			giveUpAfterMs: options.giveUpAfterMs,
			attemptMs,
			fraction: () => random.fraction(),
		});
	}

	/** Whether an attempt is under way or will be. */
	get reconnecting(): boolean {
		return this.#machine.doing === "connecting" || this.#machine.doing === "waiting";
	}

	/** Begins with the first attempt. */
	start(): void {
		this.#do(this.#machine.start(this.#now));
	}

	/** There is a connection already. Instead of {@link start}. */
	began(): void {
		this.#machine.began(this.#now);
	}

	/** The connection is lost. What follows is told before this returns. */
	lost(setback: Setback): void {
		this.#do(this.#machine.lost(setback, this.#now));
	}

	/** Tries now, if there is no connection. */
	hurry(): void {
		this.#do(this.#machine.hurry(this.#now));
	}

	/** Nothing is tried any more, and nothing told. */
	end(): void {
		this.#do(this.#machine.close(this.#now));
	}

	get #now(): number {
		return this.#parts.clock.now();
	}

	#do(actions: readonly ReconnectAction[]): void {
		const { clock, events } = this.#parts;
		clock.clearTimeout(this.#timer);
		this.#timer = undefined;
		// The timer comes first: what is told may call back.
		const { wakeAtMs } = this.#machine;
		if (wakeAtMs !== Number.POSITIVE_INFINITY) this.#wake(wakeAtMs);
		for (const action of actions) {
			switch (action.type) {
				case "dial":
					this.#dial(action.attempt);
					break;
				case "abort":
					this.#abort?.abort(action.why);
					this.#abort = undefined;
					break;
				case "tell":
					events.reconnecting(action);
					break;
				case "end":
					events.ended(action.why);
					break;
			}
		}
	}

	#wake(atMs: number): void {
		const { clock } = this.#parts;
		this.#timer = clock.setTimeout(
			() => {
				this.#timer = undefined;
				const actions = this.#machine.woken(this.#now);
				this.#do(actions);
			},
			// A timer of Node takes no more than this, and is asked again then.
			Math.min(Math.max(0, Math.ceil(atMs - this.#now)), LONGEST_TIMER_MS),
		);
	}

	#dial(attempt: number): void {
		const abort = new AbortController();
		this.#abort = abort;
		const over = (): boolean => this.#abort !== abort;
		const settled = (): void => {
			if (!over()) this.#abort = undefined;
		};
		this.#parts.reach(abort.signal).then(
			(greeted) => {
				const mine = !over() && this.#machine.succeeded(attempt, this.#now);
				settled();
				if (!mine) return greeted.connection.close(CLOSE_CODES.CLIENT_CLOSED, "given up");
				this.#do([]);
				this.#parts.events.up(greeted);
			},
			(error: unknown) => {
				if (over()) return;
				settled();
				this.#do(this.#machine.failed(attempt, setbackOf(error), this.#now));
			},
		);
	}
}

/** What an error says about the next attempt. */
export function setbackOf(error: unknown): Setback {
	if (isConecError(error)) return { error, retryAfterMs: error.retryAfterMs };
	return { error: new ConecError("COORDINATOR_UNREACHABLE", `Cannot reach the Coordinator: ${messageOf(error)}`, { cause: error }) };
}

const MAX_DELAY_MS = 15_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
