/**
 * The errors that end a stream, with their words.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import { LOST_WORDS, WORDS } from "./words.ts";

/** How errors name a stream. */
export interface Subject {
	/** Id of the peer; `null`: the Coordinator. */
	readonly peer: string | null;
	/** Such as `stream 7 to "bob"`. */
	readonly describe: string;
	/** What an opening that fails could not do. @default `open` and what describes it */
	readonly opening?: string;
	/** The code that the application gets when the connection is lost. */
	readonly lostCode: ConecErrorCode;
}

/** The stream cannot continue. `closeCode` is the application's, if it gave one. */
export function cannotGoOn(subject: Subject, code: ConecErrorCode, words: string = WORDS[code] ?? code, closeCode?: number): ConecError {
	return new ConecError(code, `Cannot continue ${subject.describe}: ${words}`, { closeCode, peer: subject.peer ?? undefined });
}

/** The stream could not be opened. */
export function cannotOpen(subject: Subject, code: ConecErrorCode, words: string = WORDS[code] ?? code): ConecError {
	return new ConecError(code, `Cannot ${subject.opening ?? `open ${subject.describe}`}: ${words}`, { peer: subject.peer ?? undefined });
}

/** The connection that carried the stream has ended. */
export function lostWith(subject: Subject, cause: ConecError): ConecError {
	const code = cause.code === "CONNECTION_LOST" ? subject.lostCode : cause.code;
	return new ConecError(code, `Lost ${subject.describe}: ${LOST_WORDS[code] ?? cause.message}`, { cause, peer: subject.peer ?? undefined });
}

/** How a stream ended that `error` has ended. */
export function endOf(by: CloseInfo["by"], error: ConecError): CloseInfo {
	return error.closeCode === undefined ? { by, code: error.code } : { by, code: error.code, closeCode: error.closeCode };
}
