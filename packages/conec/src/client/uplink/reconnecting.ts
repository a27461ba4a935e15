/**
 * When a Client tries to reach its Coordinator, as a pure machine: it is told what happens and what time it is, and says what to do.
 *
 *     idle -> connecting -> connected -> waiting -> connecting ...      at the end: over
 *
 * @module
 */

import { ConecError, type ConecErrorCode } from "../../errors.ts";

/** Why there is no connection, and what the Coordinator has said about coming back. */
export interface Setback {
	readonly error: ConecError;
	/** Not earlier than that. @default whenever the machine likes */
	readonly retryAfterMs?: number | undefined;
	/** Spread over so long after that, as others come back too. @default 0 */
	readonly spreadMs?: number | undefined;
}

/** What the owner of the machine has to do, in this order. */
export type ReconnectAction =
	/** Begin this attempt. Its outcome is told with its number. */
	| { readonly type: "dial"; readonly attempt: number }
	/** Give this attempt up. Its outcome is not looked at any more. */
	| { readonly type: "abort"; readonly attempt: number; readonly why: ConecError }
	/** Say that the next attempt, which has this number, begins in so many milliseconds. */
	| { readonly type: "tell"; readonly attempt: number; readonly inMs: number; readonly why: ConecError }
	/** There will be no further attempt. */
	| { readonly type: "end"; readonly why: ConecError };

/** What the machine is made with. */
export interface ReconnectingParts {
	/** The longest pause between two attempts. */
	readonly maxDelayMs: number;
	/** It gives up so long after a loss. @default never */
	readonly giveUpAfterMs?: number | undefined;
	/** What an attempt may take. */
	readonly attemptMs: number;
	/** At least 0, less than 1. */
	readonly fraction: () => number;
}

/** See the module. */
export class Reconnecting {
	readonly #parts: ReconnectingParts;
	#state: State = { type: "idle" };
	/** Number of the last attempt since the connection was lost. */
	#attempt = 0;
	/** Grows the pauses. It falls back to 0 when a connection has lasted. */
	#setbacks = 0;
	/** Since when no connection has lasted. */
	#troubleSinceMs = 0;
	#giveUpAtMs = Number.POSITIVE_INFINITY;
	#dialledAtMs = Number.NEGATIVE_INFINITY;
	/** When a hurry has made the pauses short. */
	#easedAtMs = Number.NEGATIVE_INFINITY;
	/** When an attempt was given up that the Coordinator may have heard of. */
	#abortedAtMs = Number.NEGATIVE_INFINITY;

	constructor(parts: ReconnectingParts) {
		this.#parts = parts;
	}

	/** What it is doing. */
	get doing(): State["type"] {
		return this.#state.type;
	}

	/** When {@link woken} has to be called. Infinite: there is nothing to wait for. */
	get wakeAtMs(): number {
		const { type } = this.#state;
		if (type === "connecting" || type === "waiting") return Math.min(this.#state.untilMs, this.#giveUpAtMs);
		return Number.POSITIVE_INFINITY;
	}

	/** Begins with the first attempt. Once. */
	start(nowMs: number): ReconnectAction[] {
		if (this.#state.type !== "idle") return [];
		this.#away(nowMs);
		return [this.#dial(nowMs)];
	}

	/** A connection was made without this machine. Once, instead of {@link start}. */
	began(nowMs: number): void {
		if (this.#state.type === "idle") this.#state = { type: "connected", sinceMs: nowMs };
	}

	/** An attempt has succeeded. False: it was given up, so its connection must be closed. */
	succeeded(attempt: number, nowMs: number): boolean {
		if (this.#state.type !== "connecting" || attempt !== this.#attempt) return false;
		this.#state = { type: "connected", sinceMs: nowMs };
		this.#giveUpAtMs = Number.POSITIVE_INFINITY;
		return true;
	}

	/** An attempt has failed. */
	failed(attempt: number, setback: Setback, nowMs: number): ReconnectAction[] {
		if (this.#state.type !== "connecting" || attempt !== this.#attempt) return [];
		return this.#setBack(setback, nowMs, false);
	}

	/** The connection is lost. */
	lost(setback: Setback, nowMs: number): ReconnectAction[] {
		if (this.#state.type !== "connected") return [];
		const livedMs = nowMs - this.#state.sinceMs;
		if (livedMs >= LASTING_MS) {
			this.#setbacks = 0;
			this.#troubleSinceMs = nowMs;
		}
		this.#away(nowMs);
		return this.#setBack(setback, nowMs, livedMs >= QUICK_MS);
	}

	/** Something says that an attempt has better chances now: the application, or a network that has changed. At most one attempt a second comes of it, and short pauses once in 10 s. */
	hurry(nowMs: number): ReconnectAction[] {
		const { type } = this.#state;
		if (type !== "waiting" && type !== "connecting") return [];
		const waitMs = this.#dialledAtMs + HURRIED_GAP_MS - nowMs;
		if (nowMs >= this.#easedAtMs + EASED_GAP_MS) {
			this.#easedAtMs = nowMs;
			this.#setbacks = 0;
		}
		if (type === "waiting" && waitMs > 0) {
			this.#state = { ...this.#state, untilMs: Math.min(this.#state.untilMs, nowMs + waitMs) };
			return [];
		}
		if (waitMs > 0) return [];
		const aborted = type === "connecting" ? [this.#abort(this.#attempt, "another one follows at once", nowMs)] : [];
		return [...aborted, this.#dial(nowMs)];
	}

	/** Time has passed. */
	woken(nowMs: number): ReconnectAction[] {
		if (nowMs < this.wakeAtMs || (this.#state.type !== "waiting" && this.#state.type !== "connecting")) return [];
		const gaveUp = nowMs >= this.#giveUpAtMs;
		if (this.#state.type === "waiting") return gaveUp ? [this.#end(this.#state.why)] : [this.#dial(nowMs)];
		const { why } = this.#state;
		const aborted = this.#abort(this.#attempt, `it has not come to an end within ${this.#parts.attemptMs} ms`, nowMs);
		if (gaveUp) return [aborted, this.#end(why ?? aborted.why)];
		return [aborted, ...this.#setBack({ error: aborted.why }, nowMs, false)];
	}

	/** Its owner has ended. */
	close(nowMs: number): ReconnectAction[] {
		const { type } = this.#state;
		this.#state = { type: "over" };
		return type === "connecting" ? [this.#abort(this.#attempt, "the Client ends", nowMs)] : [];
	}

	/** No connection from now on. */
	#away(nowMs: number): void {
		this.#attempt = 0;
		this.#giveUpAtMs = nowMs + (this.#parts.giveUpAfterMs ?? Number.POSITIVE_INFINITY);
		if (this.#setbacks === 0) this.#troubleSinceMs = nowMs;
	}

	#dial(nowMs: number): ReconnectAction {
		const why = this.#state.type === "waiting" || this.#state.type === "connecting" ? this.#state.why : undefined;
		this.#state = { type: "connecting", untilMs: nowMs + this.#parts.attemptMs, why };
		this.#dialledAtMs = nowMs;
		return { type: "dial", attempt: ++this.#attempt };
	}

	#abort(attempt: number, words: string, nowMs: number): { readonly type: "abort"; readonly attempt: number; readonly why: ConecError } {
		this.#abortedAtMs = nowMs;
		return { type: "abort", attempt, why: new ConecError("COORDINATOR_UNREACHABLE", `Cannot reach the Coordinator: the attempt is given up, as ${words}`) };
	}

	/** `quick`: the connection had lasted for a while, so that the first attempt may come at once. */
	#setBack(setback: Setback, nowMs: number, quick: boolean): ReconnectAction[] {
		const { error: why } = setback;
		if (this.#isFinal(setback, nowMs)) return [this.#end(why)];
		const inMs = this.#delayMs(setback, nowMs, quick ? 0 : this.#setbacks);
		this.#setbacks++;
		this.#state = { type: "waiting", untilMs: nowMs + inMs, why };
		return [{ type: "tell", attempt: this.#attempt + 1, inMs, why }];
	}

	#delayMs({ retryAfterMs, spreadMs = 0 }: Setback, nowMs: number, setbacks: number): number {
		const eager = nowMs - this.#troubleSinceMs < EAGER_MS;
		const mostMs = Math.min(
			eager ? EAGER_DELAY_MS : Number.POSITIVE_INFINITY,
			this.#parts.maxDelayMs,
			FIRST_DELAY_MS * 2 ** Math.min(setbacks, MOST_DOUBLINGS),
		);
		if (retryAfterMs === undefined) return this.#parts.fraction() * mostMs;
		return Math.min(retryAfterMs, LONGEST_HINT_MS) + this.#parts.fraction() * Math.max(Math.min(spreadMs, LONGEST_HINT_MS), mostMs);
	}

	#isFinal({ error, retryAfterMs }: Setback, nowMs: number): boolean {
		if (error.code === "DISCONNECTED") return retryAfterMs === undefined;
		// An attempt of this very Client that was given up may have reached the Coordinator late, and have superseded the one after it.
		if (error.code === "SUPERSEDED") return nowMs >= this.#abortedAtMs + LATE_HELLO_MS;
		return FINAL.has(error.code);
	}

	#end(why: ConecError): ReconnectAction {
		this.#state = { type: "over" };
		return { type: "end", why };
	}
}

type State =
	| { readonly type: "idle" | "over" }
	| { readonly type: "connecting"; readonly untilMs: number; readonly why: ConecError | undefined }
	| { readonly type: "connected"; readonly sinceMs: number }
	| { readonly type: "waiting"; readonly untilMs: number; readonly why: ConecError };

/** What another attempt does not change. */
const FINAL: ReadonlySet<ConecErrorCode> = new Set<ConecErrorCode>([
	"PIN_MISMATCH",
	"CERTIFICATE_NAME_MISMATCH",
	"CERTIFICATE_EXPIRED",
	"CERTIFICATE_NOT_YET_VALID",
	"CERTIFICATE_UNTRUSTED",
	"CERTIFICATE_INVALID",
	"CERTIFICATE_REQUIRED",
	"CERTIFICATE_REFUSED",
	"CERTIFICATE_KEY_MISMATCH",
	"VERSION_UNSUPPORTED",
	"PROTOCOL_UNSUPPORTED",
]);

/** The longest pause before the first attempt, which doubles from one setback to the next. */
const FIRST_DELAY_MS = 100;
const MOST_DOUBLINGS = 20;

/** For so long after a loss, no pause is longer than that. */
const EAGER_MS = 120_000;
const EAGER_DELAY_MS = 2_000;

/** A connection that has lived so long is followed by an attempt at once. */
const QUICK_MS = 10_000;
/** And one that has lived so long makes the earlier setbacks forgotten. Otherwise a Coordinator that crashes again and again would be hammered. */
const LASTING_MS = 30_000;

const HURRIED_GAP_MS = 1_000;
/** A hurry makes the pauses short again, but not more often than that. */
const EASED_GAP_MS = 10_000;

/** No Coordinator puts a Client off for longer. */
const LONGEST_HINT_MS = 3_600_000;

/** For so long, a hello may be on its way that nobody waits for any more. */
const LATE_HELLO_MS = 15_000;
