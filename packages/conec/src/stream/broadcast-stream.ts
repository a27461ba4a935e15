/**
 * The broadcast that applications hold.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import type { BroadcastMode, BroadcastPeer, BroadcastPosition, SlowReaderPolicy } from "../wire/broadcast.ts";

/** How a broadcast is joined. */
export interface BroadcastOptions {
	/** Whether this member sends, receives, or both. @default "both" */
	readonly mode?: BroadcastMode;
	/** What the Coordinator does when this member reads too slowly; see docs/broadcasts.md. "block" needs the Coordinator's permission. @default "drop-oldest" */
	readonly slowReader?: SlowReaderPolicy;
	/**
	 * Bytes that may wait for this member at the Coordinator before the member counts as slow. Framing of about 30 bytes a message counts
	 * too. 1_024 to 64 MiB, and at most what the Coordinator allows. @default 1 MiB
	 */
	readonly bufferBytes?: number;
	/** Continue after this position, which is that of the last event that was seen. {@link BroadcastStream.recovered} says whether that was possible. Not together with `last`. */
	readonly since?: BroadcastPosition;
	/** Begin with at most this many earlier messages, 0 to 1_000_000. The Coordinator may keep fewer. Not together with `since`. */
	readonly last?: number;
	/** Stay when the last sender has gone. @default false: this member's iteration ends then */
	readonly keepOpen?: boolean;
	/** Also get the events "members", "join", "update" and "leave". @default false */
	readonly presence?: boolean;
	/**
	 * Join again by itself when the Client has lost the Coordinator and is back. The event "rejoined" tells of it. `false`: the membership
	 * ends with `COORDINATOR_LOST`, as it always does with the Client's `reconnect: false`. @default true
	 */
	readonly rejoin?: boolean;
	/** Aborting gives up joining, which then rejects with the signal's reason. It has no effect once this Client is a member. */
	readonly signal?: AbortSignal;
}

/** What a member gets. All members see one order. `seq` only grows, and `epoch` names the life of the broadcast that it counts in. */
export type BroadcastEvent =
	/** A message. It may be the member's own. The receiver may keep `data`. */
	| { readonly type: "message"; readonly sender: string; readonly epoch: string; readonly seq: number; readonly data: Uint8Array }
	/** Here this member has lost `lost` messages, because it read too slowly. */
	| { readonly type: "gap"; readonly lost: number; readonly fromSeq: number; readonly toSeq: number }
	/** All members as of `seq`, this one included. It is the first event, or comes after the earlier messages of `last` or `since`. It comes again wherever a change was lost. */
	| { readonly type: "members"; readonly members: BroadcastPeer[]; readonly seq: number }
	/** A member came, changed its metadata, or went. */
	| { readonly type: "join" | "update" | "leave"; readonly peer: BroadcastPeer; readonly seq: number }
	/**
	 * The Coordinator was lost, and this member has joined again. `recovered`: every message after the event before this one follows, and
	 * none comes twice. Otherwise something may be missing here, and `seq` counts in `BroadcastStream.epoch`, which may be another one.
	 */
	| { readonly type: "rejoined"; readonly recovered: boolean };

/**
 * Membership in a broadcast. It gets the messages of all members in one order, its own included.
 *
 * - **Reading.** Read with `for await` or `batches`. There is one reader at a time; another gets `ITERATOR_IN_USE`. `break` leaves the other events to the next reader.
 * - **Ends.** The iteration ends after `close`, and when the last sender has gone (unless `keepOpen`). Every other end is an error,
 *   for example `LAGGED` with `slowReader: "disconnect"`.
 * - **A lost Coordinator** is no end, unless `rejoin` is false: this member joins again when the Client is back, and reads "rejoined" there.
 *   Calls of `send` wait meanwhile. What had been sent before is never sent again, and may be lost: `finish` tells.
 * - **Disposal** is `close()`. It takes at most 2 s (`limits.lingerMs`) and never throws.
 */
export interface BroadcastStream extends AsyncIterable<BroadcastEvent>, AsyncDisposable {
	/** The name of the broadcast. */
	readonly name: string;
	/** Names this life of the broadcast: 16 hexadecimal digits. After all members have gone, or after a restart of the Coordinator, it is another. */
	readonly epoch: string;
	/** With `since`: whether every message after that position follows, as of the first joining. Otherwise `undefined`. */
	readonly recovered: boolean | undefined;
	/** Ids of the members that are too slow now, at most 64. Only members that send are told. */
	readonly lagging: readonly string[];
	/** Resolves when the membership is over, and says how it ended. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	/**
	 * Waits for room and queues a copy, as `MessageStream.send` does. There is room while the readers keep up; see docs/broadcasts.md.
	 *
	 * If it rejects, nothing was sent. It rejects with:
	 *
	 * - `MESSAGE_TOO_LONG`, `QUEUE_FULL`: as `MessageStream.send`
	 * - `STREAM_CLOSED`: after `finish` or `close`, or with mode "receive"
	 * - any other error that ended the membership
	 * - `signal.reason` on abort
	 */
	send(message: Uint8Array | string, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Queues a copy if there is room now, and returns true. Otherwise it queues nothing and returns false. Throws what `send` would reject with, but never `QUEUE_FULL`. */
	trySend(message: Uint8Array | string): boolean;
	/**
	 * Reads many events at a time, as `MessageStream.batches` reads messages: each step gives an array of all events that are here, at least one
	 * and at most `maxMessages` (1 to 1_048_576). With many short messages this costs less than `for await` over the broadcast.
	 *
	 * Throws a `TypeError` or `RangeError` with `OPTION_INVALID` for another option or value.
	 */
	batches(options?: { readonly maxMessages?: number }): AsyncIterable<BroadcastEvent[]>;
	/** Ends sending. Resolves when the Coordinator has given every message its place. Reading goes on. Rejects with the error that ended the membership first, and with `COORDINATOR_LOST` if the Coordinator was lost after something was sent: that may have no place. */
	finish(): Promise<void>;
	/** Leaves the broadcast, after what was sent. Unread events are dropped. Resolves when the Coordinator has removed this member. While the Coordinator is lost it leaves at once, and calls of `send` that wait reject with `COORDINATOR_LOST`. It rejects as `finish` does if what was sent may have no place. Rejects with the error that ended the membership first. */
	close(): Promise<void>;
}
