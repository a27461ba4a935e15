/**
 * What `status()` of a stream tells: how a resumable stream goes from one connection to another.
 *
 * @module
 */

/** A connection that carries a stream is directly at the peer, or goes through the Coordinator. */
export type StreamPath = "direct" | "proxied";

/** What happened to a resumable stream. `pauseMs` is how long this side could send nothing, in milliseconds. */
export type StreamChange =
	/** No connection carries the stream. Its last one went on `path`. Sends wait. */
	| { readonly type: "suspended"; readonly path: StreamPath }
	/** A connection carries the stream again. Before, it went on `from`, and now it goes on `to`. */
	| { readonly type: "resumed"; readonly from: StreamPath; readonly to: StreamPath; readonly pauseMs: number }
	/** The stream has gone over to another connection, while it still had the first one. */
	| { readonly type: "moved"; readonly from: StreamPath; readonly to: StreamPath; readonly pauseMs: number };

/** An event of `stream.status()`. */
export type StreamStatus =
	| StreamChange
	/** This listener read too slowly, and `lost` events were dropped. At most 64 are kept for it (`limits.statusEvents`). */
	| { readonly type: "lagged"; readonly lost: number };

/** What a stream tells that ends with its connection: nothing, until it is over. */
export function nothingUntil(closed: Promise<unknown>): AsyncIterable<StreamStatus> {
	const over = async (): Promise<IteratorReturnResult<undefined>> => {
		await closed;
		return { done: true, value: undefined };
	};
	return { [Symbol.asyncIterator]: () => ({ next: over, return: () => Promise.resolve({ done: true, value: undefined }) }) };
}
