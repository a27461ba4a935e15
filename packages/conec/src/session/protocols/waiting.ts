/**
 * Streams that peers have opened and that wait for a place: they are answered in turn among their openers.
 *
 * @module
 */

import { FairPool, type PoolKeys } from "../../base/fair-pool.ts";
import { FairQueue } from "../../base/fair-queue.ts";
import { SpareItems } from "../../base/spare-items.ts";
import type { FramedStream, StreamInit } from "../../stream/framed-stream.ts";
import type { NewStream } from "../../stream/open-stream.ts";
import { WaitingOpen } from "../../stream/waiting-open.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import type { RejectCode } from "../../wire/codes.ts";
import type { OpenResume } from "../../wire/open.ts";

/** A stream whose OPEN has been understood. */
export interface Arrival {
	readonly incoming: IncomingStream;
	readonly init: StreamInit;
	/** What its OPEN says of the leg. */
	readonly resume: OpenResume | undefined;
	/** It has been accepted. Called before the application has it. */
	readonly accepted: (stream: FramedStream) => void;
	/** A further leg of a stream has come there. */
	readonly legCame: () => void;
	/** Key of the peer, where the Coordinator says it. */
	readonly fromKey?: string | undefined;
	/** To whom the stream counts. A Coordinator knows where its Clients come from, and a Client knows the names of its peers. @default the peer's id */
	readonly opener?: PoolKeys | undefined;
	/** There was no room for it, not even to wait. */
	readonly busy?: (() => void) | undefined;
}

/** To whom the stream counts. */
export function openerOf({ opener, init }: Arrival): PoolKeys {
	return opener ?? [init.peer];
}

interface Waiter {
	readonly open: WaitingOpen;
	readonly accepted: Arrival["accepted"];
	readonly opener: PoolKeys;
}

/** See the module. */
export class WaitingStreams {
	readonly #most: number;
	readonly #queue: FairQueue<string | null, Waiter>;
	readonly #places: FairPool;
	/** Streams on which nothing has come, by the widest key of their openers: they lose first. */
	readonly #silent: SpareItems<unknown, Waiter> = new SpareItems();
	/** To whom the streams of a peer count, by its id. */
	readonly #openers: Map<string | null, PoolKeys> = new Map();
	/** By opener. */
	readonly #keptBytes: Map<string | null, number> = new Map();

	/** @param most `limits.waitingOpens`; one opener may have a quarter */
	constructor(most: number) {
		this.#most = most;
		this.#queue = new FairQueue(most, this.#mostEach);
		this.#places = new FairPool(most);
	}

	/** Streams that wait. */
	get length(): number {
		return this.#queue.length;
	}

	/** Streams of a peer that wait. */
	lengthOf(peer: string | null): number {
		return this.#queue.lengthOf(peer);
	}

	/**
	 * Lets a stream wait. If all places are taken, one on which nothing has come is rejected for it, of the opener that has most. False: there
	 * is no room, and it is the caller's to reject.
	 */
	add(arrival: Arrival, resume: NewStream): boolean {
		const { incoming, init, accepted } = arrival;
		const { peer } = init;
		const opener = openerOf(arrival);
		if (this.#queue.lengthOf(peer) >= this.#mostEach || !this.#makeRoom(opener)) return false;
		const open: WaitingOpen = new WaitingOpen(incoming, init, resume, {
			kept: (bytes) => {
				this.#silent.delete(opener.at(-1), waiter);
				const keptBytes = (this.#keptBytes.get(peer) ?? 0) + bytes;
				this.#keptBytes.set(peer, keptBytes);
				if (keptBytes > MOST_KEPT_BYTES && this.#leaves(waiter)) open.reject("PEER_BUSY", "too much has come on streams that wait for a place");
			},
			gone: () => void this.#leaves(waiter),
		});
		const waiter: Waiter = { open, accepted, opener };
		if (!this.#queue.push(peer, waiter)) return false;
		this.#places.take(opener);
		this.#openers.set(peer, opener);
		if (open.keptBytes === 0) this.#silent.add(opener.at(-1), waiter);
		return true;
	}

	/** Accepts the next one of an opener that `may` have another. `undefined`: none waits. */
	accept(may: (opener: PoolKeys) => boolean = () => true): { readonly stream: FramedStream; readonly opener: PoolKeys } | undefined {
		const waiter = this.#queue.shift((peer) => may(this.#openers.get(peer) ?? [peer]));
		if (waiter === undefined) return undefined;
		this.#forget(waiter);
		const stream = waiter.open.accept();
		waiter.accepted(stream);
		return { stream, opener: waiter.opener };
	}

	/** Rejects those of a protocol, or all. */
	reject(code: RejectCode, reason: string, protocol?: string): void {
		for (const waiter of this.#queue.removeAll(({ open }) => protocol === undefined || open.init.protocol === protocol)) {
			this.#forget(waiter);
			waiter.open.reject(code, reason);
		}
	}

	get #mostEach(): number {
		return Math.ceil(this.#most / 4);
	}

	/** Whether there is a place for another stream of this opener, if need be that of another one. */
	#makeRoom(opener: PoolKeys): boolean {
		const verdict = this.#places.judge(opener);
		if (verdict !== "full") return verdict === "free";
		const held = (key: unknown): number => this.#places.heldBy(key);
		const victim = this.#silent.victim(held, Math.max(held(opener.at(-1)) + 1, this.#most / MUCH));
		if (victim === undefined || !this.#leaves(victim)) return false;
		victim.open.reject("PEER_BUSY", "others need the place, and nothing has come on this stream");
		return true;
	}

	#leaves(waiter: Waiter): boolean {
		const waited = this.#queue.remove(waiter.open.init.peer, waiter);
		if (waited) this.#forget(waiter);
		return waited;
	}

	/** It does not wait any more: what it keeps is not counted here. */
	#forget(waiter: Waiter): void {
		const { opener } = waiter;
		const { init, keptBytes } = waiter.open;
		this.#places.giveBack(opener);
		this.#silent.delete(opener.at(-1), waiter);
		if (this.#queue.lengthOf(init.peer) === 0) this.#openers.delete(init.peer);
		const left = (this.#keptBytes.get(init.peer) ?? 0) - keptBytes;
		if (left > 0) this.#keptBytes.set(init.peer, left);
		else this.#keptBytes.delete(init.peer);
	}
}

/** Early messages of one opener, over all its streams that wait. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/** An opener that has more than this part of all places to wait may lose one. */
const MUCH = 16;
