/**
 * Why one file of a transfer failed while the transfer itself goes on, in words that fit the call that failed.
 *
 * @module
 */

import { errnoOf, type FileCall, type FileErrorMeaning, fileErrorMeaning } from "../../files/file-errors.ts";
import type { FileProblem } from "./protocol.ts";

export { errnoOf } from "../../files/file-errors.ts";

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

/** A system error in words. */
export function errnoText(errno: string): string {
	return ERRNO_TEXTS.get(errno) ?? (errno === "" ? "unexpected error" : errno);
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

const ERRNO_TEXTS: ReadonlyMap<string, string> = new Map([
	["EACCES", "permission denied"],
	["EPERM", "operation not permitted"],
	["ENOENT", "no such file"],
	["EISDIR", "it is a directory"],
	["ENOTDIR", "a parent is not a directory"],
	["ELOOP", "it is a link, or leads through too many"],
	["ENOSPC", "no space left on the device"],
	["EDQUOT", "disk quota exceeded"],
	["EROFS", "the file system is read-only"],
	["EFBIG", "larger than the file system allows"],
	["EMFILE", "too many open files"],
	["ENFILE", "too many open files"],
	["ENOMEM", "not enough memory"],
	["EAGAIN", "there is nothing to read now"],
	["EBUSY", "it is in use"],
	["EIO", "input/output error"],
	["EINVAL", "the file system does not allow it"],
	["ENOSYS", "the file system cannot do that"],
	["ENOTSUP", "the file system cannot do that"],
	["EOPNOTSUPP", "the file system cannot do that"],
	["ESTALE", "the file server does not know it any more"],
	["ENOTCONN", "the file system is not connected"],
	["ENODEV", "the device is gone"],
	["ENXIO", "the device is gone"],
	["ENAMETOOLONG", "the name is too long for the file system"],
	["EILSEQ", "the file system cannot have this name"],
	["EEXIST", "a file of that name exists"],
]);
