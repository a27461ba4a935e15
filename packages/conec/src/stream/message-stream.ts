/**
 * The stream of messages that applications hold.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import type { JsonValue } from "../wire/json.ts";
import type { StreamStatus } from "./changes.ts";

/**
 * A stream that carries whole messages both ways, in order.
 *
 * - **Ends.** Each direction ends on its own. After `close`, the peer's iteration ends. Every other end is an error at the other side.
 * - **Reading.** Read with `for await`, `batches`, `receive` or `readable`. There is one reader at a time; another gets `ITERATOR_IN_USE`.
 *   `break` leaves the other messages to the next reader, and the peer may go on sending. A side that wants no more should call `stop`.
 * - **Disposal** is `close()`, then `stop(0)`. It takes at most 2 s (`limits.lingerMs`) and never throws.
 */
export interface MessageStream extends AsyncIterable<Uint8Array>, AsyncDisposable {
	/** Id of the peer, as the Coordinator or the peer's certificate proves it. `null` means the Coordinator. */
	readonly peer: string | null;
	/** Number of the stream. It is unique among the live streams of the side that opened it. */
	readonly id: number;
	/** Whether the stream goes directly to the peer or through the Coordinator. It changes when a resumable stream goes on over another connection. While it is suspended, or after its end, it is the last path. */
	readonly path: "direct" | "proxied";
	/**
	 * Whether the stream survives the loss of its connection. It does if the opener has asked for that and the peer's library has agreed; then it
	 * goes on over another connection to the same peer, and no message is lost or comes twice. While the opening is not answered, this is what
	 * was asked for.
	 */
	readonly resumable: boolean;
	/** Whether no connection carries the stream now. Only a `resumable` stream is ever suspended. Sends wait meanwhile. If it lasts too long, the stream fails with `RESUME_EXPIRED`. */
	readonly suspended: boolean;
	/** What the opener said about the stream. If the peer opened it, this is untrusted. */
	readonly metadata: JsonValue | undefined;
	/** The protocol that the opener named. `undefined`: it named none. */
	readonly protocol: string | undefined;
	/**
	 * Waits until less than 512 KiB (`limits.sendHighWaterBytes`) is queued, then queues a copy and resolves. That is the whole
	 * backpressure API. Calls keep their order. The bytes must not change before it resolves. A string is sent as UTF-8.
	 *
	 * If it rejects, nothing was queued. It rejects with:
	 *
	 * - `MESSAGE_TOO_LONG`: the message is longer than the other side takes (`limits.messageBytes`, 1 MiB)
	 * - `QUEUE_FULL`: 1_024 calls (`limits.waitingSends`) wait already
	 * - `STREAM_CLOSED`: after `close` or `reset`
	 * - `STREAM_STOPPED`: the peer wants no more; `closeCode` is its code
	 * - any other error that ended the stream
	 * - `signal.reason` on abort
	 */
	send(message: Uint8Array | string, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Queues a copy if there is room now, and returns true. Otherwise it queues nothing and returns false. Throws what `send` would reject with, but never `QUEUE_FULL`. */
	trySend(message: Uint8Array | string): boolean;
	/**
	 * Waits for the next message. Its bytes are the caller's to keep. `null`: the peer has finished.
	 *
	 * Messages that came whole are delivered before an error. It rejects with:
	 *
	 * - `STREAM_RESET`: the peer gave up sending; `closeCode` is its code
	 * - `STREAM_TRUNCATED`, `COORDINATOR_LOST`, `PEER_LOST`, or any other error that ended the stream
	 * - `STREAM_CLOSED`: after `stop`
	 * - `ITERATOR_IN_USE`: another reader has the stream
	 * - `signal.reason` on abort; then no message is lost
	 */
	receive(options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | null>;
	/**
	 * Reads many messages at a time: each step gives an array of all messages that are here, at least one. It waits only while there is none. With
	 * many short messages this costs much less than `for await` over the stream. Everything else is the same: the order, one reader at a time, the
	 * end, and an error only after what came whole. All messages of an array count as taken when the array is given, so the peer may send as many again meanwhile.
	 *
	 * `maxMessages` is the most messages that one array has, 1 to 1_048_576. The default is no bound but the stream's own: the peer may only
	 * send what there is room for.
	 *
	 * Throws a `TypeError` or `RangeError` with `OPTION_INVALID` for another option or value.
	 */
	batches(options?: { readonly maxMessages?: number }): AsyncIterable<Uint8Array[]>;
	/**
	 * Ends sending, after the sends that wait. It resolves when everything is in the peer's process: its library has received all
	 * messages, its application may not have read them yet. The acknowledgement comes on this stream. So go on reading meanwhile if
	 * the peer may be sending a lot. After `stop`, or after the peer's `reset`, there can be no acknowledgement; then it resolves once the
	 * next hop has everything.
	 *
	 * Further calls wait for the same end. It rejects with the error that ended the stream before the acknowledgement, or with
	 * `signal.reason` on abort; an abort does not take back the end.
	 */
	close(options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Gives up sending. What is queued is dropped, and the peer gets `STREAM_RESET` with the code. Throws `RangeError` unless the code is 0 to 2^30 - 1. @default 0 */
	reset(code?: number): void;
	/** Gives up reading. Unread messages are dropped, and the peer's sends reject with `STREAM_STOPPED` and the code. Throws `RangeError` unless the code is 0 to 2^30 - 1. @default 0 */
	stop(code?: number): void;
	/** Resolves when both directions are over. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	/** Tells from now on when a resumable stream is suspended, resumed, or moved to another connection, and for how long it could not send. It ends with the stream, or with `break`. Of other streams it tells nothing. */
	status(): AsyncIterable<StreamStatus>;
	/** The messages as a Web Stream, one chunk each. Nothing is read ahead of its reader. From its first read on it is the stream's one reader. Cancelling it is `stop(0)`. */
	readonly readable: ReadableStream<Uint8Array>;
	/** Sending as a Web Stream: each chunk is a message. Closing it is `close()`, aborting it is `reset(0)`. */
	readonly writable: WritableStream<Uint8Array>;
}
