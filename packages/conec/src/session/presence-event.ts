/**
 * Which Clients are connected, and how that changes.
 *
 * @module
 */

import type { PeerInfo } from "./peer-info.ts";

/**
 * What `watchPeers()` yields: first `members`, then every change in order.
 *
 * - `seq` goes up by one with each change at the Coordinator. The `seq` of `members` is that of the last change that the list includes.
 * - `epoch` names the life of the Coordinator within which `seq` counts.
 * - If the application reads too slowly, changes are left out. Then `members` comes again in their place.
 */
export type PresenceEvent =
	/** All connected Clients, in the order in which they came. */
	| { readonly type: "members"; readonly members: readonly PeerInfo[]; readonly epoch: string; readonly seq: number }
	/** "update": the peer's metadata changed, or a newer connection of the same identity took over. "leave": `peer` is what was last known of it. */
	| { readonly type: "join" | "update" | "leave"; readonly peer: PeerInfo; readonly epoch: string; readonly seq: number };
