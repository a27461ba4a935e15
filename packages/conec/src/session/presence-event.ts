/**
 * Who is connected, and what changes about it.
 *
 * @module
 */

import type { PeerInfo } from "./peer-info.ts";

/**
 * What `watchPeers()` gives: `members` first, then every change in order. `seq` goes up by one with each change at the
 * Coordinator; that of `members` is the change up to which it is right. `members` comes again whenever changes were left out
 * because nobody read them in time, and stands for all of them.
 */
export type PresenceEvent =
	/** Everybody who is connected, in the order in which they came. */
	| { readonly type: "members"; readonly members: readonly PeerInfo[]; readonly epoch: string; readonly seq: number }
	/** `update`: its metadata changed, or a newer connection of the same identity took over. `leave`: `peer` is what was last known. */
	| { readonly type: "join" | "update" | "leave"; readonly peer: PeerInfo; readonly epoch: string; readonly seq: number };
