/**
 * What one Client knows of another.
 *
 * @module
 */

import type { JsonValue } from "../wire/json.ts";

/** A peer, as the Coordinator has authenticated it. */
export interface PeerInfo {
	/** The peer's id. */
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** What the peer says about itself. It is untrusted. Absent if it says nothing. */
	readonly metadata?: JsonValue;
}
