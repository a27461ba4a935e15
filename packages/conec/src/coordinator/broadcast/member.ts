/**
 * One joining of a broadcast, as the Coordinator keeps it.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import type { TransportStream } from "../../transport/transport.ts";
import type { BroadcastOpen, BroadcastPeer, SlowReaderPolicy } from "../../wire/broadcast.ts";
import type { Sender } from "./chunk.ts";
import type { HeldBytes } from "./held.ts";
import type { LagClock } from "./lag.ts";
import { MemberQueue } from "./queue.ts";
import type { Patience } from "./waits.ts";

/** Bytes in the stream's own queue from which on messages wait here instead. */
export const MEMBER_HIGH_WATER_BYTES: number = 64 * 1_024;

/** Most bytes that count as being behind, see `Pace`. */
const BEHIND_BYTES = 128 * 1_024;

/** See the module. */
export class Member {
	readonly peer: BroadcastPeer;
	readonly sender: Sender;
	readonly receives: boolean;
	readonly presence: boolean;
	readonly keepOpen: boolean;
	readonly policy: SlowReaderPolicy;
	readonly capacityBytes: number;
	readonly queue: MemberQueue;
	/** What senders have waited for its Client. */
	readonly patience: Patience;
	/** Set once, right after it is made. */
	stream!: TransportStream;
	/** It has not finished sending. */
	sends: boolean;
	/** "in": counted. "ending": it gets what waits for it, then END. "out": over here. */
	state: "in" | "ending" | "out" = "in";
	/** Nothing waits here, and its stream has room: it gets messages as they come. */
	live = false;
	/** Where it is among those. */
	liveIndex = 0;
	/** Its stream has no room until it says so. */
	stalled = false;
	lagging = false;
	/** Its messages are dropped although its policy is "block". */
	spent = false;
	/** Senders wait for it, and this is the clock that runs. */
	awaitedBy: LagClock | undefined = undefined;
	/** Much waits for it, see `Pace`. */
	behind = false;
	/** It has not moved for long, see `Pace`. */
	stuck = false;
	/** When it was last seen to move, see `Pace`. */
	movedAtMs = 0;
	/** What it has taken since `movingSinceMs`. */
	movedBytes = 0;
	movingSinceMs = 0;
	timer: unknown = undefined;
	/** Who lags is to be told to it when it has room. */
	lagNoticeDue = false;
	/** What it has sent and that waits for slow readers. */
	unstamped = 0;

	constructor(
		peer: BroadcastPeer,
		open: BroadcastOpen,
		roster: ReadonlyMap<string, BroadcastPeer>,
		patience: Patience,
		held: HeldBytes,
		limits: CoordinatorLimits,
	) {
		this.peer = peer;
		this.sender = { id: peer.id, bytes: new TextEncoder().encode(peer.id) };
		this.receives = open.mode !== "send";
		this.sends = open.mode !== "receive";
		this.presence = open.presence ?? false;
		this.keepOpen = open.keepOpen ?? false;
		this.policy = open.slowReader;
		this.capacityBytes = open.bufferBytes;
		this.queue = new MemberQueue(
			{
				policy: open.slowReader,
				capacityBytes: open.bufferBytes,
				capacityEntries: limits.broadcastBufferMessages,
				roster: this.presence ? roster : undefined,
			},
			held,
		);
		this.patience = patience;
	}

	/** From so much on it is behind. */
	get behindBytes(): number {
		return Math.min(BEHIND_BYTES, this.capacityBytes / 2);
	}
}
