/** Whom the sender's directories keep out, what is sent keeps out, also where those directories are not sent. */

import assert from "node:assert/strict";
import { chmod, mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileSystem, folders, NODE_FILE_SYSTEM, systemError, transfer } from "./transfer-fixture.ts";

const NO_MODES = process.platform === "win32" ? "there are no permission bits" : false;

interface Place {
	readonly from: string;
	readonly to: string;
	/** Permission bits of what arrived. */
	readonly arrived: (name: string) => Promise<string>;
}

/** `above/key`, `above/big` and `above/dir/key` with mode 0666 (directories 0777) below a directory of that mode, and `tree` with links to them. */
async function place(t: TestContext, above: number): Promise<Place> {
	const { from, to } = await folders(t);
	const make = async (path: string, mode: number, bytes?: number): Promise<void> => {
		if (bytes === undefined) await mkdir(join(from, path));
		else await writeFile(join(from, path), Buffer.alloc(bytes));
		await chmod(join(from, path), mode);
	};
	await make("above", 0o777);
	await make("above/key", 0o666, 10);
	await make("above/big", 0o666, 600_000);
	await make("above/dir", 0o777);
	await make("above/dir/key", 0o666, 10);
	await make("above/dir/below", 0o777);
	await make("above/dir/below/key", 0o666, 10);
	await make("tree", 0o777);
	await make("tree/plain", 0o666, 10);
	for (const name of ["key", "big", "dir"]) await symlink(join("..", "above", name), join(from, "tree", `to-${name}`));
	await chmod(join(from, "above"), above);
	return { from, to, arrived: async (name) => ((await stat(join(to, name))).mode & 0o777).toString(8) };
}

for (const [above, file, directory] of [
	[0o755, "666", "777"],
	[0o711, "666", "777"],
	[0o750, "660", "770"],
	[0o754, "660", "770"],
	[0o701, "606", "707"],
	[0o700, "600", "700"],
	[0o744, "600", "700"],
] as const) {
	test(`reach: below a directory of mode ${above.toString(8)} a file of 666 is sent as ${file}, named or behind a link`, { skip: NO_MODES }, async (t) => {
		const { from, to, arrived } = await place(t, above);
		await transfer(
			["above/key", "above/big", "above/dir"].map((path) => join(from, path)),
			to,
			{ umask: 0 },
		);
		for (const name of ["key", "big", "dir/key", "dir/below/key"]) assert.equal(await arrived(name), file, name);
		for (const name of ["dir", "dir/below"]) assert.equal(await arrived(name), directory, name);
		await transfer([join(from, "tree")], to, { umask: 0 }, { links: "follow" });
		for (const name of ["to-key", "to-big", "to-dir/key", "to-dir/below/key"]) assert.equal(await arrived(`tree/${name}`), file, name);
		for (const name of ["to-dir", "to-dir/below"]) assert.equal(await arrived(`tree/${name}`), directory, name);
		assert.deepEqual([await arrived("tree"), await arrived("tree/plain")], ["777", "666"], "what is open stays open");
		// The directory itself keeps people out when it is sent.
		await transfer([join(from, "above")], to, { umask: 0 });
		assert.deepEqual([await arrived("above"), await arrived("above/key")], [above.toString(8), "666"]);
	});
}

test("reach: a link named on the command line, and one to a place in the tree that keeps others out", { skip: NO_MODES }, async (t) => {
	const { from, to, arrived } = await place(t, 0o700);
	await transfer([join(from, "tree/to-key")], to, { umask: 0 });
	assert.equal(await arrived("to-key"), "600");
	await symlink("above/key", join(from, "inside"));
	await transfer([from], to, { umask: 0 }, { links: "follow" });
	assert.equal(await arrived("from/inside"), "600");
});

test("reach: a directory far above counts, too", { skip: NO_MODES }, async (t) => {
	const { from, to, arrived } = await place(t, 0o755);
	await chmod(from, 0o710);
	await transfer([join(from, "above/dir/below/key")], to, { umask: 0 });
	assert.equal(await arrived("key"), "660");
});

for (const call of ["stat", "realpath"] as const) {
	test(`reach: where the directories above cannot be looked at (${call}), what is sent is private`, { skip: NO_MODES }, async (t) => {
		const { from, to, arrived } = await place(t, 0o755);
		const files = fileSystem({
			[call]: (path: string) => (call === "stat" && /key|dir/.test(path) ? NODE_FILE_SYSTEM.stat(path) : Promise.reject(systemError("EACCES"))),
		});
		await transfer(
			["above/key", "above/dir"].map((path) => join(from, path)),
			to,
			{ umask: 0 },
			{ files },
		);
		assert.deepEqual([await arrived("key"), await arrived("dir"), await arrived("dir/below/key")], ["600", "700", "600"]);
	});
}
