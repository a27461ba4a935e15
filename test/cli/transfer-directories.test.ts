/** Directories, modes and times at the receiver. */

import assert from "node:assert/strict";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ReceiveOptions } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { facts, fileSystem, folders, NODE_FILE_SYSTEM, transfer, withOpenFiles } from "./transfer-fixture.ts";

async function modeOf(path: string): Promise<string> {
	return ((await lstat(path)).mode & 0o7777).toString(8);
}

test("directories: empty ones exist at the receiver, at any depth, and count", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "only/empty/deep/deeper"), { recursive: true });
	await mkdir(join(from, "only/other"));
	const { summary, sent, received } = await transfer([join(from, "only")], to);
	assert.deepEqual(summary, { files: 0, directories: 5, bytes: 0, identical: 0, failed: 0 });
	assert.deepEqual(received.problems(), sent.problems());
	assert.deepEqual(await readdir(join(to, "only/empty/deep/deeper")), []);
	assert.deepEqual((await readdir(join(to, "only"))).sort(), ["empty", "other"]);
});

test("directories: as deep as names allow; what is deeper is named once, the rest arrives", async (t) => {
	const { from, to } = await folders(t);
	const path = (depth: number): string => Array.from({ length: depth }, () => "d").join("/");
	await mkdir(join(from, path(80)), { recursive: true });
	await writeFile(join(from, path(10), "leaf"), "leaf");
	const { summary, sent } = await transfer([join(from, "d")], to);
	assert.deepEqual([summary.files, summary.directories, summary.failed], [1, 64, 1]);
	assert.deepEqual(
		sent.problems().filter(([, problem]) => problem !== undefined),
		[[path(65), "NAME_UNSAFE"]],
	);
	assert.equal(await readFile(join(to, path(10), "leaf"), "utf8"), "leaf");
});

test("directories: one that exists is taken, keeps its mode and time, and what is in it stays", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d"));
	await writeFile(join(from, "d/new"), "new");
	await chmod(join(from, "d"), 0o750);
	await mkdir(join(to, "d"));
	await chmod(join(to, "d"), 0o711);
	await writeFile(join(to, "d/old"), "old");
	const { summary } = await transfer([join(from, "d")], to);
	assert.equal(summary.failed, 0);
	assert.deepEqual((await readdir(join(to, "d"))).sort(), ["new", "old"]);
	assert.equal(await modeOf(join(to, "d")), "711");
});

test("directories: a file or a link in the place of one refuses it and what is in it, the others arrive", async (t) => {
	for (const make of [(path: string) => writeFile(path, "file"), (path: string) => symlink("/tmp", path)]) {
		const { from, to } = await folders(t);
		await mkdir(join(from, "d/sub"), { recursive: true });
		await writeFile(join(from, "d/sub/f"), "f");
		await writeFile(join(from, "e"), "e");
		await make(join(to, "d"));
		const { sent, received } = await transfer([join(from, "d"), join(from, "e")], to);
		const problem = sent.problems()[0]?.[1];
		assert.match(problem ?? "", /EXISTS|NAME_UNSAFE/);
		assert.deepEqual(
			sent.problems().filter(([name]) => name === "e"),
			[["e", undefined]],
		);
		assert.ok(sent.problems().every(([name, found]) => name === "e" || found === problem));
		assert.deepEqual(received.problems(), sent.problems());
		assert.ok(!(await lstat(join(to, "d"))).isDirectory());
	}
});

test("directories: one that cannot be listed is named, is not made, and the others arrive", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d/closed"), { recursive: true });
	await writeFile(join(from, "d/f"), "f");
	for (const errno of ["EACCES", "EIO", "EINVAL", "ENOTCONN"]) {
		const files = fileSystem({
			list: (path) => (path.endsWith("closed") ? Promise.reject(Object.assign(new Error(errno), { code: errno })) : NODE_FILE_SYSTEM.list(path)),
		});
		const { sent } = await transfer([join(from, "d")], to, { force: true }, { files });
		assert.deepEqual(sent.problems(), [
			["d", undefined],
			["d/closed", "UNREADABLE"],
			["d/f", undefined],
		]);
		assert.match(sent.outcomes.find(({ name }) => name === "d/closed")?.detail ?? "", new RegExp(`cannot list the directory: .*${errno}`));
		assert.deepEqual(await readdir(join(to, "d")), ["f"]);
	}
});

/** Mode at the sender, umask of the receiver, mode at the receiver. */
const MODES: readonly (readonly [mode: number, umask: number, expected: string])[] = [
	[0o700, 0o022, "700"],
	[0o755, 0o022, "755"],
	[0o777, 0o022, "755"],
	[0o777, 0o077, "700"],
	[0o777, 0o000, "777"],
	[0o750, 0o027, "750"],
	[0o500, 0o022, "500"],
	[0o555, 0o022, "555"],
	[0o000, 0o022, "0"],
	[0o111, 0o022, "111"],
	[0o400, 0o022, "400"],
	[0o644, 0o022, "644"],
	[0o666, 0o002, "664"],
	[0o4755, 0o022, "755"],
	[0o2755, 0o022, "755"],
	[0o1777, 0o022, "755"],
	[0o7777, 0o000, "777"],
];
for (const [mode, umask, expected] of MODES) {
	test(`modes: ${mode.toString(8)} with umask ${umask.toString(8)} becomes ${expected}, of a small file, a large one and a directory`, async (t) => {
		const { from, to } = await folders(t);
		await mkdir(join(from, "d"));
		await writeFile(join(from, "d/small"), "small");
		await writeFile(join(from, "d/large"), Buffer.alloc(400_000));
		await mkdir(join(from, "d/dir/in"), { recursive: true });
		await writeFile(join(from, "d/dir/in/f"), "f");
		// By a look that lies: only root could read what has mode 0.
		const look = async (path: string) => {
			const found = await NODE_FILE_SYSTEM.lstat(path);
			return /small|large|dir$/.test(path) ? facts(found, { mode: (found.mode & ~0o7777n) | BigInt(mode) }) : found;
		};
		const files = withOpenFiles((path, file) => ({ stat: async () => (/small|large/.test(path) ? look(path) : file.stat()) }), { lstat: look });
		const { summary } = await transfer([join(from, "d")], to, { umask }, { files });
		assert.equal(summary.failed, 0);
		for (const name of ["small", "large", "dir"]) assert.equal(await modeOf(join(to, "d", name)), expected, name);
		await chmod(join(to, "d/dir"), 0o700);
		assert.equal(await readFile(join(to, "d/dir/in/f"), "utf8"), "f");
	});
}

test("modes: files and directories are for their owner only until they are whole", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d"));
	await writeFile(join(from, "d/f"), Buffer.alloc(600_000));
	await chmod(join(from, "d"), 0o777);
	await chmod(join(from, "d/f"), 0o666);
	const seen: string[] = [];
	const files = withOpenFiles((path, file) => ({
		async write(buffer, offset, length, position) {
			seen.push(await modeOf(path), await modeOf(join(to, "d")));
			return file.write(buffer, offset, length, position);
		},
	}));
	await transfer([join(from, "d")], to, { files, umask: 0 });
	assert.deepEqual([...new Set(seen)].sort(), ["600", "700"]);
	assert.deepEqual([await modeOf(join(to, "d")), await modeOf(join(to, "d/f"))], ["777", "666"]);
});

test("modes: where the sender has none, what arrives is private", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d"));
	await writeFile(join(from, "d/f"), "f");
	await writeFile(join(from, "d/large"), Buffer.alloc(400_000));
	await transfer([join(from, "d")], to, { umask: 0 }, { files: fileSystem({ hasModes: false }) });
	assert.deepEqual([await modeOf(join(to, "d")), await modeOf(join(to, "d/f")), await modeOf(join(to, "d/large"))], ["700", "600", "600"]);
});

test("modes: whom the sender's directory keeps out, its files keep out where that directory was there and is open", async (t) => {
	const table = [
		[0o700, "600", "700"],
		[0o750, "640", "750"],
		[0o705, "604", "705"],
		[0o711, "644", "755"],
		[0o755, "644", "755"],
	] as const;
	for (const [mode, file, directory] of table) {
		const { from, to } = await folders(t);
		await mkdir(join(from, "d/sub"), { recursive: true });
		await writeFile(join(from, "d/f"), "f");
		await writeFile(join(from, "d/sub/f"), "f");
		for (const path of ["d/f", "d/sub/f"]) await chmod(join(from, path), 0o644);
		await chmod(join(from, "d/sub"), 0o755);
		await chmod(join(from, "d"), mode);
		await mkdir(join(to, "d"));
		await chmod(join(to, "d"), 0o755);
		await transfer([join(from, "d")], to, { umask: 0 });
		assert.deepEqual([await modeOf(join(to, "d")), await modeOf(join(to, "d/f")), await modeOf(join(to, "d/sub"))], ["755", file, directory], mode.toString(8));
	}
});

test("modes: a file that replaces another has the sender's mode, not the old one", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), "new");
	await chmod(join(from, "f"), 0o600);
	await writeFile(join(to, "f"), "old");
	await chmod(join(to, "f"), 0o666);
	await transfer([join(from, "f")], to, { force: true, umask: 0 });
	assert.equal(await modeOf(join(to, "f")), "600");
});

test("directories: mode and time are set when many files and directories in it are in place", async (t) => {
	const { from, to } = await folders(t);
	for (let branch = 0; branch < 10; branch += 1) {
		const path = join(from, "d", `b${branch}`, "c");
		await mkdir(path, { recursive: true });
		for (let leaf = 0; leaf < 20; leaf += 1) await writeFile(join(path, `f${leaf}`), "x");
		await utimes(path, 1, 1_000 + branch);
		await chmod(path, 0o555);
		await utimes(join(path, ".."), 1, 2_000 + branch);
	}
	await utimes(join(from, "d"), 1, 3_000);
	const { summary } = await transfer([join(from, "d")], to);
	assert.deepEqual([summary.files, summary.directories, summary.failed], [200, 21, 0]);
	assert.equal((await stat(join(to, "d"))).mtimeMs, 3_000_000);
	for (let branch = 0; branch < 10; branch += 1) {
		assert.equal((await stat(join(to, "d", `b${branch}`))).mtimeMs, (2_000 + branch) * 1_000);
		assert.equal((await stat(join(to, "d", `b${branch}/c`))).mtimeMs, (1_000 + branch) * 1_000);
		assert.equal(await modeOf(join(to, "d", `b${branch}/c`)), "555");
	}
});

/** Time at the sender in nanoseconds, and what the receiver has; `undefined`: left out, with a remark. */
const TIMES: readonly (readonly [what: string, mtimeNs: bigint, expectedMs: number | undefined])[] = [
	["1970", 0n, 0],
	["just before 1970", -1_000_000n, -1],
	["1969, between milliseconds", -1_500_500_000n, -1_501],
	["1902", -2_145_916_800_000_000_000n, -2_145_916_800_000],
	["now, between milliseconds", 1_700_000_000_123_456_789n, 1_700_000_000_123],
	["2038", 2_147_483_648_000_000_000n, 2_147_483_648_000],
	["one second after the last date", 8_640_000_000_001_000_000_000n, undefined],
	["one second before the first date", -8_640_000_000_001_000_000_000n, undefined],
	["the last second that 64 bits hold", (2n ** 63n - 1n) * 1_000_000_000n, undefined],
	["the first second that 64 bits hold", -(2n ** 63n) * 1_000_000_000n, undefined],
];
for (const [what, mtimeNs, expectedMs] of TIMES) {
	test(`times: ${what} is kept, or left out with a remark, for a file and a directory, and the others arrive as they are`, async (t) => {
		const { from, to } = await folders(t);
		await mkdir(join(from, "d/odd"), { recursive: true });
		await writeFile(join(from, "d/odd-file"), "odd");
		await writeFile(join(from, "d/plain"), "plain");
		await utimes(join(from, "d/plain"), 5, 5);
		const beganMs = Date.now() - 60_000;
		const look = async (path: string) => {
			const found = await NODE_FILE_SYSTEM.lstat(path);
			return path.includes("odd") ? facts(found, { mtimeNs }) : found;
		};
		const files = withOpenFiles((path) => ({ stat: () => look(path) }), { lstat: look });
		const { summary, sent } = await transfer([join(from, "d")], to, {}, { files });
		assert.deepEqual([summary.files, summary.directories, summary.failed], [2, 2, 0]);
		for (const name of ["odd", "odd-file"]) {
			const found = (await stat(join(to, "d", name))).mtimeMs;
			const remark = sent.outcomes.find((outcome) => outcome.name === `d/${name}`)?.remark ?? "";
			if (expectedMs === undefined) {
				assert.ok(found >= beganMs && found <= Date.now() + 60_000);
				assert.match(remark, /its time is left out/);
			} else {
				assert.equal(Math.floor(found), expectedMs, name);
				assert.equal(remark, "");
			}
		}
		assert.equal((await stat(join(to, "d/plain"))).mtimeMs, 5_000);
	});
}

test("times: tmpfs can have one that no date has, and then the whole tree still arrives", async (t) => {
	const place = await mkdtemp("/dev/shm/conec-times-").catch(() => undefined);
	if (place === undefined) return t.skip("this machine has no /dev/shm");
	t.after(() => rm(place, { recursive: true, force: true }));
	const { to } = await folders(t);
	await writeFile(join(place, "f"), "f");
	await utimes(join(place, "f"), 1, 8_640_000_000_001);
	if ((await lstat(join(place, "f"), { bigint: true })).mtimeMs <= 8_640_000_000_000_000n) return t.skip("/dev/shm does not keep such a time");
	const { summary } = await transfer([place], to);
	assert.deepEqual([summary.files, summary.failed], [1, 0]);
});

test("receiving: a directory that is full of directories keeps to the order of verdicts also when a child fails", async (t: TestContext) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d/e"), { recursive: true });
	await writeFile(join(from, "d/e/f"), "f");
	await writeFile(join(from, "d/e/g"), "g");
	await mkdir(join(to, "d/e"), { recursive: true });
	await writeFile(join(to, "d/e/f"), "mine");
	const options: Partial<ReceiveOptions> = { force: false };
	const { sent } = await transfer([join(from, "d")], to, options);
	assert.deepEqual(sent.problems(), [
		["d", undefined],
		["d/e", undefined],
		["d/e/f", "EXISTS"],
		["d/e/g", undefined],
	]);
});
