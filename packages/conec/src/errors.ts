/**
 * One error class, one closed list of codes with whether to try again. `docs/errors.md` says of each code what happened and who is at fault, too;
 * a test compares that table with this list.
 *
 * @module
 */

/** Every code, and whether the same call can succeed when it is made again, as the last column of `docs/errors.md` has it. */
const AGAIN = {
	// What the caller asked for is wrong or not possible now.
	OPTION_INVALID: "no",
	ID_INVALID: "no",
	STREAM_ID_IN_USE: "no",
	MESSAGE_TOO_LONG: "no",
	QUEUE_FULL: "later",
	ITERATOR_IN_USE: "no",
	ADDRESS_IN_USE: "later",
	ADDRESS_UNAVAILABLE: "no",
	QUIC_UNAVAILABLE: "no",
	STATE_DIRECTORY_INVALID: "no",
	CLIENT_CLOSED: "no",
	COORDINATOR_CLOSED: "later",
	STREAM_CLOSED: "no",
	// Reaching the Coordinator.
	HOST_UNRESOLVABLE: "later",
	COORDINATOR_UNREACHABLE: "yes",
	COORDINATOR_LOST: "yes",
	CONNECTION_LOST: "yes",
	PROTOCOL_UNSUPPORTED: "no",
	VERSION_UNSUPPORTED: "no",
	PROTOCOL_ERROR: "no",
	LIMIT_EXCEEDED: "later",
	// Identity and trust.
	PIN_MISMATCH: "no",
	CERTIFICATE_NAME_MISMATCH: "no",
	CERTIFICATE_EXPIRED: "no",
	CERTIFICATE_NOT_YET_VALID: "later",
	CERTIFICATE_UNTRUSTED: "no",
	CERTIFICATE_INVALID: "no",
	CERTIFICATE_REQUIRED: "no",
	CERTIFICATE_REFUSED: "no",
	CERTIFICATE_KEY_MISMATCH: "no",
	ID_TAKEN: "later",
	ID_CONTENDED: "later",
	SUPERSEDED: "no",
	DISCONNECTED: "later",
	// Peers and streams.
	PEER_UNKNOWN: "later",
	PEER_BUSY: "later",
	PEER_LOST: "yes",
	PEER_TIMEOUT: "yes",
	PROTOCOL_UNHANDLED: "no",
	DIRECT_UNAVAILABLE: "later",
	CHANNEL_CLOSED: "yes",
	STREAM_RESET: "no",
	STREAM_STOPPED: "no",
	STREAM_TRUNCATED: "yes",
	RESUME_EXPIRED: "yes",
	RESUME_UNKNOWN: "yes",
	FRAME_INVALID: "no",
	DECODE_FAILED: "no",
	ENCODE_FAILED: "no",
	// Broadcasts.
	BROADCAST_UNKNOWN: "later",
	BROADCAST_NAME_INVALID: "no",
	BROADCAST_REFUSED: "no",
	LAGGED: "yes",
} as const;

/** What went wrong. `docs/errors.md` explains each code. */
export type ConecErrorCode = keyof typeof AGAIN;

/** Every code a {@link ConecError} can carry. */
export const CONEC_ERROR_CODES: readonly ConecErrorCode[] = Object.keys(AGAIN) as ConecErrorCode[];

/**
 * Whether the same call can succeed when it is made again, with this code: at once or after some time. It is false where something must be changed
 * first, and where only the application knows (`STREAM_RESET`, `STREAM_STOPPED`). `error.retryable` says the same of an error; this is for the
 * `code` of a {@link CloseInfo}, and for a `code` that came as text. A code that this version does not know is not retryable.
 */
export function isRetryable(code: string | undefined): boolean {
	const again: "no" | "later" | "yes" = code !== undefined && Object.hasOwn(AGAIN, code) ? AGAIN[code as ConecErrorCode] : "no";
	return again !== "no";
}

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
	/** Other Coordinators that may take this Client, where one that refused it has named some: `host:port` or `[ipv6]:port`, 16 at most. */
	readonly alternatives?: readonly string[] | undefined;
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
	// What is not known is no property, so that nobody reads `undefined` where the error is printed.
	/** See {@link ConecErrorOptions.peer}. */
	declare readonly peer: string | undefined;
	/** See {@link ConecErrorOptions.closeCode}. */
	declare readonly closeCode: number | undefined;
	/** See {@link ConecErrorOptions.retryAfterMs}. */
	declare readonly retryAfterMs: number | undefined;
	/** See {@link ConecErrorOptions.alternatives}. */
	declare readonly alternatives: readonly string[] | undefined;

	constructor(code: ConecErrorCode, message: string, options: ConecErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		if (options.peer !== undefined) this.peer = options.peer;
		if (options.closeCode !== undefined) this.closeCode = options.closeCode;
		if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
		if (options.alternatives !== undefined) this.alternatives = options.alternatives;
		Object.defineProperty(this, BRAND, { value: true });
	}

	/**
	 * Whether the same call can succeed when it is made again: at once, best with a growing delay, or after `retryAfterMs` where that is known. It is
	 * false where something must be changed first, and for `STREAM_RESET` and `STREAM_STOPPED`, whose `closeCode` only the application understands.
	 */
	get retryable(): boolean {
		return isRetryable(this.code);
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

/** What a thrown value says. An error of another realm (`vm`, jsdom, Jest) is no `Error` of this one. */
export function messageOf(error: unknown): string {
	const { message } = (typeof error === "object" && error !== null ? error : {}) as { readonly message?: unknown };
	return typeof message === "string" ? message : String(error);
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
