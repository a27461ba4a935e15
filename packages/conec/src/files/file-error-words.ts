/**
 * System errors in words, for messages.
 *
 * @module
 */

import { errnoOf } from "./file-errors.ts";

/** What went wrong, in words that follow a colon: `permission denied (EACCES)`. Of anything but a system error: `it cannot be used`. */
export function fileProblemWords(error: unknown): string {
	const errno = errnoOf(error);
	if (errno === "ERR_ACCESS_DENIED") return `Node's permission model does not allow it; start Node with ${missingFlag(error)} (${errno})`;
	const words = WORDS[errno];
	return words === undefined ? errno || "it cannot be used" : `${words} (${errno})`;
}

/** The flag that would allow it. Node names the permission, and in most cases the file. */
function missingFlag(error: unknown): string {
	const { permission, resource } = error as { readonly permission?: unknown; readonly resource?: unknown };
	const place = typeof resource === "string" && resource !== "" ? `=${resource}` : "";
	return permission === "FileSystemRead"
		? `--allow-fs-read${place}`
		: permission === "FileSystemWrite"
			? `--allow-fs-write${place}`
			: "--allow-fs-read and --allow-fs-write";
}

const WORDS: Readonly<Record<string, string>> = {
	EACCES: "permission denied",
	EPERM: "it is not permitted",
	EROFS: "the file system is read-only",
	ENOENT: "no such file or directory",
	EEXIST: "something else has that name",
	ENOTDIR: "a file is where a directory is needed",
	EISDIR: "a directory is where a file is needed",
	ELOOP: "it leads through too many links",
	ENAMETOOLONG: "the name is too long",
	EILSEQ: "the file system cannot have such a name",
	EINVAL: "the file system cannot have such a name",
	ENOSPC: "no space is left on the device",
	EDQUOT: "the disk quota is used up",
	EFBIG: "the file would be larger than is allowed",
	EIO: "the device failed",
	ESTALE: "the network drive has lost it",
	EMFILE: "too many files are open",
	ENFILE: "too many files are open",
	EBUSY: "it is busy",
};
