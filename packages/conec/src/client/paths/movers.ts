/**
 * Moves resumable streams between the direct and the proxied path: to the direct one when it is up and trusted, and back when it carries
 * nothing any more. A peer is in mind only as long as it has such a stream that was opened here.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Survivors } from "../../session/resumption/index.ts";
import type { DirectChannel } from "../channel/index.ts";
import { patienceMs } from "../channel/index.ts";
import type { ChannelWatcher } from "../direct/index.ts";
import { DirectTrust, type TrustAct } from "./trust.ts";

/** What {@link Movers} need. */
export interface MoversHost {
	readonly clock: Clock;
	readonly survivors: Pick<Survivors, "go" | "wayIsThere">;
	/** The channel to a peer that takes streams. */
	readonly find: (peer: string) => DirectChannel | undefined;
	/** Whether streams can go through the Coordinator now. */
	readonly proxied: () => boolean;
	/** Tries to make a channel where there is none and none is being tried, whatever was learnt of the path. */
	readonly punch: (peer: string) => void;
}

interface Mover {
	/** That were opened, and are not over. Those that are being opened do not count: nobody would tell of one that fails. */
	streams: number;
	readonly trust: DirectTrust;
	channel: DirectChannel | undefined;
	/** The one before, until it is over. */
	left: DirectChannel | undefined;
	timer: unknown;
	/** Which question to the peer counts: the last. */
	round: number;
	/** Looks since the last change, for the pause until the next one. */
	looks: number;
	/** Another attempt at a channel, after the one that follows the loss of a channel at once. */
	again: unknown;
}

/** See the module. */
export class Movers implements ChannelWatcher {
	readonly #host: MoversHost;
	readonly #movers: Map<string, Mover> = new Map();
	#ended = false;

	constructor(host: MoversHost) {
		this.#host = host;
	}

	/** Peers in mind. */
	get size(): number {
		return this.#movers.size;
	}

	/** A stream that may take either path was opened to a peer. */
	opened(peer: string, closed: Promise<unknown>): void {
		if (this.#ended) return;
		const mover = this.#movers.get(peer) ?? {
			...{ streams: 0, trust: new DirectTrust(), channel: undefined, left: undefined, round: 0, looks: 0 },
			...{ timer: undefined, again: undefined },
		};
		this.#movers.set(peer, mover);
		mover.streams++;
		void closed.then(() => this.#forget(peer, mover));
		const channel = this.#host.find(peer);
		if (channel === undefined || channel.stalled) return;
		this.#use(mover, channel);
		// One that is being asked is not asked faster for that.
		if (!mover.trust.busy) this.#do(peer, mover, mover.trust.ask());
	}

	// What becomes of channels.

	up(channel: DirectChannel): void {
		const { peer } = channel;
		// Suspended streams take whatever there is.
		this.#host.survivors.wayIsThere(peer, "direct");
		const mover = this.#movers.get(peer);
		if (mover === undefined) return;
		this.#host.clock.clearTimeout(mover.again);
		this.#use(mover, channel);
		this.#do(peer, mover, mover.trust.ask());
	}

	stalled(channel: DirectChannel): void {
		const mover = this.#of(channel);
		if (mover === undefined) return;
		this.#do(channel.peer, mover, channel.stalled ? mover.trust.stalled(this.#host.clock.now()) : mover.trust.ask());
	}

	leaving(channel: DirectChannel): void {
		const { peer } = channel;
		const mover = this.#of(channel);
		if (mover === undefined) return;
		[mover.channel, mover.left] = [undefined, channel];
		mover.trust.leaving();
		this.#host.clock.clearTimeout(mover.timer);
		if (this.#host.proxied()) this.#host.survivors.go(peer, "proxied", false);
	}

	over(channel: DirectChannel, livedMs: number, broken: boolean): void {
		const { clock, find } = this.#host;
		const { peer } = channel;
		const mover = this.#movers.get(peer);
		if (mover === undefined) return;
		if (mover.left === channel) {
			mover.left = undefined;
			mover.trust.over(clock.now(), broken);
		}
		// Where a channel has lasted, another one is likely. The first attempt is made at once by whoever misses the channel.
		if (!broken || livedMs < LASTED_MS || find(peer) !== undefined) return;
		clock.clearTimeout(mover.again);
		mover.again = clock.setTimeout(() => this.#host.punch(peer), AGAIN_MS);
	}

	end(): void {
		this.#ended = true;
		for (const mover of this.#movers.values()) this.#drop(mover);
		this.#movers.clear();
	}

	#of(channel: DirectChannel): Mover | undefined {
		const mover = this.#movers.get(channel.peer);
		return mover?.channel === channel ? mover : undefined;
	}

	#use(mover: Mover, channel: DirectChannel): void {
		mover.channel = channel;
		channel.watchful = true;
	}

	#do(peer: string, mover: Mover, act: TrustAct): void {
		if (act === "ask") void this.#ask(peer, mover);
		else if (act === "direct" || act === "proxied") {
			mover.looks = 0;
			this.#go(peer, mover);
		} else if (mover.trust.wakeMs !== Number.POSITIVE_INFINITY) this.#wait(peer, mover, mover.trust.wakeMs);
	}

	async #ask(peer: string, mover: Mover): Promise<void> {
		const { channel } = mover;
		if (channel === undefined) return;
		const round = ++mover.round;
		const yes = await channel.ping(patienceMs(channel.rttMs));
		if (this.#movers.get(peer) !== mover || mover.channel !== channel || mover.round !== round) return;
		this.#do(peer, mover, mover.trust.answered(this.#host.clock.now(), yes));
	}

	/** Streams go where they belong now. There is another look later for those that could not: a move, or an opening, is under way. */
	#go(peer: string, mover: Mover): void {
		const { clock, survivors, proxied } = this.#host;
		const { trusted, silent } = mover.trust;
		if (!trusted && !(silent && proxied())) return;
		const left = survivors.go(peer, trusted ? "direct" : "proxied", silent);
		if (left > 0) this.#wait(peer, mover, clock.now() + Math.min(LONGEST_LOOK_MS, FIRST_LOOK_MS * 2 ** mover.looks++));
	}

	#wait(peer: string, mover: Mover, untilMs: number): void {
		const { clock } = this.#host;
		clock.clearTimeout(mover.timer);
		mover.timer = clock.setTimeout(() => {
			const act = mover.trust.wake(clock.now());
			if (act === "none") this.#go(peer, mover);
			else this.#do(peer, mover, act);
		}, untilMs - clock.now());
	}

	/** A stream is over: the peer is kept in mind for the sake of others only. */
	#forget(peer: string, mover: Mover): void {
		if (--mover.streams > 0 || this.#movers.get(peer) !== mover) return;
		this.#drop(mover);
		this.#movers.delete(peer);
	}

	#drop(mover: Mover): void {
		this.#host.clock.clearTimeout(mover.timer);
		this.#host.clock.clearTimeout(mover.again);
		if (mover.channel !== undefined) mover.channel.watchful = false;
	}
}

/** Before there is another look at streams that could not move, twice as long each time. An older connection is read for 5 s at most. */
const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 30_000;

/** A channel that has lived so long is one that lasts. */
const LASTED_MS = 60_000;

/** After the first attempt at another one. Later ones follow what was learnt of the path. */
const AGAIN_MS = 5_000;
