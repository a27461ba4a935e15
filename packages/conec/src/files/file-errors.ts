/**
 * What the failure of a file operation means: the one rule for the state directory, keys, certificates and transfers.
 * Pure: an operation and the `code` of a system error go in, a meaning comes out.
 *
 * @module
 */

/** The operation that failed. `sync` is fsync, `room` is statfs, `utimes` sets times, `list` reads a directory. */
export type FileCall = "open" | "create" | "read" | "write" | "stat" | "list" | "mkdir" | "link" | "rename" | "remove" | "sync" | "chmod" | "utimes" | "room";

/**
 * What it means for whoever called.
 *
 * - `unsupported`: this file system does not do it, or not for us, and the content does not need it: go on without it, or do it in another way.
 *   Of calls that cannot be done without (`open`, `read`, `write` ...) only what the system itself calls unsupported.
 * - `denied`: no permission, or read-only.
 * - `full`: no room, no quota.
 * - `too-large`: the file would exceed what the file system or the process may have.
 * - `io`: the medium or the connection to it failed; content may be lost.
 * - `missing`: it, or a directory above it, is not there.
 * - `exists`: something of that name is there, or a directory is not empty.
 * - `kind`: what is there is of another kind, such as a file in the place of a directory.
 * - `name`: the file system cannot have such a name, or the path leads through too many links.
 * - `exhausted`: the process or the system has no descriptor or memory left, or the file is busy; it may work later.
 * - `other`: anything else.
 */
export type FileErrorMeaning = "unsupported" | "denied" | "full" | "too-large" | "io" | "missing" | "exists" | "kind" | "name" | "exhausted" | "other";

/** What an error of that call means. `errno` is the `code` of the system error, such as `"EACCES"`; see {@link errnoOf}. */
export function fileErrorMeaning(call: FileCall, errno: string): FileErrorMeaning {
	const meaning = MEANINGS.get(errno) ?? "other";
	switch (call) {
		case "chmod":
		case "utimes":
		case "room":
			// The content is whole without them. Only what also endangers the content counts.
			return ENDANGERS_CONTENT.has(meaning) || meaning === "missing" ? meaning : "unsupported";
		case "link":
			// Vendors refuse hard links with nearly every code; Windows says EISDIR on exFAT. Another way of giving the name tells what is really wrong.
			return LINK_FAILS.has(meaning) && errno !== "EMLINK" ? meaning : "unsupported";
		case "rename":
			// Within one directory. Object stores have none, and some refuse to replace.
			return RENAME_UNSUPPORTED.has(errno) ? "unsupported" : meaning;
		case "sync":
			return SYNC_UNSUPPORTED.has(errno) ? "unsupported" : meaning;
		case "open":
		case "create":
		case "mkdir":
		case "stat":
			// The name is all that these calls are given.
			return errno === "EINVAL" ? "name" : meaning;
		default:
			return meaning;
	}
}

/** The `code` of a system error, or "" where there is none. */
export function errnoOf(error: unknown): string {
	const code = (error as { readonly code?: unknown } | null | undefined)?.code;
	return typeof code === "string" ? code : "";
}

const CODES: Readonly<Partial<Record<FileErrorMeaning, string>>> = {
	unsupported: "ENOSYS ENOTSUP EOPNOTSUPP ENOTTY",
	// The last one is of Node's permission model.
	denied: "EACCES EPERM EROFS ERR_ACCESS_DENIED",
	full: "ENOSPC EDQUOT",
	"too-large": "EFBIG",
	io: "EIO EREMOTEIO ENXIO ENODEV ESTALE ENOTCONN ECONNABORTED ECONNRESET ETIMEDOUT EHOSTDOWN EHOSTUNREACH EUCLEAN EBADMSG ESHUTDOWN",
	missing: "ENOENT",
	exists: "EEXIST ENOTEMPTY",
	kind: "EISDIR ENOTDIR",
	name: "ENAMETOOLONG EILSEQ ELOOP",
	exhausted: "EMFILE ENFILE ENOMEM ENOBUFS EAGAIN EBUSY ETXTBSY",
};

const MEANINGS: ReadonlyMap<string, FileErrorMeaning> = new Map(
	(Object.entries(CODES) as [FileErrorMeaning, string][]).flatMap(([meaning, codes]) => codes.split(" ").map((code) => [code, meaning] as const)),
);

const ENDANGERS_CONTENT: ReadonlySet<FileErrorMeaning> = new Set(["full", "too-large", "io"]);

const LINK_FAILS: ReadonlySet<FileErrorMeaning> = new Set(["full", "io", "missing", "exists", "name"]);

const RENAME_UNSUPPORTED: ReadonlySet<string> = new Set(["ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOTTY", "EXDEV", "EINVAL", "EPERM", "EACCES", "EEXIST", "EBUSY"]);

/** EPERM, EACCES and EBADF are what Windows and some network file systems say of a handle that they cannot flush. */
const SYNC_UNSUPPORTED: ReadonlySet<string> = new Set([
	"ENOSYS",
	"ENOTSUP",
	"EOPNOTSUPP",
	"ENOTTY",
	"EINVAL",
	"EROFS",
	"EPERM",
	"EACCES",
	"EBADF",
	"EISDIR",
	"ERR_ACCESS_DENIED",
]);
