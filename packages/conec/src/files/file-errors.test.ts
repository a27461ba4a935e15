import assert from "node:assert/strict";
import { test } from "node:test";
import { errnoOf, type FileCall, type FileErrorMeaning, fileErrorMeaning } from "./file-errors.ts";

/** Per call: what each code means. Each line is a way in which some file system refuses. */
const TABLE: Readonly<Record<FileCall, Readonly<Partial<Record<FileErrorMeaning, string>>>>> = {
	open: {
		denied: "EACCES EPERM EROFS",
		missing: "ENOENT",
		kind: "EISDIR ENOTDIR",
		name: "ENAMETOOLONG ELOOP EILSEQ EINVAL",
		exhausted: "EMFILE ENFILE ENOMEM",
		io: "EIO ESTALE ENXIO",
	},
	create: { denied: "EACCES EPERM EROFS", full: "ENOSPC EDQUOT", exists: "EEXIST", name: "EINVAL EILSEQ ENAMETOOLONG ELOOP", io: "EIO" },
	read: { denied: "EACCES EPERM", io: "EIO ENODEV ENXIO ENOTCONN ETIMEDOUT", other: "EINVAL", unsupported: "ENOSYS EOPNOTSUPP ENOTSUP", kind: "EISDIR" },
	write: { full: "ENOSPC EDQUOT", "too-large": "EFBIG", io: "EIO ENOTCONN ESTALE", denied: "EPERM EROFS EACCES", other: "EINVAL" },
	stat: { denied: "EACCES", missing: "ENOENT", io: "EIO ENOTCONN", name: "ELOOP ENAMETOOLONG EINVAL", other: "EOVERFLOW" },
	list: { denied: "EACCES", kind: "ENOTDIR", io: "EIO", other: "EINVAL" },
	mkdir: { exists: "EEXIST", denied: "EACCES EROFS EPERM", full: "ENOSPC", name: "EINVAL ENAMETOOLONG", missing: "ENOENT" },
	link: {
		unsupported: "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EMLINK EXDEV EINVAL EISDIR ENOTTY EROFS EBADF UNKNOWN EMFILE",
		exists: "EEXIST",
		full: "ENOSPC EDQUOT",
		io: "EIO",
		missing: "ENOENT",
		name: "ENAMETOOLONG",
	},
	rename: {
		unsupported: "ENOSYS ENOTSUP EOPNOTSUPP EXDEV EINVAL EPERM EACCES EEXIST EBUSY",
		full: "ENOSPC EDQUOT",
		io: "EIO",
		missing: "ENOENT",
		denied: "EROFS",
	},
	remove: { denied: "EACCES EPERM EROFS", missing: "ENOENT", exhausted: "EBUSY", exists: "ENOTEMPTY", io: "EIO" },
	sync: { unsupported: "EINVAL ENOTSUP EOPNOTSUPP ENOSYS EROFS EPERM EACCES EBADF ENOTTY EISDIR", io: "EIO ESTALE", full: "ENOSPC EDQUOT" },
	chmod: { unsupported: "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EINVAL EROFS ENOTTY UNKNOWN EFTYPE", io: "EIO", full: "ENOSPC EDQUOT", missing: "ENOENT" },
	utimes: { unsupported: "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EINVAL EROFS EOVERFLOW ERANGE UNKNOWN", io: "EIO", full: "ENOSPC EDQUOT", missing: "ENOENT" },
	room: { unsupported: "ENOSYS EOPNOTSUPP ENOTSUP EACCES EPERM EOVERFLOW EINVAL", io: "EIO" },
};

for (const [call, meanings] of Object.entries(TABLE) as [FileCall, Readonly<Record<FileErrorMeaning, string>>][]) {
	test(`file errors: ${call} by errno`, () => {
		for (const [meaning, errnos] of Object.entries(meanings)) {
			for (const errno of errnos.split(" ")) assert.equal(fileErrorMeaning(call, errno), meaning, `${call} ${errno}`);
		}
	});
}

test("file errors: a failing medium and a full one are never taken for something that can be done without", () => {
	for (const call of Object.keys(TABLE) as FileCall[]) {
		for (const errno of ["EIO", "ENOSPC", "EDQUOT"]) assert.notEqual(fileErrorMeaning(call, errno), "unsupported", `${call} ${errno}`);
	}
});

test("file errors: a code that nobody knows lets attributes be, and fails what the content needs", () => {
	for (const call of ["chmod", "utimes", "room", "link"] as const) assert.equal(fileErrorMeaning(call, "ENOVEL"), "unsupported");
	for (const call of ["open", "create", "read", "write", "sync", "rename", "mkdir"] as const) assert.equal(fileErrorMeaning(call, "ENOVEL"), "other");
});

test("file errors: names of properties that every object has are no codes", () => {
	for (const errno of ["constructor", "toString", "__proto__", ""]) assert.equal(fileErrorMeaning("write", errno), "other");
});

test("file errors: the code of whatever was thrown", () => {
	assert.equal(errnoOf(Object.assign(new Error("x"), { code: "EIO" })), "EIO");
	for (const thrown of [new Error("x"), undefined, null, "EIO", 5, { code: 5 }]) assert.equal(errnoOf(thrown), "");
});
