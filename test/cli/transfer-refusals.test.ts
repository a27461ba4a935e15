/** File systems that refuse or fail, by call and errno, at the receiver. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSystem, OpenFile } from "../../packages/conec/src/cli/transfer/ground/file-system.ts";
import { fileSystem, folders, NODE_FILE_SYSTEM, systemError, transfer, withOpenFiles } from "./transfer-fixture.ts";

type Failure = () => Promise<never>;

/** Calls of a file system, each made to fail. */
const CALLS: Readonly<Record<string, (fail: Failure) => FileSystem>> = {
	utimes: (fail) => withOpenFiles(() => ({ utimes: fail })),
	chmod: (fail) => withOpenFiles(() => ({ chmod: fail })),
	sync: (fail) => withOpenFiles(() => ({ sync: fail })),
	write: (fail) => withOpenFiles(() => ({ write: fail })),
	close: (fail) => withOpenFiles((_, file) => ({ close: () => file.close().then(fail) })),
	link: (fail) => fileSystem({ link: fail }),
	"link and rename": (fail) => fileSystem({ link: fail, rename: fail }),
	"link, rename and chmod": (fail) => ({ ...withOpenFiles(() => ({ chmod: fail })), link: fail, rename: fail, chmod: fail }),
	"rename with --force": (fail) => fileSystem({ rename: fail }),
	room: (fail) => fileSystem({ room: fail }),
	create: (fail) => fileSystem({ open: fail }),
};

/** What stays a remark (`remark`) or nothing at all (`silent`), and what is which problem with which words. */
const TABLE: readonly (readonly [call: string, errnos: string, outcome: string, words?: RegExp])[] = [
	["utimes", "EINVAL ENOTSUP EOPNOTSUPP EPERM ENOSYS EACCES EROFS EOVERFLOW ERANGE ENOTTY UNKNOWN", "remark", /its time was not set \(E?[A-Z]+\)/],
	["chmod", "EINVAL ENOTSUP EOPNOTSUPP EPERM ENOSYS EACCES EROFS ENOTTY UNKNOWN", "remark", /its mode was not set \(E?[A-Z]+\)/],
	["sync", "EINVAL ENOTSUP EOPNOTSUPP ENOSYS EROFS EPERM EACCES EBADF ENOTTY", "remark", /cannot flush it to the disk \(E[A-Z]+\)/],
	["utimes", "EIO ENOTCONN ESTALE", "FAILED", /^cannot set its times: .*E[A-Z]+/],
	["chmod", "EIO ENOTCONN ESTALE", "FAILED", /^cannot set its mode: .*E[A-Z]+/],
	["sync", "EIO ESTALE ENOTCONN ENODEV", "FAILED", /^cannot flush it to the disk: .*E[A-Z]+/],
	["utimes", "ENOSPC EDQUOT", "DISK_FULL", /^cannot set its times: .*E[A-Z]+/],
	["chmod", "ENOSPC EDQUOT", "DISK_FULL", /^cannot set its mode: .*E[A-Z]+/],
	["sync", "ENOSPC EDQUOT", "DISK_FULL", /^cannot flush it to the disk: .*E[A-Z]+/],
	["write", "ENOSPC EDQUOT", "DISK_FULL", /^cannot write it: .*E[A-Z]+/],
	["write", "EFBIG", "TOO_LARGE", /^cannot write it: it is larger than the file system allows/],
	["write", "EIO EINVAL ESTALE ENOTCONN", "FAILED", /^cannot write it: .*E[A-Z]+/],
	["write", "EPERM EACCES EROFS", "NOT_WRITABLE", /^cannot write it: .*E[A-Z]+/],
	["close", "EIO ENOTCONN", "FAILED", /^cannot write it: .*E[A-Z]+/],
	["close", "ENOSPC EDQUOT", "DISK_FULL", /^cannot write it: .*E[A-Z]+/],
	["link", "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EMLINK EXDEV EINVAL EISDIR ENOTTY UNKNOWN", "silent"],
	["link and rename", "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EXDEV EINVAL", "silent"],
	["link, rename and chmod", "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS", "remark", /its mode was not set/],
	["link", "EIO", "FAILED", /^cannot give it its name: .*EIO/],
	["link", "ENOSPC EDQUOT", "DISK_FULL", /^cannot give it its name: .*E[A-Z]+/],
	["link", "ENAMETOOLONG", "NAME_UNSAFE", /^cannot give it its name: the name is too long/],
	["rename with --force", "EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EXDEV EINVAL EEXIST EBUSY", "silent"],
	["rename with --force", "EIO", "FAILED", /^cannot give it its name: .*EIO/],
	["rename with --force", "ENOSPC EDQUOT", "DISK_FULL", /^cannot give it its name/],
	["room", "ENOSYS EACCES EIO EOVERFLOW", "silent"],
	["create", "EACCES EPERM EROFS", "NOT_WRITABLE", /^cannot create it: .*E[A-Z]+/],
	["create", "ENOSPC EDQUOT", "DISK_FULL", /^cannot create it/],
	["create", "EINVAL EILSEQ ENAMETOOLONG ELOOP", "NAME_UNSAFE", /^cannot create it: .*E[A-Z]+/],
	["create", "EIO EMFILE ENFILE ENOENT", "FAILED", /^cannot create it: .*E[A-Z]+/],
];

for (const size of [10, 1_500_000]) {
	for (const [call, errnos, outcome, words] of TABLE) {
		test(`refusals: ${call} of a file of ${size} bytes: ${errnos} is ${outcome}`, async (t) => {
			const change = CALLS[call];
			assert.ok(change);
			for (const errno of errnos.split(" ")) {
				const { from, to } = await folders(t);
				const content = randomBytes(size);
				await writeFile(join(from, "f"), content);
				await utimes(join(from, "f"), 1_000, 1_000);
				const force = call.endsWith("--force");
				if (force) await writeFile(join(to, "f"), "old");
				const files = change(() => Promise.reject(systemError(errno)));
				const { sent, received } = await transfer([join(from, "f")], to, { files, force });
				const [there] = sent.outcomes;
				assert.deepEqual({ ...received.outcomes[0], remark: there?.remark }, { ...there, remark: there?.remark }, errno);
				if (outcome === "silent" || outcome === "remark") {
					assert.equal(there?.problem, undefined, `${errno}: ${there?.detail}`);
					assert.ok(content.equals(await readFile(join(to, "f"))));
					assert.match(there?.remark ?? "", words ?? /^$/, errno);
					assert.equal(received.outcomes[0]?.remark ?? "", there?.remark ?? "");
				} else {
					assert.equal(there?.problem, outcome, errno);
					assert.match(there?.detail ?? "", words ?? /^$/);
				}
				const left = await readdir(to);
				assert.ok(!left.some((name) => name.includes(".part-")), left.join());
				if (outcome !== "silent" && outcome !== "remark") assert.deepEqual(left, force ? ["f"] : []);
				if (force && outcome !== "silent") assert.equal(await readFile(join(to, "f"), "utf8"), "old");
			}
		});
	}
}

for (const way of ["link", "link and rename"]) {
	test(`refusals: without ${way} nothing is replaced, and two of one name are one file and one EXISTS`, async (t) => {
		const { from, to } = await folders(t);
		await mkdir(join(from, "a"));
		await mkdir(join(from, "b"));
		await writeFile(join(from, "a/same"), "first");
		await writeFile(join(from, "b/same"), "second");
		await writeFile(join(from, "mine"), "theirs");
		await writeFile(join(to, "mine"), "mine");
		const files = CALLS[way]?.(() => Promise.reject(systemError("ENOSYS"))) ?? NODE_FILE_SYSTEM;
		const transfers = await Promise.all([[join(from, "a/same")], [join(from, "b/same"), join(from, "mine")]].map((paths) => transfer(paths, to, { files })));
		const problems = transfers.flatMap(({ sent }) => sent.outcomes.map(({ problem }) => problem));
		assert.deepEqual(problems.sort(), ["EXISTS", "EXISTS", undefined]);
		assert.equal(await readFile(join(to, "mine"), "utf8"), "mine");
		assert.deepEqual((await readdir(to)).sort(), ["mine", "same"]);
	});
}

test("refusals: a name that appears between the look and the end is not replaced, whatever the file system can", async (t) => {
	for (const way of ["none", "link", "link and rename"]) {
		const { from, to } = await folders(t);
		await writeFile(join(from, "f"), "theirs");
		const base = CALLS[way]?.(() => Promise.reject(systemError("EPERM"))) ?? NODE_FILE_SYSTEM;
		const files: FileSystem = {
			...base,
			async open(path, flags, mode) {
				const file = await base.open(path, flags, mode);
				if (path.includes(".part-")) await writeFile(join(to, "f"), "mine", { flag: "wx" }).catch(() => undefined);
				return file;
			},
		};
		const { sent } = await transfer([join(from, "f")], to, { files });
		assert.equal(sent.outcomes[0]?.problem, "EXISTS", way);
		assert.equal(await readFile(join(to, "f"), "utf8"), "mine");
		assert.deepEqual(await readdir(to), ["f"]);
	}
});

test("refusals: a copy that fails in the end leaves nothing", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), randomBytes(700_000));
	const refuse: Failure = () => Promise.reject(systemError("ENOSYS"));
	for (const [errno, problem] of [
		["ENOSPC", "DISK_FULL"],
		["EIO", "FAILED"],
	] as const) {
		const files = withOpenFiles(
			(path, file): Partial<OpenFile> => (path.includes(".part-") ? {} : { write: () => file.stat().then(() => Promise.reject(systemError(errno))) }),
			{
				link: refuse,
				rename: refuse,
			},
		);
		const { sent } = await transfer([join(from, "f")], to, { files });
		assert.equal(sent.outcomes[0]?.problem, problem);
		assert.deepEqual(await readdir(to), []);
	}
});

test("refusals: a file system that takes no more bytes and says no error is a failure, not a wait for ever", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), "content");
	const { sent } = await transfer([join(from, "f")], to, { files: withOpenFiles(() => ({ write: async () => 0 })) });
	assert.match(sent.outcomes[0]?.detail ?? "", /takes no more bytes/);
	assert.deepEqual(await readdir(to), []);
});

test("refusals: writes that take a few bytes at a time still write all", async (t) => {
	const { from, to } = await folders(t);
	const content = randomBytes(300_000);
	await writeFile(join(from, "f"), content);
	const files = withOpenFiles((_, file) => ({ write: (buffer, offset, length, position) => file.write(buffer, offset, Math.min(length, 7_001), position) }));
	await transfer([join(from, "f")], to, { files });
	assert.ok(content.equals(await readFile(join(to, "f"))));
});

test("refusals: a file system that does not say how much room it has is not full", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), randomBytes(1_500_000));
	for (const [blocks, freeBytes, problem] of [
		[0, 0, undefined],
		[100, 1_000, "DISK_FULL"],
		[100, Number.NaN, undefined],
	] as const) {
		const files = fileSystem({ room: async () => ({ type: 0, blocks, freeBytes }) });
		const { sent } = await transfer([join(from, "f")], to, { files, force: true });
		assert.equal(sent.outcomes[0]?.problem, problem, `${blocks} ${freeBytes}`);
	}
});

test("refusals: a part file that cannot be removed is a remark, the file is there", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), "f");
	const { sent } = await transfer([join(from, "f")], to, { files: fileSystem({ unlink: () => Promise.reject(systemError("EPERM")) }) });
	assert.match(sent.outcomes[0]?.remark ?? "", /its part file could not be removed \(EPERM\)/);
	assert.equal(await readFile(join(to, "f"), "utf8"), "f");
});

test("refusals: making a directory", async (t) => {
	const table: readonly (readonly [errnos: string, problem: string, words: RegExp])[] = [
		["EACCES EPERM EROFS", "NOT_WRITABLE", /cannot make the directory: .*E[A-Z]+/],
		["ENOSPC EDQUOT", "DISK_FULL", /cannot make the directory: .*E[A-Z]+/],
		["EINVAL ENAMETOOLONG EILSEQ", "NAME_UNSAFE", /cannot make the directory: .*E[A-Z]+/],
		["EIO EMLINK ENOENT", "FAILED", /cannot make the directory: .*(EIO|EMLINK|ENOENT)/],
	];
	for (const [errnos, problem, words] of table) {
		for (const errno of errnos.split(" ")) {
			const { from, to } = await folders(t);
			await mkdir(join(from, "d/sub"), { recursive: true });
			await writeFile(join(from, "d/sub/f"), "f");
			await writeFile(join(from, "g"), "g");
			const files = fileSystem({ mkdir: () => Promise.reject(systemError(errno)) });
			const { sent, received } = await transfer([join(from, "d"), join(from, "g")], to, { files });
			assert.deepEqual(
				sent.problems(),
				[
					["d", problem],
					["d/sub", problem],
					["d/sub/f", problem],
					["g", undefined],
				],
				errno,
			);
			assert.deepEqual(received.problems(), sent.problems());
			for (const { name, detail } of sent.outcomes) if (name !== "g") assert.match(detail ?? "", words);
			assert.deepEqual(await readdir(to), ["g"]);
		}
	}
});

test("refusals: making a directory that is there already, whatever the system says of it", async (t) => {
	for (const errno of ["EEXIST", "EROFS", "EACCES", "EPERM", "EISDIR", "ENOSYS"]) {
		const { from, to } = await folders(t);
		await mkdir(join(from, "d"));
		await writeFile(join(from, "d/f"), "f");
		await mkdir(join(to, "d"));
		const { summary } = await transfer([join(from, "d")], to, { files: fileSystem({ mkdir: () => Promise.reject(systemError(errno)) }) });
		assert.equal(summary.failed, 0, errno);
	}
});

test("refusals: mode and time of a directory are remarks, a failing disk is a failure", async (t) => {
	for (const [errno, problem] of [
		["EPERM", undefined],
		["ENOSYS", undefined],
		["EINVAL", undefined],
		["EROFS", undefined],
		["EIO", "FAILED"],
		["ENOSPC", "DISK_FULL"],
	] as const) {
		const { from, to } = await folders(t);
		await mkdir(join(from, "d"));
		await writeFile(join(from, "d/f"), "f");
		const fail: Failure = () => Promise.reject(systemError(errno));
		const files = withOpenFiles((path) => (path.endsWith("/d") ? { chmod: fail, utimes: fail } : {}));
		const { sent } = await transfer([join(from, "d")], to, { files });
		const directory = sent.outcomes.find(({ name }) => name === "d");
		assert.equal(directory?.problem, problem, errno);
		if (problem === undefined) assert.match(directory?.remark ?? "", /its mode was not set .*; its time was not set/);
		assert.equal(await readFile(join(to, "d/f"), "utf8"), "f");
		assert.equal((await lstat(join(to, "d"))).mode & 0o777, 0o700);
	}
});
