/**
 * The application's word on a peer that wants a direct channel.
 *
 * @module
 */

import type { PeerInfo } from "../../session/peer-info.ts";

/** Asks `acceptChannel`, which may throw: that is a no. Never rejects. */
export function consentOf(acceptChannel: (peer: PeerInfo) => boolean | Promise<boolean>): (peer: PeerInfo) => Promise<boolean> {
	return async ({ id, fingerprint, metadata }) => {
		try {
			return await acceptChannel({ id, fingerprint, ...(metadata === undefined ? {} : { metadata }) });
		} catch {
			return false;
		}
	};
}
