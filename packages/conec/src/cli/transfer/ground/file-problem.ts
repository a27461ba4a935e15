/**
 * Why one file of a transfer failed while the transfer itself goes on, in words that fit the call that failed.
 *
 * @module
 */

import { errnoOf, type FileCall, type FileErrorMeaning, fileErrorMeaning } from "../../../files/file-errors.ts";
import { errnoText } from "../../words/index.ts";
import type { FileProblem } from "./protocol.ts";

export { errnoOf } from "../../../files/file-errors.ts";

/** Ends one file, not the transfer. `message` is the detail, in words; the peer reads it too, so it has no paths of this machine. */
export class FileProblemError extends Error {
	readonly problem: FileProblem;

	constructor(problem: FileProblem, detail: string, cause?: unknown) {
		super(detail, cause === undefined ? undefined : { cause });
		this.problem = problem;
	}
}
Object.defineProperty(FileProblemError.prototype, "name", { value: "FileProblemError", configurable: true, writable: true });

/** What a failed call says of a file that is read. `where` follows the verb, such as "at byte 7". */
export function readProblem(call: FileCall, error: unknown, where?: string): FileProblemError {
	if (error instanceof FileProblemError) return error;
	return new FileProblemError("UNREADABLE", callText(call, errnoOf(error), where), error);
}

/** What a failed call says of a file that is written. */
export function writeProblem(call: FileCall, error: unknown): FileProblemError {
	if (error instanceof FileProblemError) return error;
	const errno = errnoOf(error);
	return new FileProblemError(WRITE_PROBLEMS[fileErrorMeaning(call, errno)], callText(call, errno), error);
}

/** The result, or rejects with what {@link readProblem} says. */
export async function orReadProblem<Value>(call: FileCall, operation: Promise<Value>): Promise<Value> {
	try {
		return await operation;
	} catch (error) {
		throw readProblem(call, error);
	}
}

/** The result, or rejects with what {@link writeProblem} says. */
export async function orWriteProblem<Value>(call: FileCall, operation: Promise<Value>): Promise<Value> {
	try {
		return await operation;
	} catch (error) {
		throw writeProblem(call, error);
	}
}

/** `cannot open it: permission denied (EACCES)`. */
export function callText(call: FileCall, errno: string, where?: string): string {
	const words = errnoText(errno);
	return `${CALL_TEXTS[call]}${where === undefined ? "" : ` ${where}`}: ${words === errno || errno === "" ? words : `${words} (${errno})`}`;
}

const WRITE_PROBLEMS: Readonly<Record<FileErrorMeaning, FileProblem>> = {
	full: "DISK_FULL",
	"too-large": "TOO_LARGE",
	denied: "NOT_WRITABLE",
	unsupported: "NOT_WRITABLE",
	kind: "NOT_WRITABLE",
	name: "NAME_UNSAFE",
	exists: "EXISTS",
	io: "FAILED",
	missing: "FAILED",
	exhausted: "FAILED",
	other: "FAILED",
};

const CALL_TEXTS: Readonly<Record<FileCall, string>> = {
	open: "cannot open it",
	create: "cannot create it",
	read: "cannot read it",
	write: "cannot write it",
	stat: "cannot look at it",
	list: "cannot list the directory",
	mkdir: "cannot make the directory",
	link: "cannot give it its name",
	rename: "cannot give it its name",
	remove: "cannot remove the old file",
	sync: "cannot flush it to the disk",
	chmod: "cannot set its mode",
	utimes: "cannot set its times",
	room: "cannot see how much room there is",
};
