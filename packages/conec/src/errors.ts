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
	"RESUME_EXPIRED",
	"RESUME_UNKNOWN",
	"FRAME_INVALID",
	"DECODE_FAILED",
	"ENCODE_FAILED",
	// Broadcasts.
	"BROADCAST_UNKNOWN",
	"BROADCAST_NAME_INVALID",
	"BROADCAST_REFUSED",
	"LAGGED",
] as const;

/** What went wrong. `docs/errors.md` explains each code. */
export type ConecErrorCode = (typeof CONEC_ERROR_CODES)[number];

/** Facts beside the code. Each is there only where it is known. */
export interface ConecErrorOptions {
	/** The error that led to this one. */
	readonly cause?: unknown;
	/** Id of the peer that the error is about. */
	readonly peer?: string | undefined;
	/** The application's code of a reset, stop or close, 0 to 2^30 - 1. */
	readonly closeCode?: number | undefined;
	/** How long to wait before trying again, where the other side has said it. In milliseconds. */
	readonly retryAfterMs?: number | undefined;
}

const BRAND = Symbol.for("conec.ConecError");

/**
 * The error class of Conec. Two failures have other classes:
 *
 * - A wrong argument is a `TypeError` or a `RangeError`. It has a `code` too.
 * - An abort rejects with the reason of the caller's own signal.
 */
export class ConecError extends Error {
	/** What went wrong. Programs decide by this; the message is for people. */
	readonly code: ConecErrorCode;
	/** See {@link ConecErrorOptions.peer}. */
	readonly peer: string | undefined;
	/** See {@link ConecErrorOptions.closeCode}. */
	readonly closeCode: number | undefined;
	/** See {@link ConecErrorOptions.retryAfterMs}. */
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

/** Whether a value is a {@link ConecError}. A second installed copy of this package may have made it. */
export function isConecError(value: unknown): value is ConecError {
	return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** What a wrong option carries beside its message, so that a program can name it as its own user did. */
export interface OptionProblem {
	/** The name of the option, such as `coordinator` or `limits.messageBytes`. */
	readonly option: string;
	/** What is wrong with it, in words that follow its name: `must be a string`. */
	readonly problem: string;
}

/** A `TypeError` or `RangeError` for a wrong option: `Option "port" must be ...`. */
export function optionError(kind: "type" | "range", option: string, problem: string): Error & { code: ConecErrorCode } & OptionProblem {
	return Object.assign(argumentError(kind, "OPTION_INVALID", `Option "${option}" ${problem}`), { option, problem });
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
