/**
 * What a queue of a broadcast's member is a chain of: runs of messages, changes of presence, and the gaps where some were dropped.
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

/** Where something was dropped. */
export interface GapItem extends Links {
	readonly type: "gap";
	/** Messages. */
	lost: number;
	fromSeq: number;
	toSeq: number;
	/** Where presence was dropped too: what stood, before the gap, for each id that changed in it. */
	undo: Map<string, BroadcastPeer | undefined> | undefined;
}

/** Whatever waits. */
export type Item = Messages | PresenceItem | GapItem;

/** Bytes to be written for it. */
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

/** How many messages or changes it is. */
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
