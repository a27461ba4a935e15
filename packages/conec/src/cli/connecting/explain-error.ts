/**
 * Turns whatever went wrong into one line, a hint what to check, and an exit status.
 *
 * @module
 */

import { type ConecErrorCode, isConecError } from "../../index.ts";
import { STATE_HINT } from "../machine/index.ts";
import { CliError, EXIT_CODES, type ExitCode } from "../outcome/index.ts";
import { printable } from "../text/index.ts";
import { applicationCodeText } from "./protocols.ts";

/** What the user is told. */
export interface Explanation {
	readonly exitCode: ExitCode;
	/** Printable. */
	readonly message: string;
	readonly hint: string | undefined;
	/** Code for programs. */
	readonly code: string | undefined;
}

/** Explains any error. */
export function explainError(error: unknown): Explanation {
	if (error instanceof CliError) {
		const cause = error.cause === undefined ? undefined : explainError(error.cause);
		return { exitCode: error.exitCode, message: printable(error.message), hint: error.hint ?? cause?.hint, code: cause?.code };
	}
	const code = errorCode(error);
	const message = printable(error instanceof Error ? error.message : String(error));
	if (code === undefined) return { exitCode: EXIT_CODES.failed, message, hint: "Set CONEC_DEBUG=1 to see where.", code: undefined };
	const guide = GUIDES[code];
	const said = isConecError(error) ? applicationCodeText(error.closeCode) : undefined;
	const hint = isWithoutWay(error) ? NO_WAY_HINT : guide?.hint;
	return {
		exitCode: guide?.exitCode ?? EXIT_CODES.failed,
		message,
		hint: said !== undefined && guide?.exitCode === EXIT_CODES.peer ? `The peer ${said}.` : hint,
		code,
	};
}

/** Whether the Coordinator was not reached because this machine has no way to it. Then neither a firewall nor silence is the cause. */
export function isWithoutWay(error: unknown): boolean {
	return isConecError(error) && error.code === "COORDINATOR_UNREACHABLE" && isConecError(error.cause) && error.cause.code === "ADDRESS_UNAVAILABLE";
}

/** Code of a ConecError, or of a wrong argument (`OPTION_INVALID`, `ID_INVALID`, `BROADCAST_NAME_INVALID`). */
function errorCode(error: unknown): ConecErrorCode | undefined {
	if (isConecError(error)) return error.code;
	if (!(error instanceof TypeError || error instanceof RangeError) || !("code" in error)) return undefined;
	return ARGUMENT_CODES.find((code) => code === error.code);
}

const ARGUMENT_CODES = ["ID_INVALID", "OPTION_INVALID", "BROADCAST_NAME_INVALID"] as const;

interface Guide {
	readonly exitCode: ExitCode;
	readonly hint?: string;
}

const { failed, usage, coordinator, peer, incomplete } = EXIT_CODES;
const CERTIFICATE_HINT =
	"If the Coordinator has its own key, give --pin as `conec coordinator` prints it. If it has a certificate of a private authority, give --ca FILE. If it asks for certificates, give --cert and --key.";
const OWN_CERTIFICATE_HINT =
	"The Coordinator lets in only certificates of its authority, or this key is on its deny list. Give another certificate with --cert and --key.";

const NO_WAY_HINT = "Nothing was sent. `conec netcheck` shows the addresses of this machine.";
const LOST_COORDINATOR_HINT = "The Coordinator or its machine ended, or the network failed: there, here or between.";

const GUIDES: Readonly<Partial<Record<ConecErrorCode, Guide>>> = {
	OPTION_INVALID: { exitCode: usage },
	ID_INVALID: { exitCode: usage, hint: "An id is lower-case letters, digits and dashes, in labels joined by dots, at most 63 in all." },
	QUIC_UNAVAILABLE: { exitCode: failed },
	ADDRESS_IN_USE: {
		exitCode: failed,
		hint: "Another program, perhaps another Coordinator, has that port. Choose another one with --port; a Client takes --local-port.",
	},
	ADDRESS_UNAVAILABLE: { exitCode: failed, hint: "This machine has no such address. Check --host." },
	STATE_DIRECTORY_INVALID: { exitCode: failed, hint: STATE_HINT },
	HOST_UNRESOLVABLE: { exitCode: coordinator, hint: "Check the host name of the Coordinator, and the network and the name server of this machine." },
	COORDINATOR_UNREACHABLE: {
		exitCode: coordinator,
		hint: "Check that the Coordinator runs, that the host and port are right, and that UDP gets through: many firewalls block it.",
	},
	COORDINATOR_CLOSED: { exitCode: coordinator, hint: "The Coordinator was stopped." },
	COORDINATOR_LOST: { exitCode: coordinator, hint: LOST_COORDINATOR_HINT },
	CONNECTION_LOST: { exitCode: coordinator, hint: LOST_COORDINATOR_HINT },
	PROTOCOL_UNSUPPORTED: { exitCode: coordinator, hint: "What answers there is not a Coordinator, or runs another version of conec." },
	VERSION_UNSUPPORTED: { exitCode: coordinator, hint: "The Coordinator runs another version of conec." },
	PROTOCOL_ERROR: { exitCode: coordinator },
	LIMIT_EXCEEDED: { exitCode: coordinator },
	PIN_MISMATCH: {
		exitCode: coordinator,
		hint: "Compare the pin with what the Coordinator printed when it started. If its state directory was replaced, it has a new key. If not, somebody else may be answering.",
	},
	CERTIFICATE_NAME_MISMATCH: {
		exitCode: coordinator,
		hint: "Use a host name that is in the Coordinator's certificate, or give --pin. With --cert, --id must be the only name in that certificate. Without --id, the id is taken from it.",
	},
	CERTIFICATE_EXPIRED: {
		exitCode: coordinator,
		hint: "Renew the certificate that has expired: the Coordinator's, or the one in --cert. For the Coordinator's, --pin helps too. Also check the clocks of both machines.",
	},
	CERTIFICATE_NOT_YET_VALID: { exitCode: coordinator, hint: "Check the clocks of both machines." },
	CERTIFICATE_UNTRUSTED: { exitCode: coordinator, hint: CERTIFICATE_HINT },
	CERTIFICATE_INVALID: { exitCode: coordinator, hint: CERTIFICATE_HINT },
	CERTIFICATE_REQUIRED: { exitCode: coordinator, hint: OWN_CERTIFICATE_HINT },
	CERTIFICATE_REFUSED: { exitCode: coordinator, hint: OWN_CERTIFICATE_HINT },
	CERTIFICATE_KEY_MISMATCH: { exitCode: usage, hint: "--key must be the private key of the first certificate in --cert." },
	ID_TAKEN: {
		exitCode: coordinator,
		hint: "Another machine or user has this id. Choose another with --id, or use the state directory with the key that has it.",
	},
	ID_CONTENDED: { exitCode: coordinator, hint: "Another process here takes the same id again and again. Choose another with --id." },
	SUPERSEDED: { exitCode: coordinator, hint: "Another process connected with the same id and key. Run each with its own --id." },
	DISCONNECTED: { exitCode: coordinator, hint: "The Coordinator ended this connection." },
	PEER_UNKNOWN: { exitCode: peer, hint: "Check the peer's id, and that it is connected to the same Coordinator." },
	PEER_BUSY: { exitCode: peer, hint: "Try again later." },
	PEER_LOST: { exitCode: peer, hint: "The peer or its machine ended, or the network failed: there, here or between." },
	PEER_TIMEOUT: {
		exitCode: peer,
		hint: "No answer came in time. The other side is too busy or has just ended, or the network failed: there, here or between.",
	},
	PROTOCOL_UNHANDLED: { exitCode: peer, hint: "The peer runs another conec command, another version of conec, or a program that is no conec command." },
	RESUME_EXPIRED: {
		exitCode: peer,
		hint: "No way to the peer was found in time (--give-up-after). The peer or its machine ended, or the network failed: there, here or between. What was sent last may not have arrived.",
	},
	RESUME_UNKNOWN: { exitCode: peer, hint: "The peer's command was started again. What was sent last may not have arrived. Start this command again, too." },
	DIRECT_UNAVAILABLE: {
		exitCode: peer,
		hint: "Without --path direct, the Coordinator forwards if there is no direct path. --explain shows what was tried, and `conec netcheck` shows the network of this side.",
	},
	CHANNEL_CLOSED: { exitCode: peer, hint: "The peer has stopped, or has closed the direct channel." },
	STREAM_RESET: { exitCode: peer },
	STREAM_STOPPED: { exitCode: peer },
	STREAM_TRUNCATED: { exitCode: peer },
	FRAME_INVALID: { exitCode: peer },
	DECODE_FAILED: { exitCode: peer },
	BROADCAST_UNKNOWN: { exitCode: peer, hint: "Nobody is in this broadcast now. Check its name, and that both sides use the same Coordinator." },
	BROADCAST_NAME_INVALID: { exitCode: usage, hint: "A name is lower-case letters, digits, dots, underscores and hyphens, at most 128 in all." },
	BROADCAST_REFUSED: { exitCode: coordinator, hint: "Choose another --slow-reader, or start the Coordinator with --block and that name." },
	LAGGED: { exitCode: incomplete, hint: "This side read too slowly. Give it more room with --buffer-bytes, or choose another --slow-reader." },
};
