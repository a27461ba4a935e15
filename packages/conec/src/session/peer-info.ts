/**
 * What one Client may know of another.
 *
 * @module
 */

import type { JsonValue } from "../wire/json.ts";

/** A peer, as the Coordinator has authenticated it. */
export interface PeerInfo {
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** What it says about itself; untrusted. */
	readonly metadata?: JsonValue;
}
