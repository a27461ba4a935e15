/**
 * What a member has got and its application has not read. It outlives the connection that brought it.
 *
 * @module
 */

import { Fifo } from "../../base/fifo.ts";
import type { ConecError } from "../../errors.ts";
import type { BroadcastEvent } from "../../stream/broadcast-stream.ts";
import type { Decode } from "../../stream/queue-iterators.ts";
import { ReceiveQueue } from "../../stream/receive-queue.ts";
import { type BroadcastPosition, taggedBytes } from "../../wire/broadcast.ts";

/** What an inbox says to the stream that fills it now. */
export interface InboxHost {
	readonly describe: string;
	/** The application has taken so many bytes of what this stream brought. */
	taken(bytes: number): void;
	/** A reader waits and nothing is there, or has given that up. */
	waits(yes: boolean): void;
}

/**
 * See the module. What one connection brings is bounded by its window. What waits here is bounded by two windows: if the application has
 * not read what came before a loss, what came after it is dropped with the next loss, and asked for again.
 */
export class Inbox {
	readonly #host: InboxHost;
	readonly #events: ReceiveQueue<BroadcastEvent>;
	/** For each event of this connection that waits and is no message, the length of the control message that it came in. */
	readonly #sizes: Fifo<number> = new Fifo();
	/** Events at the front that no window of this connection counts. If there are any, "rejoined" is the last of them. */
	#older = 0;
	/** Where the broadcast stands behind those. */
	#olderPosition: BroadcastPosition | undefined;
	#position: BroadcastPosition | undefined;
	/** The last "rejoined", which may be unread. */
	#rejoined: { type: "rejoined"; recovered: boolean } | undefined;

	constructor(host: InboxHost) {
		this.#host = host;
		this.#events = new ReceiveQueue({
			describe: host.describe,
			consumed: (event) => this.#consumed(event),
			waits: (yes) => host.waits(yes),
		});
	}

	get length(): number {
		return this.#events.length;
	}

	/** A reader waits, and nothing is there. */
	get waiting(): boolean {
		return this.#events.waiting;
	}

	/** Where the broadcast goes on behind the last event. `undefined`: earlier messages were asked for, and none has come. */
	get position(): BroadcastPosition | undefined {
		return this.#position;
	}

	/** The member has joined, and goes on from there. */
	begins(position: BroadcastPosition | undefined): void {
		this.#position = position;
	}

	/** An event that came in so many bytes. */
	push(event: Exclude<BroadcastEvent, { readonly type: "rejoined" }>, epoch: string, bytes: number): void {
		const seq = event.type === "gap" ? event.toSeq : event.seq;
		this.#position = { epoch, seq: Math.max(seq, this.#position?.epoch === epoch ? this.#position.seq : 0) };
		if (event.type !== "message") this.#sizes.push(bytes);
		this.#events.push(event);
	}

	/** The connection is lost. */
	cutOff(): void {
		this.#sizes.clear();
		if (this.#older > 0) {
			this.#events.keep(this.#older);
			this.#position = this.#olderPosition;
			return;
		}
		this.#older = this.#events.length;
		this.#rejoined = undefined;
	}

	/** The member has joined again, and goes on from there. */
	rejoined(recovered: boolean, position: BroadcastPosition | undefined): void {
		this.#position = this.#olderPosition = position;
		if (this.#older > 0 && this.#rejoined !== undefined) {
			// The last one is not read yet, and nothing is behind it.
			this.#rejoined.recovered &&= recovered;
			return;
		}
		this.#older++;
		this.#rejoined = { type: "rejoined", recovered };
		this.#events.push(this.#rejoined);
	}

	/** No more will come: `null` is the end, an error is read after what waits. */
	finish(outcome: ConecError | null): void {
		this.#events.finish(outcome);
	}

	/** Drops what waits. What is read from now on is the end. */
	discard(): void {
		this.#older = 0;
		this.#sizes.clear();
		this.#events.discard(null);
	}

	iterate(): AsyncIterator<BroadcastEvent, undefined> {
		return this.#events.iterate();
	}

	/** See `ReceiveQueue`. */
	iterateBatches(most: number): AsyncIterator<BroadcastEvent[], undefined> {
		return this.#events.iterateBatches(most);
	}

	/** See `ReceiveQueue`. */
	iterateDecoded<V>(decode: Decode<BroadcastEvent, V>): AsyncIterator<V, undefined> {
		return this.#events.iterateDecoded(decode);
	}

	/** See `ReceiveQueue`. */
	iterateDecodedBatches<V>(decode: Decode<BroadcastEvent, V>, most: number): AsyncIterator<V[], undefined> {
		return this.#events.iterateBatches(most, decode);
	}

	#consumed(event: BroadcastEvent): void {
		if (this.#older > 0) this.#older--;
		else this.#host.taken(event.type === "message" ? taggedBytes(event) : (this.#sizes.shift() ?? 0));
	}
}
