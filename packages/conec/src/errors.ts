/**
 * One error class, one closed list of codes. `docs/errors.md` says of each code what happened, who is at fault and
 * whether to try again; a test compares that table with this list.
 *
 * @module
 */

/** Every code a {@link ConecError} can carry. */
export const CONEC_ERROR_CODES = [
	// What the caller asked for is wrong or not possible now.
	"OPTION_INVALID",
	"ID_INVALID",
	"STREAM_ID_IN_USE",
	"MESSAGE_TOO_LONG",
	"QUEUE_FULL",
	"ITERATOR_IN_USE",
	"ADDRESS_IN_USE",
	"ADDRESS_UNAVAILABLE",
	"QUIC_UNAVAILABLE",
	"STATE_DIRECTORY_INVALID",
	"CLIENT_CLOSED",
	"COORDINATOR_CLOSED",
	"STREAM_CLOSED",
	// Reaching the Coordinator.
	"HOST_UNRESOLVABLE",
	"COORDINATOR_UNREACHABLE",
	"COORDINATOR_LOST",
	"CONNECTION_LOST",
	"PROTOCOL_UNSUPPORTED",
	"VERSION_UNSUPPORTED",
	"PROTOCOL_ERROR",
	"LIMIT_EXCEEDED",
	// Identity and trust.
	"PIN_MISMATCH",
	"CERTIFICATE_NAME_MISMATCH",
	"CERTIFICATE_EXPIRED",
	"CERTIFICATE_NOT_YET_VALID",
	"CERTIFICATE_UNTRUSTED",
	"CERTIFICATE_INVALID",
	"CERTIFICATE_REQUIRED",
	"CERTIFICATE_REFUSED",
	"CERTIFICATE_KEY_MISMATCH",
	"ID_TAKEN",
	"ID_CONTENDED",
	"SUPERSEDED",
	"DISCONNECTED",
	// Peers and streams.
	"PEER_UNKNOWN",
	"PEER_BUSY",
	"PEER_LOST",
	"PEER_TIMEOUT",
	"PROTOCOL_UNHANDLED",
	"DIRECT_UNAVAILABLE",
	"CHANNEL_CLOSED",
	"STREAM_RESET",
	"STREAM_STOPPED",
	"STREAM_TRUNCATED",
	"FRAME_INVALID",
	"DECODE_FAILED",
	"ENCODE_FAILED",
	// Broadcasts.
	"BROADCAST_UNKNOWN",
	"BROADCAST_NAME_INVALID",
	"BROADCAST_REFUSED",
	"LAGGED",
] as const;

/** What went wrong; see `docs/errors.md`. */
export type ConecErrorCode = (typeof CONEC_ERROR_CODES)[number];

/** Facts beside the code, where they are known. */
export interface ConecErrorOptions {
	readonly cause?: unknown;
	/** Id of the peer concerned. */
	readonly peer?: string | undefined;
	/** Application code of a reset, stop or close. */
	readonly closeCode?: number | undefined;
	/** When to try again, where the other side said so. */
	readonly retryAfterMs?: number | undefined;
}

const BRAND = Symbol.for("conec.ConecError");

/** The only error class that Conec rejects with, besides `TypeError`/`RangeError` for wrong arguments and the caller's own abort reason. */
export class ConecError extends Error {
	readonly code: ConecErrorCode;
	readonly peer: string | undefined;
	readonly closeCode: number | undefined;
	readonly retryAfterMs: number | undefined;

	constructor(code: ConecErrorCode, message: string, options: ConecErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.peer = options.peer;
		this.closeCode = options.closeCode;
		this.retryAfterMs = options.retryAfterMs;
		Object.defineProperty(this, BRAND, { value: true });
	}
}
Object.defineProperty(ConecError.prototype, "name", { value: "ConecError", configurable: true, writable: true });

/** Whether a value is a {@link ConecError}, also one from a second installed copy of this package. */
export function isConecError(value: unknown): value is ConecError {
	return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** A `TypeError` or `RangeError` for a wrong argument, with a `code` a program can read. */
export function argumentError(
	kind: "type" | "range",
	code: "OPTION_INVALID" | "ID_INVALID" | "BROADCAST_NAME_INVALID" | "STREAM_ID_IN_USE" | "ENCODE_FAILED",
	message: string,
	options?: { readonly cause?: unknown },
): Error & { code: ConecErrorCode } {
	const error = kind === "type" ? new TypeError(message, options) : new RangeError(message, options);
	return Object.assign(error, { code });
}
