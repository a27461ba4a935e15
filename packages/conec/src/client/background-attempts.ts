/**
 * Attempts at direct channels behind streams that go through the Coordinator, so that later ones are direct: for peers that the
 * application talks to, when what was in the way has passed.
 *
 * Nobody is tried for ever: only while there is a stream that could have been direct, and for a minute more. A few at once and so many in
 * a minute, each at a moment of its own: a Client is never in the way of its own calls, and thousands do not come together.
 *
 * @module
 */

import type { Clock } from "../transport/clock.ts";

/** What {@link BackgroundAttempts} needs. */
export interface BackgroundHost {
	readonly clock: Clock;
	/** From 0 to below 1. */
	readonly random: () => number;
	/** Peers that are kept in mind. */
	readonly peers: number;
	/** Whether there is no need, or no way, to try now: there is a channel, one is being tried, or the Coordinator is gone. */
	needless(peer: string): boolean;
	/** When to try; infinite: not before something changes; `undefined`: at once. */
	retryAtMs(peer: string): number | undefined;
	/** Tries. */
	attempt(peer: string): Promise<unknown>;
}

/** See the module. */
export class BackgroundAttempts {
	readonly #host: BackgroundHost;
	readonly #interests: Map<string, Interest> = new Map();
	/** Attempts that may begin now, and when that was so. */
	#allowance: { left: number; readonly atMs: number };
	#running = 0;
	#timer: unknown;
	#over = false;

	constructor(host: BackgroundHost) {
		this.#host = host;
		this.#allowance = { left: BURST, atMs: host.clock.now() };
	}

	/** Peers that are kept in mind. */
	get size(): number {
		return this.#interests.size;
	}

	/** A stream goes through the Coordinator that could have been direct. */
	opened(peer: string, closed: Promise<unknown>): void {
		const interest = this.#interest(peer);
		if (interest === undefined) return;
		interest.streams++;
		void closed.then(() => {
			interest.streams--;
			interest.untilMs = this.#host.clock.now() + KEPT_MS;
			this.reconsider();
		});
		this.reconsider();
	}

	/** A channel was wanted that there was no room for. */
	wanted(peer: string): void {
		this.#interest(peer);
		this.reconsider();
	}

	/** A network has changed, that of the peer or this side's own: what was in the way may be gone. */
	changed(peer?: string): void {
		for (const [id, interest] of this.#interests) if (peer === undefined || peer === id) interest.notBeforeMs = this.#soon();
		this.reconsider();
	}

	/** Something else has: begins what is due, and waits for what will be. */
	reconsider(): void {
		if (this.#over) return;
		const { clock } = this.#host;
		clock.clearTimeout(this.#timer);
		this.#timer = undefined;
		const now = clock.now();
		let nextMs = Number.POSITIVE_INFINITY;
		for (const [peer, interest] of this.#interests) {
			if (interest.streams === 0) {
				if (interest.untilMs <= now) {
					this.#interests.delete(peer);
					continue;
				}
				nextMs = Math.min(nextMs, interest.untilMs);
			}
			if (interest.trying || this.#host.needless(peer)) continue;
			const dueMs = Math.max(this.#host.retryAtMs(peer) ?? now, interest.notBeforeMs);
			if (dueMs > now) nextMs = Math.min(nextMs, dueMs);
			else if (this.#running < AT_ONCE) nextMs = Math.min(nextMs, this.#take(now) ?? this.#begin(peer, interest));
		}
		if (nextMs !== Number.POSITIVE_INFINITY) this.#timer = clock.setTimeout(() => this.reconsider(), Math.max(1, nextMs - now));
	}

	/** Nothing is tried any more. */
	end(): void {
		this.#over = true;
		this.#host.clock.clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#interests.clear();
	}

	/** When the next may begin, or `undefined`: one may now, and is counted. */
	#take(now: number): number | undefined {
		const { left, atMs } = this.#allowance;
		const grown = Math.min(BURST, left + (now - atMs) / GAP_MS);
		this.#allowance = { left: grown < 1 ? grown : grown - 1, atMs: now };
		return grown < 1 ? now + (1 - grown) * GAP_MS : undefined;
	}

	#begin(peer: string, interest: Interest): number {
		interest.trying = true;
		this.#running++;
		// Never from inside a call that has just made something change.
		void Promise.resolve()
			.then(() => this.#host.attempt(peer))
			.then(
				() => undefined,
				() => {
					// What is known of the path says when to try again; what is not, must not be tried at once.
					interest.notBeforeMs = this.#host.clock.now() + UNKNOWN_MS * (1 + this.#host.random());
				},
			)
			.then(() => {
				interest.trying = false;
				this.#running--;
				this.reconsider();
			});
		return Number.POSITIVE_INFINITY;
	}

	/** Younger than all others; `undefined`: there are too many with streams. */
	#interest(peer: string): Interest | undefined {
		if (this.#over) return undefined;
		const now = this.#host.clock.now();
		const interest = this.#interests.get(peer) ?? { streams: 0, untilMs: 0, notBeforeMs: now, trying: false };
		this.#interests.delete(peer);
		if (this.#interests.size >= this.#host.peers) {
			const [oldest] = [...this.#interests].find(([, { streams }]) => streams === 0) ?? [];
			if (oldest === undefined) return undefined;
			this.#interests.delete(oldest);
		}
		interest.untilMs = now + KEPT_MS;
		this.#interests.set(peer, interest);
		return interest;
	}

	#soon(): number {
		return this.#host.clock.now() + SOON_MS * this.#host.random();
	}
}

interface Interest {
	/** Live ones that go through the Coordinator. */
	streams: number;
	/** Without any: until then. */
	untilMs: number;
	notBeforeMs: number;
	trying: boolean;
}

/** How long a peer is kept in mind without a stream. */
const KEPT_MS = 60_000;

const AT_ONCE = 8;
/** Half of what a Coordinator allows a Client in a minute, 30; 16 of them without a pause. */
const GAP_MS = 2_000;
const BURST = 16;

/** After a change of a network, which many may have seen. */
const SOON_MS = 2_000;

/** At least, after an attempt that says nothing of the path. */
const UNKNOWN_MS = 5_000;
