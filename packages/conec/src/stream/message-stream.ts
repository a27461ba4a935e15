/**
 * The stream of messages that applications hold.
 *
 * @module
 */

import type { JsonValue } from "../wire/json.ts";
import type { CloseInfo } from "./close-info.ts";

/**
 * An ordered, bidirectional sequence of whole messages. Each direction ends on its own: by `close`, seen by the peer as the
 * end of its iteration, or abruptly, which is always an error at the other side and never a quiet end.
 *
 * Reading is by `for await`, by `receive` or by `readable`, one reader at a time (`ITERATOR_IN_USE`); `break` leaves the
 * rest to the next reader and stops nothing. A side that reads no more should `stop`.
 *
 * Disposing is `close()`, then `stop(0)`, in at most 2 s (`limits.lingerMs`), and never throws.
 */
export interface MessageStream extends AsyncIterable<Uint8Array>, AsyncDisposable {
	/** Id of the peer, as the Coordinator or the peer's certificate said; `null`: the Coordinator. */
	readonly peer: string | null;
	/** Number of the stream among those of its opener. */
	readonly id: number;
	/** How it travels. */
	readonly path: "direct" | "proxied";
	/** What the opener said of it. */
	readonly metadata: JsonValue | undefined;
	/** The protocol that the opener named, which is what its handler handles; `undefined`: none. */
	readonly protocol: string | undefined;
	/**
	 * Waits until less than 512 KiB (`limits.sendHighWaterBytes`) is queued, queues a copy and resolves: that is the whole
	 * backpressure API. Calls keep their order. The bytes must not change before it resolves. A string is sent as UTF-8.
	 *
	 * Rejected or aborted means not queued. Rejects with `MESSAGE_TOO_LONG`; `QUEUE_FULL` when more than 1_024 calls
	 * (`limits.waitingSends`) wait; `STREAM_CLOSED` after `close` or `reset`; `STREAM_STOPPED` with the peer's `closeCode`;
	 * whatever else ended the stream; `signal.reason`.
	 */
	send(message: Uint8Array | string, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Queues a copy if there is room now; false: there is none, nothing was queued. Throws what `send` would reject with, but never `QUEUE_FULL`. */
	trySend(message: Uint8Array | string): boolean;
	/**
	 * The next message, which is the caller's; `null`: the peer has finished. Aborting takes no message out.
	 *
	 * Rejects, after the messages that came whole, with `STREAM_RESET` and the peer's `closeCode`, `STREAM_TRUNCATED`,
	 * `COORDINATOR_LOST`, `PEER_LOST` or whatever else ended the stream; `STREAM_CLOSED` after `stop`; `ITERATOR_IN_USE`.
	 */
	receive(options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | null>;
	/**
	 * Finishes writing, after the sends that wait. Resolves when all of it is in the peer's process (received by its library,
	 * not necessarily read by its application). The peer acknowledges on this stream, so go on reading meanwhile if it may be
	 * sending a lot. After `stop` or the peer's `reset` there is no way to acknowledge: then it resolves once the next hop
	 * has everything.
	 *
	 * Idempotent. Rejects with whatever ended the stream before the acknowledgement; `signal.reason` on abort, while the end
	 * stays on its way.
	 */
	close(options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Gives up sending: what is queued is dropped, the peer gets `STREAM_RESET` with the code. `RangeError` unless 0 to 2^30 - 1. @default 0 */
	reset(code?: number): void;
	/** Wants no more: what waits is dropped, the peer's sends get `STREAM_STOPPED` with the code. `RangeError` unless 0 to 2^30 - 1. @default 0 */
	stop(code?: number): void;
	/** Resolves when both directions are over. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	/** The messages as a Web Stream, one chunk each, read only as fast as it is; cancelling is `stop(0)`. It is the reader from its first read on. */
	readonly readable: ReadableStream<Uint8Array>;
	/** Sending as a Web Stream, one message a chunk; closing is `close()`, aborting is `reset(0)`. */
	readonly writable: WritableStream<Uint8Array>;
}
