/**
 * Errors of `@conec/quic` as Conec's own.
 *
 * @module
 */

import * as quic from "@conec/quic";
import { ConecError, type ConecErrorCode, messageOf } from "../../errors.ts";
import { alertWords, refusalWords } from "../../tls/refusal-words.ts";

/** Calls, and throws what goes wrong as a {@link ConecError}. */
export function coded<T>(call: () => T): T {
	try {
		return call();
	} catch (error) {
		throw conecError(error, "CONNECTION_LOST");
	}
}

/** The same error with a code of Conec. `unreachable` is what it means here that nobody answers. */
export function conecError(error: unknown, unreachable: ConecErrorCode): ConecError {
	if (!quic.isQuicError(error)) return new ConecError(unreachable, messageOf(error), { cause: error });
	const { alert } = error;
	return new ConecError(codeOf(error, unreachable), describe(error), { cause: error, ...(alert === undefined ? {} : { closeCode: alert }) });
}

/** The reason in words first; what TLS itself says behind it, without its dumps. */
function describe({ code, refusal, alert, message, shownKey }: quic.QuicError): string {
	const loss = LOSSES.get(code);
	if (loss !== undefined) return loss;
	const words =
		code === "TLS_REFUSED" && refusal !== undefined ? refusalWords(refusal, shownKey) : code === "TLS_REFUSED_BY_PEER" ? alertWords(alert) : undefined;
	// With the key that was seen, all is said.
	if (words !== undefined && refusal === "pin") return words;
	return words === undefined ? message : `${words} (${message.replace(/ ?[{[].*$/s, "")})`;
}

function codeOf(error: quic.QuicError, unreachable: ConecErrorCode): ConecErrorCode {
	switch (error.code) {
		case "QUIC_UNAVAILABLE":
		case "ADDRESS_IN_USE":
			return error.code;
		case "ADDRESS_UNAVAILABLE":
		case "PERMISSION_DENIED":
		case "SOCKET_FAILED":
		case "DIAL_FAILED":
			return "ADDRESS_UNAVAILABLE";
		case "INVALID_ARGUMENT":
			return "OPTION_INVALID";
		case "CERTIFICATE_INVALID":
			return "CERTIFICATE_INVALID";
		case "KEY_INVALID":
			return "CERTIFICATE_KEY_MISMATCH";
		case "TOO_MANY_HANDLES":
		case "THREAD_FAILED":
		// Only who listens says so, and only when a cap is reached; nobody there is silence.
		case "CONNECTION_REFUSED":
			return "LIMIT_EXCEEDED";
		case "TLS_REFUSED":
			return error.refusal === undefined ? (ALERTS_ABOUT_PROTOCOL.has(error.alert) ? "PROTOCOL_UNSUPPORTED" : "CERTIFICATE_INVALID") : REFUSALS[error.refusal];
		case "TLS_REFUSED_BY_PEER":
			return ALERTS_ABOUT_PROTOCOL.has(error.alert) ? "PROTOCOL_UNSUPPORTED" : (ALERTS_ABOUT_US.get(error.alert) ?? "CERTIFICATE_REFUSED");
		case "VERSION_MISMATCH":
			return "PROTOCOL_UNSUPPORTED";
		case "HANDSHAKE_TIMEOUT":
		case "IDLE_TIMEOUT":
		case "STATELESS_RESET":
		case "DIAL_REFUSED":
			return unreachable;
		case "FRAME_TOO_LONG":
			return "MESSAGE_TOO_LONG";
		case "FRAME_TRUNCATED":
			return "STREAM_TRUNCATED";
		case "TRANSPORT_ERROR":
		case "CLOSED":
		case "CLOSED_BY_PEER":
		case "CONNECTION_LOST":
			return "CONNECTION_LOST";
	}
}

const REFUSALS: Readonly<Record<quic.Refusal, ConecErrorCode>> = {
	pin: "PIN_MISMATCH",
	name: "CERTIFICATE_NAME_MISMATCH",
	expired: "CERTIFICATE_EXPIRED",
	"not-yet-valid": "CERTIFICATE_NOT_YET_VALID",
	"unknown-issuer": "CERTIFICATE_UNTRUSTED",
	invalid: "CERTIFICATE_INVALID",
	revoked: "CERTIFICATE_REFUSED",
	usage: "CERTIFICATE_INVALID",
};

/** What is known of a loss, whoever the other side is: not who or what failed. It follows a colon. */
const LOSSES: ReadonlyMap<quic.QuicErrorCode, string> = new Map([
	["IDLE_TIMEOUT", "nothing came from there for too long"],
	["STATELESS_RESET", "who answers there does not know the connection any more, as after a restart"],
]);

/** RFC 8446, 6.2: handshake_failure, protocol_version, missing_extension, no_application_protocol. */
const ALERTS_ABOUT_PROTOCOL: ReadonlySet<number | undefined> = new Set([40, 70, 109, 120]);

/** What the other side says of our certificate: certificate_expired, unknown_ca, certificate_required. */
const ALERTS_ABOUT_US: ReadonlyMap<number | undefined, ConecErrorCode> = new Map<number | undefined, ConecErrorCode>([
	[45, "CERTIFICATE_EXPIRED"],
	[48, "CERTIFICATE_UNTRUSTED"],
	[116, "CERTIFICATE_REQUIRED"],
]);
