/**
 * Attempts at direct channels behind streams that go through the Coordinator, so that later ones are direct: for peers that the
 * application talks to, when what was in the way has passed.
 *
 * Nobody is tried for ever: only while there is a stream that could have been direct, and for a minute more. A few at once and so many in
 * a minute, each at a moment of its own: a Client is never in the way of its own calls, and thousands do not come together. They take
 * turns, and a peer whose channels do not last comes less often each time: none is in the way of the others.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";

/** What {@link BackgroundAttempts} needs. */
export interface BackgroundHost {
	readonly clock: Clock;
	/** From 0 to below 1. */
	readonly random: () => number;
	/** Peers that are kept in mind. */
	readonly peers: number;
	/** Whether there is no need, or no way, to try now: there is a channel, one is being tried, or the Coordinator is gone. Cheap: asked of all. */
	needless(peer: string): boolean;
	/** When to try; infinite: not before something changes; `undefined`: at once. */
	retryAtMs(peer: string): number | undefined;
	/** Tries. */
	attempt(peer: string): Promise<unknown>;
}

/** See the module. */
export class BackgroundAttempts {
	readonly #host: BackgroundHost;
	/** In the order of their turns. */
	readonly #interests: Map<string, Interest> = new Map();
	/** Those without a stream, the oldest first. */
	readonly #idle: Set<string> = new Set();
	/** Attempts that may begin now, and when that was so. */
	#allowance: { left: number; readonly atMs: number };
	#running = 0;
	#timer: { readonly atMs: number; readonly handle: unknown } | undefined;
	/** When all were looked at. */
	#lookedAtMs = Number.NEGATIVE_INFINITY;
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
		this.#idle.delete(peer);
		void closed.then(() => {
			interest.streams--;
			if (this.#interests.get(peer) !== interest) return;
			interest.untilMs = this.#host.clock.now() + KEPT_MS;
			if (interest.streams === 0) this.#idle.add(peer);
			this.reconsider(peer);
		});
		this.reconsider(peer);
	}

	/** A channel was wanted that there was no room for. */
	wanted(peer: string): void {
		this.#interest(peer);
		this.reconsider(peer);
	}

	/** A network has changed, that of the peer or this side's own: what was in the way may be gone. */
	changed(peer?: string): void {
		const interests = peer === undefined ? this.#interests.values() : [this.#interests.get(peer)];
		for (const interest of interests) if (interest !== undefined) interest.notBeforeMs = this.#soon();
		this.reconsider(peer);
	}

	/** A channel to this peer is being closed, by either side: that is meant so, and there is none until somebody opens a stream. */
	closing(peer: string): void {
		const interest = this.#interests.get(peer);
		if (interest !== undefined) interest.muted = true;
	}

	/** A channel to this peer has broken, which nobody meant. */
	broken(peer: string, livedMs: number): void {
		const interest = this.#interests.get(peer);
		if (interest === undefined) return;
		const now = this.#host.clock.now();
		interest.muted = false;
		interest.shortLived = livedMs < LASTING_MS ? interest.shortLived + 1 : 0;
		const pauseMs = interest.shortLived === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (interest.shortLived - 1));
		interest.notBeforeMs = Math.max(interest.notBeforeMs, now + pauseMs);
		this.reconsider(peer);
	}

	/** Something else has changed, for one peer or for all: begins what is due, and waits for what will be. */
	reconsider(peer?: string): void {
		if (this.#over) return;
		const now = this.#host.clock.now();
		if (peer !== undefined) {
			const interest = this.#interests.get(peer);
			if (interest !== undefined) this.#wake(this.#look(peer, interest, now), now);
			return;
		}
		this.#host.clock.clearTimeout(this.#timer?.handle);
		this.#timer = undefined;
		this.#lookedAtMs = now;
		let nextMs = Number.POSITIVE_INFINITY;
		for (const [id, interest] of this.#interests) nextMs = Math.min(nextMs, this.#look(id, interest, now));
		this.#wake(nextMs, now);
	}

	/** Nothing is tried any more. */
	end(): void {
		this.#over = true;
		this.#host.clock.clearTimeout(this.#timer?.handle);
		this.#timer = undefined;
		this.#interests.clear();
		this.#idle.clear();
	}

	/** Forgets it, or begins, if it is time for either; when to look at it again. */
	#look(peer: string, interest: Interest, now: number): number {
		const keptMs = interest.streams === 0 ? interest.untilMs : Number.POSITIVE_INFINITY;
		if (keptMs <= now) {
			this.#interests.delete(peer);
			this.#idle.delete(peer);
			return Number.POSITIVE_INFINITY;
		}
		if (interest.trying || interest.muted || this.#host.needless(peer)) return keptMs;
		const dueMs = Math.max(this.#host.retryAtMs(peer) ?? now, interest.notBeforeMs);
		if (dueMs > now) return Math.min(keptMs, dueMs);
		// As soon as another one ends, there is a look at all.
		if (this.#running >= AT_ONCE) return keptMs;
		return Math.min(keptMs, this.#take(now) ?? this.#begin(peer, interest));
	}

	/** Looks at all then. Not more often than ten times a second, however many become due one after the other. */
	#wake(nextMs: number, now: number): void {
		if (nextMs === Number.POSITIVE_INFINITY) return;
		const atMs = Math.max(nextMs, now + 1, this.#lookedAtMs + LOOK_GAP_MS);
		if (this.#timer !== undefined) {
			if (this.#timer.atMs <= atMs) return;
			this.#host.clock.clearTimeout(this.#timer.handle);
		}
		this.#timer = { atMs, handle: this.#host.clock.setTimeout(() => this.reconsider(), atMs - now) };
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
		// The others come first the next time.
		this.#interests.delete(peer);
		this.#interests.set(peer, interest);
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
				this.reconsider(this.#running-- === AT_ONCE ? undefined : peer);
			});
		return Number.POSITIVE_INFINITY;
	}

	/** Younger than all others; `undefined`: there are too many with streams. */
	#interest(peer: string): Interest | undefined {
		if (this.#over) return undefined;
		const now = this.#host.clock.now();
		const interest = this.#interests.get(peer) ?? { streams: 0, untilMs: 0, notBeforeMs: now, trying: false, muted: false, shortLived: 0 };
		if (!this.#interests.has(peer) && this.#interests.size >= this.#host.peers) {
			const [oldest] = this.#idle;
			if (oldest === undefined) return undefined;
			this.#interests.delete(oldest);
			this.#idle.delete(oldest);
		}
		interest.untilMs = now + KEPT_MS;
		interest.muted = false;
		// It keeps its turn.
		this.#interests.set(peer, interest);
		this.#idle.delete(peer);
		if (interest.streams === 0) this.#idle.add(peer);
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
	/** The last channel was closed on purpose, and nobody has opened a stream since. */
	muted: boolean;
	/** Channels that broke soon after they had come about, one after the other. */
	shortLived: number;
}

/** A channel that lived so long is none that dies young. */
const LASTING_MS = 60_000;

/** Before another attempt where the last channel died young, twice as long each time. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 600_000;

const LOOK_GAP_MS = 100;

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
