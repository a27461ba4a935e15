/**
 * Streams that peers have opened and that wait for a place: they are answered in turn among their openers.
 *
 * @module
 */

import { FairQueue } from "../../base/fair-queue.ts";
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
}

interface Waiter {
	readonly open: WaitingOpen;
	readonly accepted: Arrival["accepted"];
}

/** See the module. */
export class WaitingStreams {
	readonly #most: number;
	readonly #queue: FairQueue<string | null, Waiter>;
	/** By opener. */
	readonly #keptBytes: Map<string | null, number> = new Map();

	/** @param most `limits.waitingOpens`; one opener may have a quarter */
	constructor(most: number) {
		this.#most = most;
		this.#queue = new FairQueue(most, this.#mostEach);
	}

	/** Streams that wait. */
	get length(): number {
		return this.#queue.length;
	}

	/** Lets a stream wait. False: there is no room, and it is the caller's to reject. */
	add({ incoming, init, accepted }: Arrival, resume: NewStream): boolean {
		const { peer } = init;
		if (this.#queue.length >= this.#most || this.#queue.lengthOf(peer) >= this.#mostEach) return false;
		const open: WaitingOpen = new WaitingOpen(incoming, init, resume, {
			kept: (bytes) => {
				const keptBytes = (this.#keptBytes.get(peer) ?? 0) + bytes;
				this.#keptBytes.set(peer, keptBytes);
				if (keptBytes > MOST_KEPT_BYTES && this.#leaves(waiter)) open.reject("PEER_BUSY", "too much has come on streams that wait for a place");
			},
			gone: () => void this.#leaves(waiter),
		});
		const waiter: Waiter = { open, accepted };
		return this.#queue.push(peer, waiter);
	}

	/** Accepts the next one. `undefined`: none waits. */
	accept(): FramedStream | undefined {
		const waiter = this.#queue.shift();
		if (waiter === undefined) return undefined;
		this.#forget(waiter);
		const stream = waiter.open.accept();
		waiter.accepted(stream);
		return stream;
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

	#leaves(waiter: Waiter): boolean {
		const waited = this.#queue.remove(waiter.open.init.peer, waiter);
		if (waited) this.#forget(waiter);
		return waited;
	}

	/** It does not wait any more: what it keeps is not counted here. */
	#forget({ open: { init, keptBytes } }: Waiter): void {
		const left = (this.#keptBytes.get(init.peer) ?? 0) - keptBytes;
		if (left > 0) this.#keptBytes.set(init.peer, left);
		else this.#keptBytes.delete(init.peer);
	}
}

/** Early messages of one opener, over all its streams that wait. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;
