/**
 * How peers and what becomes of them are named: those at the Coordinator and those in a broadcast alike.
 *
 * @module
 */

import type { JsonValue, PeerInfo } from "../../index.ts";

/** A peer as a program gets it. */
export function peerFields({ id, fingerprint, metadata }: PeerInfo): { readonly id: string; readonly fingerprint: string; readonly metadata?: JsonValue } {
	return { id, fingerprint, ...(metadata === undefined ? {} : { metadata }) };
}

/** The sign at the beginning of a line about a peer that comes, changes or goes. */
export const PRESENCE_MARKS = { join: "+", update: "~", leave: "-" } as const;
