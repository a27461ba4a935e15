/**
 * What differs between streams: what their ends do about legs that begin, are lost, or end.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import type { ConecError, ConecErrorCode } from "../../errors.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { Resumable } from "../../wire/stream-frames.ts";
import type { Subject } from "./failures.ts";
import type { Leg } from "./leg.ts";
import type { Legs } from "./legs.ts";
import type { Receiving } from "./receiving.ts";
import type { FurtherLeg, LegLink } from "./seams.ts";
import type { Sending } from "./sending.ts";

/** Why a leg is lost, and how the stream ends if it does not survive that. */
export interface Loss {
	readonly error: ConecError;
	readonly info: CloseInfo;
}

/** The rules of one kind of stream at one end. */
export interface Rules {
	/** When {@link Rules.expired} is wanted. */
	readonly wakeMs: number;
	/** RESUMABLE came on a leg that this side opened, and what it counts is noted. */
	answered(leg: Leg, resumable: Resumable): void;
	/** REJECT came, with this payload. */
	rejected(leg: Leg, payload: Uint8Array): void;
	/** STOP_SENDING came before the answer, and does not end the stream: on its way it may have overtaken a REJECT. */
	overtaken(leg: Leg): void;
	/** The peer has shown that it writes on a leg. */
	confirmed(leg: Leg): void;
	/** FIN came. */
	fin(leg: Leg): void;
	/** The leg carries nothing any more. */
	lost(leg: Leg, loss: Loss): void;
	/** Something went forward: writes FIN where it may go now. */
	settle(): void;
	/** Both directions are over, and the application knows it. */
	done(): void;
	expired(nowMs: number): void;
}

/** What the rules may do with a stream. */
export interface Core {
	readonly subject: Subject;
	readonly legs: Legs;
	readonly sending: Sending;
	readonly incoming: Receiving;
	/** Both directions are over, and the application knows it, or is about to. */
	readonly done: boolean;
	readonly now: () => number;
	/** At least 0, less than 1. */
	readonly fraction: () => number;
	/** A leg is over. With a code, the peer is told. */
	drop(leg: Leg, code: number | undefined): void;
	/** Looks anew which leg is written on. */
	choose(): void;
	/** The answer to the opening is here. */
	opened(messageBytes: number): void;
	/** The stream ends with its leg from now on. */
	becomeOrdinary(): void;
	/** What the peer has told of its counts. False: that was invalid, and the stream has failed. */
	heard(received: number, limit: number): boolean;
	/** No leg carries the stream now, or one does again. */
	suspended(yes: boolean): void;
	/** See `ExchangeSink.openLeg`. */
	openLeg(open: FurtherLeg, leg: Leg): LegLink | undefined;
	/** Ends the stream. With a code, the peer is told on all legs. */
	fail(loss: Loss, code: number | undefined): void;
	/** A frame was not allowed. */
	violated(what: string): void;
	/** Nothing of the stream is of use any more. */
	forget(code: number): void;
	newError(code: ConecErrorCode, words?: string): ConecError;
}

/** The codes that end a stream on whatever leg they come. All others end a leg. */
const FATAL: ReadonlySet<number> = new Set<number>([
	RESET_CODES.FRAME_INVALID,
	RESET_CODES.MESSAGE_TOO_LONG,
	RESET_CODES.CLIENT_CLOSED,
	RESET_CODES.FORBIDDEN,
	RESET_CODES.SEAL_FAILED,
	RESET_CODES.RESUME_EXPIRED,
	RESET_CODES.CANCELLED,
]);

/** Whether RESET_STREAM or STOP_SENDING with that code ends a stream on whatever leg it comes. */
export function isFatal(code: number): boolean {
	return FATAL.has(code);
}
