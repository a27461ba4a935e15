/**
 * The broadcast that applications hold.
 *
 * @module
 */

import type { BroadcastMode, BroadcastPeer, BroadcastPosition, SlowReaderPolicy } from "../wire/broadcast.ts";
import type { CloseInfo } from "./close-info.ts";

/** How a broadcast is joined. */
export interface BroadcastOptions {
	/** What this member does. @default "both" */
	readonly mode?: BroadcastMode;
	/** What is done when this member is too slow; see docs/broadcasts.md. "block" only where the Coordinator allows it. @default "drop-oldest" */
	readonly slowReader?: SlowReaderPolicy;
	/** Bytes that may wait for this member at the Coordinator before it counts as slow, framing of about 30 bytes a message included; 1_024 to 64 MiB, and what the Coordinator allows. @default 1 MiB */
	readonly bufferBytes?: number;
	/** Go on after the last event that was seen. {@link BroadcastStream.recovered} says whether it was possible. Not with `last`. */
	readonly since?: BroadcastPosition;
	/** Begin with so many earlier messages, as far as the Coordinator keeps them. Not with `since`. */
	readonly last?: number;
	/** Go on when the last sender goes. @default false: then this member's iteration ends */
	readonly keepOpen?: boolean;
	/** Also get `members`, `join`, `update` and `leave`. @default false */
	readonly presence?: boolean;
	/** Gives up waiting to be taken. Without effect afterwards. */
	readonly signal?: AbortSignal;
}

/** What a member gets, in the one order that all members see. `seq` only grows. */
export type BroadcastEvent =
	/** A message, possibly one's own. `data` is the receiver's. */
	| { readonly type: "message"; readonly sender: string; readonly epoch: string; readonly seq: number; readonly data: Uint8Array }
	/** Here this member has lost so many messages, as it was too slow. */
	| { readonly type: "gap"; readonly lost: number; readonly fromSeq: number; readonly toSeq: number }
	/** All members as of `seq`, this one included. First, or after the earlier messages of `last` or `since`; and again wherever some change was lost. */
	| { readonly type: "members"; readonly members: BroadcastPeer[]; readonly seq: number }
	| { readonly type: "join" | "update" | "leave"; readonly peer: BroadcastPeer; readonly seq: number };

/**
 * Membership in a broadcast: everybody's messages, one's own included, in one order.
 *
 * One reader at a time (`ITERATOR_IN_USE`); `break` leaves the rest to the next. The iteration ends when the last sender has
 * gone (unless `keepOpen`), or after `close`; every other end is an error. Disposing is `close()` in at most 2 s
 * (`limits.lingerMs`), and never throws.
 */
export interface BroadcastStream extends AsyncIterable<BroadcastEvent>, AsyncDisposable {
	readonly name: string;
	/** Names this life of the broadcast. When all members have gone, or the Coordinator has restarted, there is another. */
	readonly epoch: string;
	/** With `since`: whether every message after it follows. `undefined` without. */
	readonly recovered: boolean | undefined;
	/** Ids of members that are too slow, as far as this member sends: at most 64. */
	readonly lagging: readonly string[];
	/** How it ended. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	/**
	 * As `MessageStream.send`: waits for room and queues a copy. Room there is while readers keep up; see docs/broadcasts.md.
	 *
	 * Rejects with `MESSAGE_TOO_LONG`, `QUEUE_FULL`, `STREAM_CLOSED` (after `finish` or `close`, or with mode "receive"), whatever
	 * ended the stream, or `signal.reason`; then nothing was sent.
	 */
	send(message: Uint8Array | string, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Queues a copy if there is room now; false: there is none. Throws what `send` would reject with, but never `QUEUE_FULL`. */
	trySend(message: Uint8Array | string): boolean;
	/** No more sending. Resolves when the Coordinator has given every message its place. Reading goes on. */
	finish(): Promise<void>;
	/** Leaves, after what was sent. Resolves when the Coordinator has taken this member out; what is unread is dropped. */
	close(): Promise<void>;
}
