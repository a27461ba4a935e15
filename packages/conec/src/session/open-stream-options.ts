/**
 * How a stream is opened, from either side.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";
import { argumentError, optionError } from "../errors.ts";
import { isProtocol, PROTOCOL_BYTES } from "../wire/ids.ts";
import { checkJson, type JsonValue } from "../wire/json.ts";

/** Options of `openStream` and `openCoordinatorStream`. */
export interface OpenStreamOptions {
	/**
	 * The path that the stream takes. Between a Client and the Coordinator there is only one.
	 *
	 * - "auto": direct if there is a direct channel to the peer or one can be made soon (at most 2 s), else proxied. A `resumable` stream does
	 *   not wait for that: it begins through the Coordinator and moves later.
	 * - "direct": over a direct channel, which is made if there is none. If that fails, so does the stream.
	 * - "proxied": through the Coordinator.
	 *
	 * A stream with "direct" or "proxied" never takes the other path, also when it is resumable and suspended.
	 *
	 * @default "auto"
	 */
	readonly path?: "auto" | "direct" | "proxied";
	/** Number of the stream, 0 to 2^32 - 1. No live stream that this side opened may have it (`STREAM_ID_IN_USE`). @default a number from 2^32 on that is never used again */
	readonly id?: number;
	/** What the other side sees of the stream before its messages: I-JSON (RFC 7493), at most 1 KiB (`limits.metadataBytes`), numbers of at most 2^53 - 1. @default none */
	readonly metadata?: JsonValue;
	/**
	 * Names what the messages mean: 1 to 64 of `a-z 0-9 . - /`. The other side gives the stream to its handler of that name. Without such a
	 * handler it rejects the stream with `PROTOCOL_UNHANDLED`. @default none: the stream goes to `incomingStreams`
	 */
	readonly protocol?: string;
	/**
	 * Which stream goes first where several share a connection: an integer from -100 to 100. While a stream has something to send, those with
	 * a lower number wait. Streams with the same number take turns. The other side's answers on the stream follow the number, too.
	 *
	 * Through the Coordinator, connections are shared with other peers. There a number above 0 holds only on the connection of this
	 * side, both ways, and counts as 0 at the peer. A number below 0 holds all the way. So giving a file -10 does more than giving a chat 10.
	 *
	 * @default 0
	 */
	readonly priority?: number;
	/**
	 * Whether the stream survives the loss of its connection. It then goes on over another connection to the same process of the peer, and every
	 * message arrives once and in order. `forMs` is how long it may be without a connection: 1 to 86_400_000 ms (24 h). `true` is 60 s. The peer may
	 * grant less, or nothing (`stream.resumable`). After that time it fails with `RESUME_EXPIRED`.
	 *
	 * With `path: "auto"`, the stream is opened through the Coordinator at once, so the Coordinator carries its first messages. It moves to a direct
	 * channel when one is up and has answered twice, and back when the channel fails. What was sent and is not acknowledged is kept in memory
	 * (`limits.keptBytes`). Streams that a Coordinator opens are never resumable.
	 *
	 * @default false
	 */
	readonly resumable?: boolean | { readonly forMs?: number };
	/** Resolve as soon as this side has a place for the stream, so that the first messages travel with the opening. If the peer rejects the stream, the stream fails. @default false: resolve when the peer has accepted */
	readonly early?: boolean;
	/** Aborting gives up the opening, also while it waits: the call rejects with the signal's reason, and the stream is reset. It has no effect once the stream is open. */
	readonly signal?: AbortSignal;
}

/** How long a stream survives without a connection when `resumable` is true. */
const SURVIVES_MS = 60_000;
/** The longest that anybody may ask for. */
export const SURVIVES_MOST_MS: number = 24 * 60 * 60 * 1_000;

/** How long the stream is to survive without a connection, in milliseconds. `undefined`: it ends with its connection. */
export function survivesMs({ resumable = false }: OpenStreamOptions): number | undefined {
	if (typeof resumable === "object") return resumable.forMs ?? SURVIVES_MS;
	return resumable ? SURVIVES_MS : undefined;
}

/**
 * Checks the options of a stream that a Client or a Coordinator opens.
 *
 * @throws TypeError or RangeError with `code` `OPTION_INVALID`
 */
export function checkOpenStreamOptions(options: OpenStreamOptions, metadataBytes: number, opener: "Client" | "Coordinator" = "Client"): void {
	checkOptions(options, {
		path: ["auto", "direct", "proxied"],
		id: "stream id",
		metadata: "json",
		protocol: "string",
		priority: "priority",
		early: "boolean",
		resumable: "boolean or object",
		signal: "signal",
	});
	if (typeof options.resumable === "object") checkOptions(options.resumable, { forMs: "suspension" });
	if (opener === "Coordinator" && survivesMs(options) !== undefined)
		throw optionError("type", "resumable", "must be false: streams that a Coordinator opens end with their connection");
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
	if (!checked.ok) throw optionError("type", "metadata", `${checked.error}`);
}
