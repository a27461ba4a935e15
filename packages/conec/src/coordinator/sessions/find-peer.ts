/**
 * Finds a Client that the application names.
 *
 * @module
 */

import { ConecError } from "../../errors.ts";
import { checkId } from "../../session/check-id.ts";
import type { Registry } from "./registry.ts";

/** The holder of an id. Throws TypeError `ID_INVALID`, and ConecError `PEER_UNKNOWN`; `action` begins their words. */
export function findPeer<T>(registry: Registry<T>, peer: string, action: string): T {
	checkId(peer, action);
	const session = registry.find(peer);
	if (session === undefined) throw new ConecError("PEER_UNKNOWN", `${action}: peer is not connected`, { peer });
	return session;
}
