/**
 * The errors that end a stream, with their words.
 *
 * @module
 */

import { ConecError, type ConecErrorCode } from "../errors.ts";
import type { CloseInfo } from "./close-info.ts";
import { LOST_WORDS, WORDS } from "./words.ts";

/** What a stream is called in its errors. */
export interface Subject {
	/** Id of the peer; `null`: the Coordinator. */
	readonly peer: string | null;
	/** Such as `stream 7 to "bob"`. */
	readonly describe: string;
	/** What the loss of the connection means to the application. */
	readonly lostCode: ConecErrorCode;
}

/** It cannot go on; `closeCode` is the application's, where one was given. */
export function cannotGoOn(subject: Subject, code: ConecErrorCode, words: string = WORDS[code] ?? code, closeCode?: number): ConecError {
	return new ConecError(code, `Cannot go on with ${subject.describe}: ${words}`, { closeCode, peer: subject.peer ?? undefined });
}

/** It was never open. */
export function cannotOpen(subject: Subject, code: ConecErrorCode, words: string = WORDS[code] ?? code): ConecError {
	return new ConecError(code, `Cannot open ${subject.describe}: ${words}`, { peer: subject.peer ?? undefined });
}

/** What carried it has broken. */
export function lostWith(subject: Subject, cause: ConecError): ConecError {
	const code = cause.code === "CONNECTION_LOST" ? subject.lostCode : cause.code;
	return new ConecError(code, `Lost ${subject.describe}: ${LOST_WORDS[code] ?? cause.message}`, { cause, peer: subject.peer ?? undefined });
}

/** How a stream has ended that `error` ended. */
export function endOf(by: CloseInfo["by"], error: ConecError): CloseInfo {
	return error.closeCode === undefined ? { by, code: error.code } : { by, code: error.code, closeCode: error.closeCode };
}
