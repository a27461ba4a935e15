/**
 * Keeps live channels, and notices when packets of one go nowhere. There is no event for silence. So the counters of a channel in use
 * are looked at a few times a second. A channel that nobody uses is looked at when its {@link Upkeep} is due, some times a minute.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { StallWatch } from "../../base/stall.ts";
import type { ClientLimits } from "../../limits.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import type { DirectChannel } from "./channel.ts";
import { LinkWatch } from "./silence.ts";
import { LearntGaps, Upkeep, upkeepTimes } from "./upkeep.ts";

/** What {@link LinkWatches} are made of. */
export interface LinkWatchesParts {
	readonly clock: Clock;
	readonly limits: ClientLimits;
	/** 0: nothing is said to keep a channel. */
	readonly keepAliveIntervalMs: number;
	/** Called for a channel that hears nothing back. */
	readonly suspect: (channel: DirectChannel) => void;
	/** Called when a channel carries nothing any more, or does again: see {@link StallWatch}. @default nobody hears it */
	readonly stalled?: (channel: DirectChannel) => void;
}

interface Watched {
	readonly link: LinkWatch;
	readonly stall: StallWatch;
	readonly upkeep: Upkeep;
	timer: unknown;
	inUse: boolean;
	/** Where the peer was at the last look. */
	at: string;
}

/** See the module. */
export class LinkWatches {
	readonly #parts: LinkWatchesParts;
	readonly #watched: Map<DirectChannel, Watched> = new Map();
	readonly #learnt: LearntGaps = new LearntGaps();

	constructor(parts: LinkWatchesParts) {
		this.#parts = parts;
	}

	/** Channels that are watched. */
	get size(): number {
		return this.#watched.size;
	}

	add(channel: DirectChannel): void {
		const { limits, keepAliveIntervalMs } = this.#parts;
		const upkeep = new Upkeep(upkeepTimes(limits, keepAliveIntervalMs, channel.dialled), this.#learnt);
		const watched: Watched = {
			link: new LinkWatch(),
			stall: new StallWatch(),
			upkeep,
			timer: undefined,
			inUse: false,
			at: placeOf(channel.connection.remoteAddress),
		};
		this.#watched.set(channel, watched);
		channel.onUse = () => {
			if (!watched.inUse) this.#look(channel, watched);
		};
		this.#look(channel, watched);
	}

	delete(channel: DirectChannel): void {
		this.#parts.clock.clearTimeout(this.#watched.get(channel)?.timer);
		this.#watched.delete(channel);
	}

	/** This Client is in another network: what was learnt of NATs is not true any more. */
	ownNetworkChanged(): void {
		this.#learnt.forget();
	}

	#look(channel: DirectChannel, watched: Watched): void {
		if (this.#watched.get(channel) !== watched) return;
		const { clock, suspect } = this.#parts;
		clock.clearTimeout(watched.timer);
		const now = clock.now();
		// One that carries nothing is watched as closely when its streams have gone elsewhere: it may come back, or is given up soon.
		const inUse = channel.inUse || channel.stalled;
		watched.inUse = inUse;
		const { sentBytes, receivedBytes, rttMs, silentMs, remoteAddress } = channel.figures();
		const at = placeOf(remoteAddress);
		const moved = at !== watched.at;
		watched.at = at;
		const { act, inMs } = watched.upkeep.look(now, { silentMs, inUse, rttMs, moved });
		if (act === "lost") return channel.fail("nothing has come from the peer for too long");
		const isUnanswered = inUse && watched.link.sample(now, { sentBytes, receivedBytes, rttMs });
		watched.timer = clock.setTimeout(() => this.#look(channel, watched), inUse ? Math.min(LOOK_MS, inMs) : inMs);
		const stall = inUse ? watched.stall.look(now, { sentBytes, receivedBytes, silentMs, rttMs, asks: channel.watchful }) : "fine";
		if (act === "ping" || stall === "ask") channel.keepAlive();
		if (act === "suspect" || isUnanswered) suspect(channel);
		if ((stall === "stalled") === channel.stalled) return;
		channel.stalled = !channel.stalled;
		this.#parts.stalled?.(channel);
	}
}

function placeOf({ address, port }: SocketAddress): string {
	return `${address} ${port}`;
}

const LOOK_MS = 200;
