import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeDirectory } from "../packages/conec/src/files/make-directory.ts";
import { writeAtomically } from "../packages/conec/src/files/write-atomically.ts";
import { temporary } from "../packages/conec/testing/temporary.ts";
import { failing, NO_LINKS } from "./fault-fixture.ts";

for (const code of NO_LINKS) {
	test(`write: hard links that are refused with ${code} are done without, and nothing is replaced`, async (t) => {
		const directory = await temporary(t);
		const path = join(directory, "file");
		await failing(t, "link", code);
		assert.equal(await writeAtomically(path, "one", "create"), true);
		assert.equal(await writeAtomically(path, "two", "create"), false);
		assert.equal(await readFile(path, "utf8"), "one");
		assert.equal(await writeAtomically(path, "three", "replace"), true);
		assert.equal(await readFile(path, "utf8"), "three");
		assert.deepEqual(await readdir(directory), ["file"]);
	});
}

for (const code of ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EROFS", "EPERM", "EACCES", "EBADF"]) {
	test(`write: flushing that is refused with ${code} is done without`, async (t) => {
		const path = join(await temporary(t), "file");
		await failing(t, "sync", code);
		assert.equal(await writeAtomically(path, "one", "create"), true);
		assert.equal(await readFile(path, "utf8"), "one");
	});
}

const SERIOUS = [
	["sync", "EIO"],
	["sync", "ENOSPC"],
	["sync", "EDQUOT"],
	["link", "EIO"],
	["link", "ENOSPC"],
	["rename", "EIO"],
	["rename", "ENOSPC"],
] as const;
for (const [call, code] of SERIOUS) {
	test(`write: ${code} of ${call} is a failure, what was there stays, and nothing is left beside it`, async (t) => {
		const directory = await temporary(t);
		const [path, other] = [join(directory, "file"), join(directory, "other")];
		await writeFile(path, "before");
		await failing(t, call, code);
		await assert.rejects(writeAtomically(call === "link" ? other : path, "after", call === "link" ? "create" : "replace"), { code });
		assert.equal(await readFile(path, "utf8"), "before");
		assert.deepEqual(await readdir(directory), ["file"]);
	});
}

test("make directory: what is there is left as it is, what is missing is made, and nothing goes on for ever", async (t) => {
	const directory = await temporary(t);
	await makeDirectory(join(directory, "a", "b", "c"), 0o700);
	if (process.platform !== "win32") assert.equal((await stat(join(directory, "a", "b"))).mode & 0o777, 0o700);
	await makeDirectory(join(directory, "a"), 0o700);
	await writeFile(join(directory, "file"), "");
	await assert.rejects(makeDirectory(join(directory, "file"), 0o700), { code: "EEXIST" });
	await assert.rejects(makeDirectory(join(directory, "file", "below"), 0o700), { code: "ENOTDIR" });
	if (process.platform === "linux") await assert.rejects(makeDirectory("/proc/none/deeper", 0o700), { code: "ENOENT" });
	await Promise.all(Array.from({ length: 10 }, () => makeDirectory(join(directory, "x", "y", "z"), 0o700)));
});

for (const code of ["EROFS", "EACCES", "EPERM", "ENOTSUP", "EEXIST"]) {
	test(`make directory: one that is there is good, also where making it is answered with ${code}`, async (t) => {
		const directory = await temporary(t);
		await failing(t, "mkdir", code);
		await makeDirectory(directory, 0o700);
		await assert.rejects(makeDirectory(join(directory, "new"), 0o700), { code });
	});
}
