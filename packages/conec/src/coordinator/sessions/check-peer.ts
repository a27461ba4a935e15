/**
 * Answers Clients that wait for another one.
 *
 * @module
 */

import type { PeerCheck, PeerChecked } from "../../wire/control.ts";
import type { Session } from "./session.ts";

/** Says how long nothing has come from the peer (`undefined`: it is not connected), which is made to say something if that is a while. */
export function checkPeer({ request }: PeerCheck, peer: Session | undefined): PeerChecked {
	const silentMs = peer?.silentMs();
	return { type: "peer-checked", request, ...(silentMs === undefined ? {} : { silentMs: Math.round(silentMs) }) };
}
