/**
 * The numbers in CONNECTION_CLOSE, RESET_STREAM and STOP_SENDING, and the words in REJECT and `refused`.
 *
 * @module
 */

import type { ConecErrorCode } from "../errors.ts";

/** Application error codes that close a connection (RFC 9000, 20.2). */
export const CLOSE_CODES = {
	/** A side is done, of its own will. */
	NORMAL: 0x00,
	/** The other side broke the protocol. */
	PROTOCOL_ERROR: 0x01,
	/** No hello came in time. */
	HELLO_TIMEOUT: 0x02,
	/** `refused` has been sent. */
	REFUSED: 0x03,
	/** A newer connection of the same identity took over. */
	SUPERSEDED: 0x04,
	/** The Coordinator's application disconnected this Client. */
	DISCONNECTED: 0x05,
	/** The Coordinator stops. */
	COORDINATOR_CLOSED: 0x06,
	/** The Client stops. */
	CLIENT_CLOSED: 0x07,
	/** The other side passed a limit. */
	LIMIT_EXCEEDED: 0x08,
	/** The certificate is not, or no longer, welcome. */
	CERTIFICATE_REFUSED: 0x09,
	/** The certificate was valid when the connection began and is not any more. */
	CERTIFICATE_EXPIRED: 0x0a,
	/** Nothing of the other side gets through any more: on a direct channel, or of a holder whose id another key asks for. */
	PATH_LOST: 0x0b,
	/** The process, or the worker, ended without closing the connection. To the other side that is a loss, which it need not wait for. */
	PROCESS_ENDED: 0x0e,
} as const;

/** Codes of this library that reset or stop a stream. All are below {@link APPLICATION_CODE_BASE}. */
export const RESET_CODES = {
	/** Not said. */
	NONE: 0x00,
	/** The other leg of a proxied stream is gone. */
	PEER_LOST: 0x01,
	/** The Client that held the stream was closed. */
	CLIENT_CLOSED: 0x02,
	/** The Coordinator that held the stream was closed. */
	COORDINATOR_CLOSED: 0x03,
	/** The header of the stream did not come in time. */
	HEADER_TIMEOUT: 0x04,
	/** The header of the stream was too long, cut short, or is not understood. */
	HEADER_INVALID: 0x05,
	/** A frame that is not allowed where it came, or of a kind that must be known. */
	FRAME_INVALID: 0x06,
	/** A message, or a frame of another kind, longer than the receiver takes. */
	MESSAGE_TOO_LONG: 0x07,
	/** FIN came without END. */
	STREAM_TRUNCATED: 0x08,
	/** The opener gave up before the stream was accepted. */
	CANCELLED: 0x09,
	/** After REJECT: nothing more is read. */
	REJECTED: 0x0a,
	/** The Coordinator let go of the Client that held the stream. */
	DISCONNECTED: 0x0b,
	/** The direct channel that carried the stream was closed. */
	CHANNEL_CLOSED: 0x0c,
	/** A member of a broadcast was too slow, and its policy is to end then. */
	LAGGED: 0x0d,
	/** Of one leg of a stream: another leg carries it, or will. */
	MOVED: 0x0e,
	/** The stream, or another leg of it, is not allowed any more. */
	FORBIDDEN: 0x0f,
	/** No leg carried the stream for longer than both sides keep it. */
	RESUME_EXPIRED: 0x10,
	/** The stream is not known where another leg of it was opened. */
	RESUME_UNKNOWN: 0x11,
	/** What is sealed from end to end was changed on the way. */
	SEAL_FAILED: 0x12,
} as const;

/** Application codes travel as this + code. */
export const APPLICATION_CODE_BASE = 0x40_00_00_00;

/** Greatest code that an application may give to `reset` or `stop`. */
export const APPLICATION_CODE_MAX = 0x3f_ff_ff_ff;

/** Codes that may travel in REJECT. */
export const REJECT_CODES = [
	"PEER_BUSY",
	"PEER_UNKNOWN",
	"PEER_LOST",
	"BROADCAST_REFUSED",
	"PROTOCOL_UNHANDLED",
	"LIMIT_EXCEEDED",
	"PROTOCOL_ERROR",
	"CLIENT_CLOSED",
	"COORDINATOR_CLOSED",
	"RESUME_UNKNOWN",
] as const;

/** Why a stream was rejected. */
export type RejectCode = (typeof REJECT_CODES)[number];

/** Codes that may travel in `refused`. */
export const REFUSED_CODES = [
	"VERSION_UNSUPPORTED",
	"ID_TAKEN",
	"ID_CONTENDED",
	"CERTIFICATE_REQUIRED",
	"CERTIFICATE_REFUSED",
	"CERTIFICATE_NAME_MISMATCH",
	"LIMIT_EXCEEDED",
	"COORDINATOR_CLOSED",
] as const;

/** Why a Client was refused. `PROTOCOL_ERROR` is never sent: a code that is not known reads so. */
export type RefusedCode = (typeof REFUSED_CODES)[number] | "PROTOCOL_ERROR";

/** Whether an application may use `code` in `reset` or `stop`. */
export function isApplicationCode(code: unknown): code is number {
	return Number.isInteger(code) && (code as number) >= 0 && (code as number) <= APPLICATION_CODE_MAX;
}

/** The number on the wire for an application code. */
export function applicationCodeToWire(code: number): number {
	return APPLICATION_CODE_BASE + code;
}

/** The application code in a number on the wire, or `undefined` if the number is one of ours or unknown. */
export function applicationCodeFromWire(wire: number): number | undefined {
	return wire >= APPLICATION_CODE_BASE && wire <= APPLICATION_CODE_BASE + APPLICATION_CODE_MAX ? wire - APPLICATION_CODE_BASE : undefined;
}

/** What a RESET_STREAM or STOP_SENDING with a code of this library means to the application; `undefined` for any other. */
export function errorCodeOfReset(wire: number): ConecErrorCode | undefined {
	return RESET_MEANINGS.get(wire);
}

/**
 * What a CONNECTION_CLOSE with a code of this library means to the application; `undefined` for `NORMAL` and any other. An end that
 * nobody wanted (`PROCESS_ENDED`) is the loss of whoever was there, as for an unknown code.
 */
export function errorCodeOfClose(wire: number): ConecErrorCode | undefined {
	return CLOSE_MEANINGS.get(wire);
}

/** The code in a REJECT, where one that this version does not know reads as `PROTOCOL_ERROR`. */
export function rejectCodeFromWire(code: string): RejectCode {
	return (REJECT_CODES as readonly string[]).includes(code) ? (code as RejectCode) : "PROTOCOL_ERROR";
}

/** The code in a `refused`, where one that this version does not know reads as `PROTOCOL_ERROR`. */
export function refusedCodeFromWire(code: string): RefusedCode {
	return (REFUSED_CODES as readonly string[]).includes(code) ? (code as RefusedCode) : "PROTOCOL_ERROR";
}

const RESET_MEANINGS: ReadonlyMap<number, ConecErrorCode> = new Map<number, ConecErrorCode>([
	[RESET_CODES.PEER_LOST, "PEER_LOST"],
	[RESET_CODES.CLIENT_CLOSED, "CLIENT_CLOSED"],
	[RESET_CODES.COORDINATOR_CLOSED, "COORDINATOR_CLOSED"],
	[RESET_CODES.HEADER_TIMEOUT, "PEER_TIMEOUT"],
	[RESET_CODES.HEADER_INVALID, "FRAME_INVALID"],
	[RESET_CODES.FRAME_INVALID, "FRAME_INVALID"],
	[RESET_CODES.MESSAGE_TOO_LONG, "MESSAGE_TOO_LONG"],
	[RESET_CODES.STREAM_TRUNCATED, "STREAM_TRUNCATED"],
	[RESET_CODES.DISCONNECTED, "DISCONNECTED"],
	[RESET_CODES.CHANNEL_CLOSED, "CHANNEL_CLOSED"],
	[RESET_CODES.LAGGED, "LAGGED"],
	[RESET_CODES.MOVED, "PROTOCOL_ERROR"],
	[RESET_CODES.RESUME_EXPIRED, "RESUME_EXPIRED"],
	[RESET_CODES.RESUME_UNKNOWN, "RESUME_UNKNOWN"],
]);

const CLOSE_MEANINGS: ReadonlyMap<number, ConecErrorCode> = new Map<number, ConecErrorCode>([
	[CLOSE_CODES.PROTOCOL_ERROR, "PROTOCOL_ERROR"],
	[CLOSE_CODES.HELLO_TIMEOUT, "PEER_TIMEOUT"],
	[CLOSE_CODES.SUPERSEDED, "SUPERSEDED"],
	[CLOSE_CODES.DISCONNECTED, "DISCONNECTED"],
	[CLOSE_CODES.COORDINATOR_CLOSED, "COORDINATOR_CLOSED"],
	[CLOSE_CODES.CLIENT_CLOSED, "CLIENT_CLOSED"],
	[CLOSE_CODES.LIMIT_EXCEEDED, "LIMIT_EXCEEDED"],
	[CLOSE_CODES.CERTIFICATE_REFUSED, "CERTIFICATE_REFUSED"],
	[CLOSE_CODES.CERTIFICATE_EXPIRED, "CERTIFICATE_EXPIRED"],
]);
