/**
 * System errors in words, where the call that failed is named beside them.
 *
 * @module
 */

/** A system error in words. */
export function errnoText(errno: string): string {
	return ERRNO_TEXTS.get(errno) ?? (errno === "" ? "unexpected error" : errno);
}

const ERRNO_TEXTS: ReadonlyMap<string, string> = new Map([
	["EACCES", "permission denied"],
	["EPERM", "operation not permitted"],
	["ENOENT", "no such file"],
	["EISDIR", "it is a directory"],
	["ENOTDIR", "a parent is not a directory"],
	["ELOOP", "it is a link, or leads through too many links"],
	["ENOSPC", "no space left on the device"],
	["EDQUOT", "disk quota exceeded"],
	["EROFS", "the file system is read-only"],
	["EFBIG", "it is larger than the file system allows"],
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
	["ESTALE", "the file server no longer knows it"],
	["ENOTCONN", "the file system is not connected"],
	["ENODEV", "the device is gone"],
	["ENXIO", "the device is gone"],
	["ENAMETOOLONG", "the name is too long for the file system"],
	["EILSEQ", "the file system cannot have this name"],
	["EEXIST", "a file of that name exists"],
]);
