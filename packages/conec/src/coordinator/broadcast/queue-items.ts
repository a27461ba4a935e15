/**
 * The items in the queue of a broadcast's member: runs of messages, changes of presence, and gaps where some were dropped.
 *
 * @module
 */

import type { BroadcastPeer } from "../../wire/broadcast.ts";
import { bytesBetween, type Chunk } from "./chunk.ts";
import type { Presence } from "./roster.ts";

/** The neighbours of an item in its queue. */
interface Links {
	previous: Item | undefined;
	next: Item | undefined;
}

/** Consecutive messages. */
export interface Messages extends Links {
	readonly type: "messages";
	readonly chunk: Chunk;
	from: number;
	readonly to: number;
}

/** A change of the roster. */
export interface PresenceItem extends Links {
	readonly type: "presence";
	readonly presence: Presence;
}

/** A place where something was dropped. */
export interface GapItem extends Links {
	readonly type: "gap";
	/** How many messages were dropped. */
	lost: number;
	fromSeq: number;
	toSeq: number;
	/** If changes of presence were dropped too: for each id that changed, its entry before the gap. */
	undo: Map<string, BroadcastPeer | undefined> | undefined;
}

/** Anything that waits in a queue. */
export type Item = Messages | PresenceItem | GapItem;

/** How many bytes will be written for an item. */
export function sizeOf(item: Item): number {
	switch (item.type) {
		case "messages":
			return item.from === item.to ? 0 : bytesBetween(item.chunk, item.from, item.to);
		case "presence":
			return item.presence.frame.length;
		default:
			return 0;
	}
}

/** How many messages or changes an item holds. */
export function entriesOf(item: Item): number {
	switch (item.type) {
		case "messages":
			return item.to - item.from;
		case "presence":
			return 1;
		default:
			return 0;
	}
}
