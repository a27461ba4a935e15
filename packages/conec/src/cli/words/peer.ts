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

/** What a line about somebody who comes, changes or goes begins with. */
export const PRESENCE_MARKS = { join: "+", update: "~", leave: "-" } as const;
