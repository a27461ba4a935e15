/**
 * What callers wait for who want a direct channel to one peer: all of them share one wish, and a wish is answered by
 * whichever attempt brings the channel about, this side's or the peer's.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Deferred, deferred, onAbort, quietlyDeferred, reasonOf, throwIfAborted } from "../../base/signals.ts";
import type { Asked } from "../../session/requests.ts";
import type { DirectChannel } from "../channel/index.ts";

/** A request to the Coordinator. */
export interface WishRequest {
	/** It may be refused at once where there is no hope. */
	readonly auto: boolean;
	/** The question, once the Coordinator has been asked. */
	asked: Asked | undefined;
	/** This side's address has changed since: what was said of its network, and so the answer, is out of date. */
	stale: boolean;
}

/** The Coordinator's word that there is no room for an attempt now. */
export interface NoRoom {
	readonly code: "LIMIT_EXCEEDED" | "PEER_BUSY";
	readonly reason: string;
	readonly retryAfterMs: number;
}

/** One peer's wish. */
export class Wish {
	readonly peer: string;
	/** Resolves with the channel, or rejects with why there is none. */
	readonly granted: Promise<DirectChannel>;
	/** This side's own request, from when it is made until it is answered. */
	request: WishRequest | undefined;
	/** Requests that were made. */
	requests = 0;
	/** Somebody wants it whatever the hope. */
	earnest = false;
	/** The peer's request goes on instead of this side's. */
	crossed = false;
	/** Its next request waits: for a place among this side's own attempts, or, with a timer, until the Coordinator may have room. */
	waiting: { readonly auto: boolean; readonly timer: unknown } | undefined;
	/** Why there was no room when it was last asked for, and how often that was so. */
	crowded: NoRoom | undefined;
	crowdings = 0;
	/** When it expires, by the clock. */
	readonly deadlineMs: number;
	/** Token of the attempt that may grant it. */
	token: string | undefined;
	#callers = 0;
	#over = false;
	/** Nobody may be waiting. */
	readonly #answer: Deferred<DirectChannel> = quietlyDeferred();
	readonly #clock: Clock;
	readonly #timer: unknown;

	/** `expired` is called when nothing has answered it in time. */
	constructor(peer: string, timeoutMs: number, clock: Clock, expired: (wish: Wish) => void) {
		this.peer = peer;
		this.granted = this.#answer.promise;
		this.#clock = clock;
		this.deadlineMs = clock.now() + timeoutMs;
		this.#timer = clock.setTimeout(() => expired(this), timeoutMs);
	}

	/** It has been granted, refused or given up. */
	get over(): boolean {
		return this.#over;
	}

	/** Waits for it. When the last who waits aborts, `abandoned` is called. */
	async wait(signal: AbortSignal | undefined, abandoned: () => void): Promise<DirectChannel> {
		if (signal === undefined) {
			this.#callers++;
			return await this.granted;
		}
		throwIfAborted(signal);
		this.#callers++;
		const aborted = deferred<never>();
		const forget = onAbort(signal, () => {
			aborted.reject(reasonOf(signal));
			if (--this.#callers === 0 && !this.#over) abandoned();
		});
		try {
			return await Promise.race([this.granted, aborted.promise]);
		} finally {
			forget();
		}
	}

	/** Answers everybody who waits. */
	grant(channel: DirectChannel): void {
		this.#end();
		this.#answer.resolve(channel);
	}

	/** Tells everybody why not. */
	refuse(error: unknown): void {
		this.#end();
		this.#answer.reject(error);
	}

	/** Nothing is asked for later any more. */
	stopWaiting(): void {
		this.#clock.clearTimeout(this.waiting?.timer);
		this.waiting = undefined;
	}

	#end(): void {
		this.#over = true;
		this.stopWaiting();
		this.#clock.clearTimeout(this.#timer);
	}
}
