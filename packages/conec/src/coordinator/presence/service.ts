/**
 * Presence at the Coordinator. Every change is written into one log, and each watch reads the log at its own speed.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { FairPool } from "../../base/fair-pool.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { PeerInfo } from "../../session/peer-info.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import type { Lent } from "../../stream/lent.ts";
import { type NewStream, rejectStream } from "../../stream/open-stream.ts";
import { SendBudget, UNIT_COST_BYTES } from "../../stream/windows/index.ts";
import type { IncomingStream, TransportConnection } from "../../transport/transport.ts";
import { FRAME_BYTES } from "../../wire/frames.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";
import { PresenceListener } from "./listener.ts";
import { PresenceLog } from "./log.ts";
import { Turns } from "./turns.ts";
import { Watch } from "./watch.ts";

/** The bounds that presence needs. */
export type PresenceLimits = Pick<CoordinatorLimits, "presenceWatches" | "watches" | "presenceQueueBytes" | "presenceLogBytes" | "presenceBytesPerSecond">;

/** Whose watch it is. */
export type WatchOwner = Pick<Session, "poolKeys" | "whom">;

/** The presence of a Coordinator: the log and its watches. */
export class PresenceService {
	readonly #log: PresenceLog;
	readonly #limits: PresenceLimits;
	readonly #lend: (connection: TransportConnection) => Lent;
	readonly #clock: Clock;
	readonly #watches: Set<Watch> = new Set();
	/** Watches by their owners. */
	readonly #places: WeakMap<WatchOwner, Places> = new WeakMap();
	/** Those of all Clients. */
	readonly #all: FairPool;
	readonly #defence: Pick<Defence, "count">;
	readonly #listeners: Set<PresenceListener> = new Set();
	readonly #turns: Turns;
	#scheduled = false;
	#timer: unknown;
	#restUntilMs = 0;
	#over = false;

	/** `lend`: what a stream borrows. `defence` counts watches that are refused. */
	constructor(
		epoch: string,
		limits: PresenceLimits,
		lend: (connection: TransportConnection) => Lent,
		defence: Pick<Defence, "count">,
		clock: Clock = systemClock,
	) {
		this.#limits = limits;
		this.#all = new FairPool(limits.watches);
		this.#defence = defence;
		this.#lend = lend;
		this.#clock = clock;
		this.#turns = new Turns(clock, limits.presenceBytesPerSecond);
		this.#log = new PresenceLog({ epoch, logBytes: limits.presenceLogBytes });
	}

	/** How many watches Clients and this process have. */
	get watches(): number {
		return this.#watches.size + this.#listeners.size;
	}

	/** Bytes of recent changes that are kept for watches. */
	get logBytes(): number {
		return this.#log.heldBytes;
	}

	/** A Client has come, has another connection of the same identity now, or has changed its metadata. */
	set(peer: PeerInfo): void {
		this.#log.set(peer);
		this.#changed();
	}

	/** A Client has gone. */
	delete(id: string): void {
		this.#log.delete(id);
		this.#changed();
	}

	/** Accepts a watch that a Client has opened, or answers REJECT (`LIMIT_EXCEEDED`). Watches are counted by `owner`, a connection. */
	watch(owner: WatchOwner, incoming: IncomingStream, resume: NewStream): void {
		const { presenceWatches, presenceQueueBytes } = this.#limits;
		const places = this.#places.get(owner) ?? { taken: 0, streams: 0, shares: sharesOf(presenceQueueBytes) };
		this.#places.set(owner, places);
		const reject = (words: string): void => {
			this.#defence.count("refused", "watch", owner.whom);
			rejectStream(incoming, "LIMIT_EXCEEDED", words);
		};
		if (places.taken >= presenceWatches) return reject(`there are ${places.taken} watches of this Client already`);
		if (places.streams >= STREAMS_PER_PLACE * presenceWatches) return reject("the Client reads too little of the watches that it has left");
		const room = this.#all.judge(owner.poolKeys);
		if (room !== "free") return reject(NO_WATCH_LEFT[room]);
		this.#all.take(owner.poolKeys);
		places.taken++;
		places.streams++;
		const left = (): void => {
			this.#watches.delete(watch);
			places.taken--;
			this.#all.giveBack(owner.poolKeys);
		};
		const over = (): void => void places.streams--;
		const lent = { ...this.#lend(incoming.connection), shares: places.shares };
		const watch = new Watch({ log: this.#log, clock: this.#clock, turns: this.#turns, queueBytes: presenceQueueBytes, lent, left, over });
		this.#watches.add(watch);
		watch.accept(incoming, resume);
		watch.pump();
	}

	/** A watch for the application. It ends with the Coordinator, or with `break`. */
	listen(): AsyncIterableIterator<PresenceEvent> {
		const listener = new PresenceListener(this.#log, (one) => this.#listeners.delete(one));
		this.#listeners.add(listener);
		if (this.#over) listener.end();
		return listener;
	}

	/** Ends all watches. Their streams end with their connections. */
	end(): void {
		this.#over = true;
		this.#clock.clearTimeout(this.#timer);
		this.#turns.end();
		for (const listener of [...this.#listeners]) listener.end();
		for (const watch of [...this.#watches]) watch.forget();
	}

	/** Tells the watches once a turn, so that the changes of one turn go into one frame. If that takes long, it does so more rarely. */
	#changed(): void {
		if (this.#scheduled || this.#over || this.watches === 0) return;
		this.#scheduled = true;
		const restMs = this.#restUntilMs - this.#clock.now();
		if (restMs > 1) this.#timer = this.#clock.setTimeout(() => this.#tell(), restMs);
		else this.#clock.soon(() => this.#tell());
	}

	#tell(): void {
		this.#scheduled = false;
		const startedMs = this.#clock.now();
		for (const watch of this.#watches) watch.pump();
		for (const listener of this.#listeners) listener.wake();
		const endedMs = this.#clock.now();
		this.#restUntilMs = endedMs + Math.min(REST_MAX_MS, REST_SHARE * (endedMs - startedMs));
	}
}

const NO_WATCH_LEFT = {
	full: "there are as many watches as there may be (limits.watches)",
	crowded: "there are nearly as many watches as there may be (limits.watches), and this key or network has many of them; end one first",
} as const;

/** The watches of one owner. */
interface Places {
	/** Those that it has not left. */
	taken: number;
	/** Those whose stream is not over: what was sent before the Client left may not have been read. */
	streams: number;
	/** What all of them together may have on their way. */
	readonly shares: SendBudget;
}

/** All watches of a Client together have so much on their way, not acknowledged, or waiting to be sent. There is always room for one frame. */
function sharesOf(presenceQueueBytes: number): SendBudget {
	const bytes = presenceQueueBytes + FRAME_BYTES + UNIT_COST_BYTES;
	// It gives three quarters of that away.
	return new SendBudget({ connectionWindowBytes: Math.ceil((bytes * 4) / 3), severalPeers: false });
}

/** Streams that may be open for each watch, with those of watches that were left. */
const STREAMS_PER_PLACE = 4;

/** It rests three times as long as it took to tell all watches. So thousands of watches take at most a quarter of the thread's time. */
const REST_SHARE = 3;

const REST_MAX_MS = 250;
