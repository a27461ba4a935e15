/**
 * The one error class of `@conec/quic`, and the only place where native failures become errors.
 *
 * @module
 */

import { DIAL_REFUSAL, ERROR_CODES, LAYER, LOST, REFUSAL } from "./constants.ts";

/** What went wrong. */
export type QuicErrorCode =
	/** The addon could not be loaded; the message says why and what to do. */
	| "QUIC_UNAVAILABLE"
	| "INVALID_ARGUMENT"
	| "ADDRESS_IN_USE"
	| "ADDRESS_UNAVAILABLE"
	| "PERMISSION_DENIED"
	| "SOCKET_FAILED"
	| "TOO_MANY_HANDLES"
	| "THREAD_FAILED"
	/** A certificate given to this side cannot be used. */
	| "CERTIFICATE_INVALID"
	/** A private key given to this side cannot be used, or is not the certificate's. */
	| "KEY_INVALID"
	/** The endpoint, connection or stream is gone. */
	| "CLOSED"
	/** The address cannot be dialled from this socket. */
	| "DIAL_FAILED"
	/** The network says that nobody will answer there; see `network`. Only with `heedNetwork`. */
	| "DIAL_REFUSED"
	| "HANDSHAKE_TIMEOUT"
	| "IDLE_TIMEOUT"
	/** The peer restarted and does not know the connection. */
	| "STATELESS_RESET"
	| "VERSION_MISMATCH"
	/** This side refused the peer's certificate or handshake; see `refusal` and `alert`. */
	| "TLS_REFUSED"
	/** The peer refused ours; see `alert`. */
	| "TLS_REFUSED_BY_PEER"
	/** The peer turned the connection away before it began (CONNECTION_REFUSED). */
	| "CONNECTION_REFUSED"
	/** The peer broke QUIC's rules, or says that we did. */
	| "TRANSPORT_ERROR"
	/** The application on the other side closed the connection; see `closeCode`. */
	| "CLOSED_BY_PEER"
	/** A stream ended because its connection did. */
	| "CONNECTION_LOST"
	| "FRAME_TOO_LONG"
	/** FIN in the middle of a frame. */
	| "FRAME_TRUNCATED";

/** Why this side refused the peer's certificate. */
export type Refusal = "pin" | "name" | "expired" | "not-yet-valid" | "unknown-issuer" | "invalid" | "revoked" | "usage";

/** What the network says of a dial: nothing listens on that port, a firewall forbids it, or there is no way or no machine. */
export type DialRefusal = "port" | "prohibited" | "unreachable";

/** Facts beside the code, where they are known. */
export interface QuicErrorDetails {
	readonly cause?: unknown;
	/** Application code of a close, or QUIC code of a transport error. */
	readonly closeCode?: number | undefined;
	/** TLS alert (RFC 8446, 6). */
	readonly alert?: number | undefined;
	readonly refusal?: Refusal | undefined;
	/** SHA-256 of the key (SubjectPublicKeyInfo) of a certificate that this side refused. The peer need not have it: it was only shown. */
	readonly shownKey?: Uint8Array | undefined;
	/** Of `DIAL_REFUSED`. */
	readonly network?: DialRefusal | undefined;
}

const BRAND = Symbol.for("@conec/quic.QuicError");

/** A failure of QUIC, with a `code` and what is known about it. */
export class QuicError extends Error {
	readonly code: QuicErrorCode;
	// What is not known is no property, so that nobody reads `undefined` where the error is printed.
	declare readonly closeCode: number | undefined;
	declare readonly alert: number | undefined;
	declare readonly refusal: Refusal | undefined;
	declare readonly shownKey: Uint8Array | undefined;
	declare readonly network: DialRefusal | undefined;

	constructor(code: QuicErrorCode, message: string, details: QuicErrorDetails = {}) {
		super(message, details.cause === undefined ? undefined : { cause: details.cause });
		this.code = code;
		if (details.closeCode !== undefined) this.closeCode = details.closeCode;
		if (details.alert !== undefined) this.alert = details.alert;
		if (details.refusal !== undefined) this.refusal = details.refusal;
		if (details.shownKey !== undefined) this.shownKey = details.shownKey;
		if (details.network !== undefined) this.network = details.network;
		Object.defineProperty(this, BRAND, { value: true });
	}
}
Object.defineProperty(QuicError.prototype, "name", { value: "QuicError", configurable: true, writable: true });

/** Whether a value is a {@link QuicError}. A second copy of this package may have made it: copies in one process share its QUIC thread. */
export function isQuicError(value: unknown): value is QuicError {
	return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

const FROM_NATIVE: Readonly<Record<(typeof ERROR_CODES)[number], QuicErrorCode>> = {
	INVALID_ARGUMENT: "INVALID_ARGUMENT",
	HANDLE_STALE: "CLOSED",
	NOT_INITIALISED: "CLOSED",
	TOO_MANY_HANDLES: "TOO_MANY_HANDLES",
	CERTIFICATE_INVALID: "CERTIFICATE_INVALID",
	KEY_INVALID: "KEY_INVALID",
	ADDRESS_IN_USE: "ADDRESS_IN_USE",
	ADDRESS_UNAVAILABLE: "ADDRESS_UNAVAILABLE",
	PERMISSION_DENIED: "PERMISSION_DENIED",
	SOCKET_FAILED: "SOCKET_FAILED",
	THREAD_FAILED: "THREAD_FAILED",
};

/** Runs a native call and turns what it throws into a {@link QuicError}. */
export function mapped<T>(call: () => T): T {
	try {
		return call();
	} catch (error) {
		if (isQuicError(error)) throw error;
		const native = ERROR_CODES.find((code) => code === (error as { code?: unknown }).code);
		const code = native === undefined ? "INVALID_ARGUMENT" : FROM_NATIVE[native];
		throw new QuicError(code, messageOf(error), { cause: error });
	}
}

/** The code of an error by the layer in which the connection ended. */
const CODES: Readonly<Record<number, QuicErrorCode>> = {
	[LAYER.CLOSED_LOCALLY]: "CLOSED",
	[LAYER.CLOSED_BY_PEER]: "CLOSED_BY_PEER",
	[LAYER.IDLE_TIMEOUT]: "IDLE_TIMEOUT",
	[LAYER.HANDSHAKE_TIMEOUT]: "HANDSHAKE_TIMEOUT",
	[LAYER.STATELESS_RESET]: "STATELESS_RESET",
	[LAYER.VERSION_MISMATCH]: "VERSION_MISMATCH",
	[LAYER.TLS_BY_PEER]: "TLS_REFUSED_BY_PEER",
	[LAYER.TLS_LOCALLY]: "TLS_REFUSED",
	[LAYER.TRANSPORT_BY_PEER]: "TRANSPORT_ERROR",
	[LAYER.TRANSPORT_LOCALLY]: "TRANSPORT_ERROR",
	[LAYER.DIAL_FAILED]: "DIAL_FAILED",
	[LAYER.DIAL_REFUSED]: "DIAL_REFUSED",
};

const NETWORK: Readonly<Record<number, DialRefusal>> = {
	[DIAL_REFUSAL.PORT]: "port",
	[DIAL_REFUSAL.PROHIBITED]: "prohibited",
	[DIAL_REFUSAL.UNREACHABLE]: "unreachable",
};

const REFUSALS: Readonly<Record<number, Refusal>> = {
	[REFUSAL.PIN]: "pin",
	[REFUSAL.NAME]: "name",
	[REFUSAL.EXPIRED]: "expired",
	[REFUSAL.NOT_YET_VALID]: "not-yet-valid",
	[REFUSAL.UNKNOWN_ISSUER]: "unknown-issuer",
	[REFUSAL.INVALID]: "invalid",
	[REFUSAL.REVOKED]: "revoked",
	[REFUSAL.USAGE]: "usage",
};

/** RFC 9000, 20.1. */
const CONNECTION_REFUSED = 0x2;

/** The error that a `CONN_CLOSED` record stands for. `key`: the one that was refused, or zeros. `reason` is the peer's or quinn's text; it is only the end of the message. */
export function connectionError(layer: number, refusal: number, code: number, key: Uint8Array, reason: string): QuicError {
	const name = CODES[layer] ?? "TRANSPORT_ERROR";
	const byPeer = layer === LAYER.TRANSPORT_BY_PEER;
	const words = reason === "" ? "" : `: ${printable(reason)}`;
	switch (name) {
		case "CLOSED":
			return new QuicError("CLOSED", "The connection was closed by this side");
		case "CLOSED_BY_PEER":
			return new QuicError(name, `The peer closed the connection with code ${code}${words}`, { closeCode: code });
		case "IDLE_TIMEOUT":
			return new QuicError(name, "The peer has not answered for as long as the idle limit");
		case "HANDSHAKE_TIMEOUT":
			return new QuicError(name, "The handshake was not finished in time");
		case "STATELESS_RESET":
			return new QuicError(name, "The peer does not know this connection any more");
		case "VERSION_MISMATCH":
			return new QuicError(name, "The peer speaks no QUIC version of ours");
		case "TLS_REFUSED_BY_PEER":
			return new QuicError(name, `The peer refused the handshake with TLS alert ${code}${words}`, { alert: code });
		case "TLS_REFUSED":
			return new QuicError(name, `The peer's handshake is not acceptable (TLS alert ${code})${words}`, {
				alert: code,
				refusal: REFUSALS[refusal],
				shownKey: key.some((byte) => byte !== 0) ? key : undefined,
			});
		case "DIAL_FAILED":
			return new QuicError(name, `The address cannot be dialled${words}`);
		case "DIAL_REFUSED":
			return new QuicError(name, "The network says that nobody will answer there", { network: NETWORK[code] });
		default:
			if (byPeer && code === CONNECTION_REFUSED) return new QuicError("CONNECTION_REFUSED", "The peer turned the connection away", { closeCode: code });
			return new QuicError("TRANSPORT_ERROR", `${byPeer ? "The peer reports" : "The peer caused"} QUIC error 0x${code.toString(16)}${words}`, {
				closeCode: code,
			});
	}
}

/** The error that a `STREAM_LOST` record stands for. */
export function streamError(why: number): QuicError {
	switch (why) {
		case LOST.TOO_LONG:
			return new QuicError("FRAME_TOO_LONG", "A frame is longer than allowed");
		case LOST.TRUNCATED:
			return new QuicError("FRAME_TRUNCATED", "The stream ended inside a frame");
		default:
			return new QuicError("CONNECTION_LOST", "The connection under the stream is over");
	}
}

/** Foreign text, made harmless for a terminal or a log. */
function printable(text: string): string {
	return text.replace(/[^\x20-\x7e\xa0-\uffff]/g, "?").slice(0, 256);
}

/** What a thrown value says. Errors of another realm are no `Error` of ours. */
export function messageOf(error: unknown): string {
	const { message } = (typeof error === "object" && error !== null ? error : {}) as { readonly message?: unknown };
	return typeof message === "string" ? message : String(error);
}
