/**
 * A peer, as others are told of it.
 *
 * @module
 */

import type { JsonValue } from "../wire/json.ts";

/** A Client, seen from another. */
export interface PeerInfo {
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** What it says about itself; untrusted. */
	readonly metadata?: JsonValue;
}
