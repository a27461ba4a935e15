/**
 * How something that lives ended.
 *
 * @module
 */

import type { ConecErrorCode } from "../errors.ts";

/** How a stream, a channel, a Client or a Coordinator ended. */
export interface CloseInfo {
	/** Who ended it; "error": nobody wanted it. */
	readonly by: "local" | "peer" | "error";
	/** Absent after a graceful end. */
	readonly code?: ConecErrorCode;
	/** The application's code, where it gave one to `reset` or `stop`. */
	readonly closeCode?: number;
	/** For people; what the other side said is untrusted. */
	readonly reason?: string;
}
