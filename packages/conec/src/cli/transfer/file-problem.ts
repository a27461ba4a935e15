/**
 * Why one file of a transfer failed while the transfer itself goes on.
 *
 * @module
 */

import type { FileProblem } from "./protocol.ts";

/** Ends one file, not the transfer. `message` is the detail, in words. */
export class FileProblemError extends Error {
	readonly problem: FileProblem;

	constructor(problem: FileProblem, detail: string, cause?: unknown) {
		super(detail, cause === undefined ? undefined : { cause });
		this.problem = problem;
	}
}
Object.defineProperty(FileProblemError.prototype, "name", { value: "FileProblemError", configurable: true, writable: true });

/** What a failed read says; paths of this machine stay out of the detail, since the peer reads it too. */
export function readProblem(error: unknown): FileProblemError {
	if (error instanceof FileProblemError) return error;
	return new FileProblemError("UNREADABLE", errnoText(errnoOf(error)), error);
}

/** What a failed write says. */
export function writeProblem(error: unknown): FileProblemError {
	if (error instanceof FileProblemError) return error;
	const errno = errnoOf(error);
	return new FileProblemError(WRITE_PROBLEMS[errno] ?? "FAILED", errnoText(errno), error);
}

/** The `code` of a system error, or "". */
export function errnoOf(error: unknown): string {
	const code = (error as { code?: unknown } | null | undefined)?.code;
	return typeof code === "string" ? code : "";
}

/** A system error in words. */
export function errnoText(errno: string): string {
	return ERRNO_TEXTS[errno] ?? (errno === "" ? "unexpected error" : errno);
}

const WRITE_PROBLEMS: Readonly<Record<string, FileProblem>> = {
	ENOSPC: "DISK_FULL",
	EDQUOT: "DISK_FULL",
	EFBIG: "TOO_LARGE",
	EACCES: "NOT_WRITABLE",
	EPERM: "NOT_WRITABLE",
	EROFS: "NOT_WRITABLE",
	EISDIR: "NOT_WRITABLE",
	ENOTDIR: "NAME_UNSAFE",
	ELOOP: "NAME_UNSAFE",
	ENAMETOOLONG: "NAME_UNSAFE",
	EILSEQ: "NAME_UNSAFE",
	EINVAL: "NAME_UNSAFE",
	EEXIST: "EXISTS",
};

const ERRNO_TEXTS: Readonly<Record<string, string>> = {
	EACCES: "permission denied",
	EPERM: "operation not permitted",
	ENOENT: "no such file",
	EISDIR: "it is a directory",
	ENOTDIR: "a parent is not a directory",
	ELOOP: "it leads through a link",
	ENOSPC: "no space left on the device",
	EDQUOT: "disk quota exceeded",
	EROFS: "the file system is read-only",
	EFBIG: "larger than the file system allows",
	EMFILE: "too many open files",
	ENFILE: "too many open files",
	EIO: "input/output error",
	ENAMETOOLONG: "the name is too long for the file system",
	EEXIST: "a file of that name exists",
};
