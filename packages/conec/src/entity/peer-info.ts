/**
 * A connected Client, as others see it.
 *
 * @module
 */

import type { JsonValue } from "../wire/json.ts";

/** A connected Client, as others see it. */
export interface PeerInfo {
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** What the Client says about itself; untrusted. */
	readonly metadata?: JsonValue;
}
