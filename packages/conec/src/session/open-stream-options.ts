/**
 * How a stream is opened, from either side.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";
import { argumentError } from "../errors.ts";
import { checkJson, type JsonValue } from "../wire/json.ts";

/** Options of `openStream` and `openCoordinatorStream`. */
export interface OpenStreamOptions {
	/** "direct" needs a channel to the peer; "auto" takes the best way there is. Between a Client and the Coordinator there is only one way. @default "auto" */
	readonly path?: "auto" | "direct" | "proxied";
	/** Number of the stream, 0 to 2^32 - 1, unlike those of all live streams that this side opened. @default a number from 2^32 that is never used again */
	readonly id?: number;
	/** Shown to the acceptor. @default none */
	readonly metadata?: JsonValue;
	/** Resolve at once, so that messages go with the opening; a rejection then fails the stream. @default false: resolve when the peer has accepted */
	readonly early?: boolean;
	/** Gives up waiting for the acceptance, and then the stream is reset. Without effect afterwards. */
	readonly signal?: AbortSignal;
}

/**
 * Checks them.
 *
 * @throws TypeError or RangeError with `code` `OPTION_INVALID`
 */
export function checkOpenStreamOptions(options: OpenStreamOptions, metadataBytes: number): void {
	checkOptions(options, { path: ["auto", "direct", "proxied"], id: "stream id", metadata: "json", early: "boolean", signal: "signal" });
	checkMetadata(options.metadata, metadataBytes);
}

/** Checks metadata, which may be absent. Throws like {@link checkOpenStreamOptions}. */
export function checkMetadata(metadata: JsonValue | undefined, metadataBytes: number): void {
	if (metadata === undefined) return;
	const checked = checkJson(metadata, metadataBytes);
	if (!checked.ok) throw argumentError("type", "OPTION_INVALID", `Option "metadata" ${checked.error}`);
}
