/**
 * How a stream is opened, from either side.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";
import { argumentError } from "../errors.ts";
import { isProtocol, PROTOCOL_BYTES } from "../wire/ids.ts";
import { checkJson, type JsonValue } from "../wire/json.ts";

/** Options of `openStream` and `openCoordinatorStream`. */
export interface OpenStreamOptions {
	/** "direct" needs a channel to the peer; "auto" takes the best way there is. Between a Client and the Coordinator there is only one way. @default "auto" */
	readonly path?: "auto" | "direct" | "proxied";
	/** Number of the stream, 0 to 2^32 - 1, unlike those of all live streams that this side opened. @default a number from 2^32 that is never used again */
	readonly id?: number;
	/** Shown to the acceptor. @default none */
	readonly metadata?: JsonValue;
	/** What the messages mean, 1 to 64 of `a-z 0-9 . - /`: the other side gives the stream to its handler of that name, or rejects it with `PROTOCOL_UNHANDLED`. @default none: it goes to `incomingStreams` */
	readonly protocol?: string;
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
	checkOptions(options, { path: ["auto", "direct", "proxied"], id: "stream id", metadata: "json", protocol: "string", early: "boolean", signal: "signal" });
	if (options.protocol !== undefined) checkProtocol(options.protocol, 'Option "protocol"');
	checkMetadata(options.metadata, metadataBytes);
}

/** Checks the name of a protocol. Throws TypeError `OPTION_INVALID`; `what` begins its message. */
export function checkProtocol(protocol: unknown, what: string): asserts protocol is string {
	if (isProtocol(protocol)) return;
	const given = typeof protocol === "string" ? JSON.stringify(protocol.slice(0, 2 * PROTOCOL_BYTES)) : protocol === null ? "null" : typeof protocol;
	throw argumentError("type", "OPTION_INVALID", `${what} must be 1 to ${PROTOCOL_BYTES} of a-z, 0-9, dot, slash and hyphen, not ${given}`);
}

/** Checks metadata, which may be absent. Throws like {@link checkOpenStreamOptions}. */
export function checkMetadata(metadata: JsonValue | undefined, metadataBytes: number): void {
	if (metadata === undefined) return;
	const checked = checkJson(metadata, metadataBytes);
	if (!checked.ok) throw argumentError("type", "OPTION_INVALID", `Option "metadata" ${checked.error}`);
}
