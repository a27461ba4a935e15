/**
 * One member of a broadcast, as the Coordinator keeps it. A Client may be a member several times.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import type { Bulk } from "../../stream/exchange/index.ts";
import type { TransportStream } from "../../transport/transport.ts";
import type { BroadcastOpen, BroadcastPeer, SlowReaderPolicy } from "../../wire/broadcast.ts";
import type { Sender } from "./chunk.ts";
import type { HeldBytes } from "./held.ts";
import type { LagClock } from "./lag.ts";
import { MemberQueue } from "./queue.ts";
import type { Patience } from "./waits.ts";

/** When this many bytes are in the stream's own queue, further messages wait here instead. */
export const MEMBER_HIGH_WATER_BYTES: number = 64 * 1_024;

/** At most this many waiting bytes are allowed before a member counts as behind; see `Pace`. */
const BEHIND_BYTES = 128 * 1_024;

/** The stream of a member, as its broadcast uses it. */
export interface MemberLine {
	readonly stream: TransportStream;
	/** Counts what is written to the member, here and to many at once. */
	readonly bulk: Bulk;
	/** A message of the member, of so many bytes, has its number or is dropped. */
	taken(payloadBytes: number): void;
	/** END goes. */
	end(): void;
}

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
	/** How long senders have waited for its Client. */
	readonly patience: Patience;
	/** Set once, right after the member is made. */
	line!: MemberLine;
	/** Whether it may still send. */
	sends: boolean;
	/** "in": it is counted. "ending": it gets what waits for it, then END. "out": it has left. */
	state: "in" | "ending" | "out" = "in";
	/** Whether it keeps up: nothing waits here, its stream has room, and it gets messages as they come. */
	live = false;
	/** Its index among the members that keep up. */
	liveIndex = 0;
	/** Up to which cost of what is given to all that keep up it has room; see `LiveMembers`. */
	liveUntil = 0;
	/** Whether nothing can be written to it: its stream is full, or the member does not let more come. `drained` ends that. */
	stalled = false;
	/** Whether it wants to be sent nothing more. */
	deaf = false;
	lagging = false;
	/** Whether messages for it are dropped although its policy is "block". */
	spent = false;
	/** The clock that runs while senders wait for it. */
	awaitedBy: LagClock | undefined = undefined;
	/** Whether much waits for it; see `Pace`. */
	behind = false;
	/** Whether it has not moved for long; see `Pace`. */
	stuck = false;
	/** When it was last seen to move; see `Pace`. */
	movedAtMs = 0;
	/** Bytes that it has taken since `movingSinceMs`. */
	movedBytes = 0;
	movingSinceMs = 0;
	timer: unknown = undefined;
	/** Whether it must be told which members lag when its stream has room. */
	lagNoticeDue = false;
	/** Its own messages that wait for slow readers. */
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

	get stream(): TransportStream {
		return this.line.stream;
	}

	/** It is behind when this many bytes wait for it. */
	get behindBytes(): number {
		return Math.min(BEHIND_BYTES, this.capacityBytes / 2);
	}
}
