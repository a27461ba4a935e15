/**
 * How a stream, a channel, a Client or a Coordinator ended.
 *
 * @module
 */

import type { ConecErrorCode } from "../errors.ts";

/** How a stream, a channel, a Client or a Coordinator ended. */
export interface CloseInfo {
	/** Which side ended it. "error": neither side did; it broke. */
	readonly by: "local" | "peer" | "error";
	/** Why it ended. Absent after a graceful end. */
	readonly code?: ConecErrorCode;
	/** The code that the application gave to `reset` or `stop`, if it did. */
	readonly closeCode?: number;
	/** A text for people. The other side may have written it, so it is untrusted. */
	readonly reason?: string;
}
