/** What `read` gives until its end is the content, whatever `stat` says. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { lstat, readdir, readFile, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { type FileSystem, mountTypeIn } from "../../packages/conec/src/cli/transfer/ground/file-system.ts";
import { countSources } from "../../packages/conec/src/cli/transfer/reading/source-files.ts";
import { facts, fileSystem, folders, NODE_FILE_SYSTEM, Recorder, systemError, transfer, withOpenFiles } from "./transfer-fixture.ts";

/** A file system on which `stat` says that size, with a path and with a handle. */
function saying(size: bigint, kind: number = 0xef53): FileSystem {
	const lie = async (path: string) => {
		const found = await NODE_FILE_SYSTEM.stat(path);
		return found.isFile() ? facts(found, { size }) : found;
	};
	return withOpenFiles((_, file) => ({ stat: async () => facts(await file.stat(), { size }) }), {
		stat: lie,
		lstat: lie,
		room: async () => ({ type: kind, blocks: 1, freeBytes: 1 }),
	});
}

const EXT4 = 0xef53;
const PROC = 0x9fa0;
const FUSE = 0x65735546;

const LIES: readonly (readonly [said: number, real: number, kind: number])[] = [
	[0, 5_000, PROC],
	[0, 0, PROC],
	[0, 64 * 1_024, PROC],
	[0, 64 * 1_024 + 1, PROC],
	[0, 3_000_000, PROC],
	[4_096, 5, 0x62656572],
	[4_096, 100_000, 0x62656572],
	[100, 5_000, FUSE],
	[100, 1_000_000, FUSE],
	[5_000, 100, FUSE],
	[1_000_000, 100, FUSE],
	[1_000_000, 0, FUSE],
	[1_000_000, 999_999, FUSE],
	[1_000_000, 3_000_000, FUSE],
	[0, 300_000, EXT4],
	[65_536, 65_537, EXT4],
	[65_537, 65_536, EXT4],
	[262_144, 262_145, EXT4],
];
for (const [said, real, kind] of LIES) {
	test(`content: ${real} bytes arrive where stat says ${said} (file system 0x${kind.toString(16)})`, async (t) => {
		const { from, to } = await folders(t);
		const content = randomBytes(real);
		await writeFile(join(from, "f"), content);
		const { summary, sent, received } = await transfer([join(from, "f")], to, {}, { files: saying(BigInt(said), kind) });
		assert.deepEqual(summary, { files: 1, directories: 0, bytes: real, identical: 0, failed: 0 });
		assert.ok(content.equals(await readFile(join(to, "f"))));
		assert.deepEqual([sent.outcomes[0]?.size, received.outcomes[0]?.size, sent.bytes, received.bytes], [real, real, real, real]);
	});
}

test("content: sizes beyond what a number can hold, and negative ones, are not known", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), "content");
	for (const said of [-1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n]) {
		await transfer([join(from, "f")], to, { force: true }, { files: saying(said) });
		assert.equal(await readFile(join(to, "f"), "utf8"), "content", String(said));
	}
});

test("content: a size that grows to what was read between two looks was an old answer, no change", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), randomBytes(5_000));
	let looks = 0;
	const files = withOpenFiles((_, file) => ({ stat: async () => facts(await file.stat(), looks++ === 0 ? { size: 100n } : {}) }));
	const { summary } = await transfer([join(from, "f")], to, {}, { files });
	assert.equal(summary.bytes, 5_000);
});

test("content: a file system that gives the present time as time of modification: its files are never changed", async (t) => {
	for (const [type, mount, problem] of [
		[PROC, undefined, undefined],
		[FUSE, "fuse.lxcfs", undefined],
		[FUSE, "fuse.sshfs", "CHANGED"],
		[EXT4, undefined, "CHANGED"],
	] as const) {
		const { from, to } = await folders(t);
		for (const size of [100, 500_000]) {
			await writeFile(join(from, "f"), randomBytes(size));
			let now = 1_000_000_000_000_000_000n;
			const later = (): bigint => {
				now += 1_000n;
				return now;
			};
			const files = withOpenFiles((_, file) => ({ stat: async () => facts(await file.stat(), { mtimeNs: later() }) }), {
				room: async () => ({ type, blocks: 0, freeBytes: 0 }),
				mountType: async () => mount,
			});
			const { sent } = await transfer([join(from, "f")], to, { force: true }, { files });
			assert.equal(sent.outcomes[0]?.problem, problem, `${type} ${mount} ${size}`);
		}
	}
});

test("content: the type of a mount by device number", () => {
	const mountinfo = [
		"22 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard",
		"40 22 0:50 /proc/cpuinfo /proc/cpuinfo rw,nosuid - fuse.lxcfs lxcfs rw,user_id=0",
		"41 22 4095:1048575 / /far rw - fuse.sshfs anna@host: rw",
		"torn",
		"",
	].join("\n");
	const device = (major: bigint, minor: bigint): bigint => ((major & 0xfffn) << 8n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n) | ((major & ~0xfffn) << 32n);
	assert.equal(mountTypeIn(mountinfo, device(253n, 1n)), "ext4");
	assert.equal(mountTypeIn(mountinfo, device(0n, 50n)), "fuse.lxcfs");
	assert.equal(mountTypeIn(mountinfo, device(4_095n, 1_048_575n)), "fuse.sshfs");
	assert.equal(mountTypeIn(mountinfo, device(9n, 9n)), undefined);
	assert.equal(mountTypeIn("", 1n), undefined);
});

test("content: the mount that a file of this machine is on is found by its device number", async (t) => {
	const dev = await lstat("/proc/version", { bigint: true }).then(
		(found) => found.dev,
		() => undefined,
	);
	if (dev === undefined) return t.skip("this machine has no /proc");
	assert.match((await NODE_FILE_SYSTEM.mountType(dev)) ?? "", /^(proc|fuse\.lxcfs)$/);
});

/** How a file changes between opening and end, and what is said. */
const CHANGES: readonly (readonly [what: string, change: (path: string) => Promise<void>, words: RegExp])[] = [
	["grows", (path) => writeFile(path, "more", { flag: "a" }), /size changed from \d+ to \d+ bytes/],
	["is emptied", (path) => truncate(path, 0), /size changed/],
	["is written over", (path) => writeFile(path, "X", { flag: "r+" }), /it was written to/],
];
for (const size of [1_000, 3_000_000]) {
	for (const [what, change, words] of CHANGES) {
		test(`content: a file of ${size} bytes that ${what} while it is read is named as changed, the next one arrives`, async (t) => {
			const { from, to } = await folders(t);
			await writeFile(join(from, "f"), randomBytes(size));
			await writeFile(join(from, "next"), "next");
			let changed = false;
			const files = withOpenFiles((path, file) => ({
				async read(buffer, offset, length) {
					const count = await file.read(buffer, offset, length);
					if (path.endsWith("/f") && !changed) {
						changed = true;
						// The clock of the file system may be coarse.
						await new Promise((resolve) => setTimeout(resolve, 20));
						await change(path);
					}
					return count;
				},
			}));
			const { sent, received } = await transfer([join(from, "f"), join(from, "next")], to, {}, { files });
			for (const end of [sent, received])
				assert.deepEqual(end.problems(), [
					["f", "CHANGED"],
					["next", undefined],
				]);
			assert.match(sent.outcomes.find(({ name }) => name === "f")?.detail ?? "", words);
			assert.deepEqual(await readdir(to), ["next"]);
		});
	}
}

/** Where reading fails: the call, the codes, and what is said. */
const READ_FAILURES: readonly (readonly [call: "open" | "stat" | "read" | "later read" | "look", errnos: string, words: RegExp])[] = [
	["open", "EACCES EPERM EIO ENXIO ENODEV ESTALE EMFILE EINVAL ELOOP ENOENT ETXTBSY", /^cannot open it: .*E[A-Z]+/],
	["stat", "EIO ESTALE ENOTCONN", /^cannot look at it: .*E[A-Z]+/],
	["read", "EIO EINVAL EAGAIN EPERM EACCES ENODATA ENOTCONN ETIMEDOUT EISDIR EOPNOTSUPP", /^cannot read it: .*E[A-Z]+/],
	["later read", "EIO EINVAL ESTALE ENOTCONN", /^cannot read it at byte 1000: .*E[A-Z]+/],
	["look", "EACCES EIO ENOTCONN ELOOP ENAMETOOLONG ENOENT", /E[A-Z]+|no such file/],
];
for (const size of [2_000, 600_000]) {
	for (const [call, errnos, words] of READ_FAILURES) {
		test(`content: ${call} that fails on a file of ${size} bytes names that file with its errno, the others arrive`, async (t) => {
			for (const errno of errnos.split(" ")) {
				const { from, to } = await folders(t);
				await writeFile(join(from, "bad"), randomBytes(size));
				await writeFile(join(from, "good"), "good");
				const fail = async (): Promise<never> => Promise.reject(systemError(errno));
				let reads = 0;
				const opened = withOpenFiles((path, file) => {
					if (!path.endsWith("/bad")) return {};
					if (call === "stat") return { stat: fail };
					if (call === "read") return { read: fail };
					if (call !== "later read") return {};
					return { read: (buffer, offset, length) => (reads++ === 0 ? file.read(buffer, offset, Math.min(length, 1_000)) : fail()) };
				});
				const files = fileSystem({
					open: (path, flags, mode) => (call === "open" && path.endsWith("/bad") ? fail() : opened.open(path, flags, mode)),
					stat: (path) => (call === "look" && path.endsWith("/bad") ? fail() : NODE_FILE_SYSTEM.stat(path)),
				});
				const { sent, received, summary } = await transfer([join(from, "bad"), join(from, "good")], to, {}, { files });
				for (const end of [sent, received])
					assert.deepEqual(
						end.problems(),
						[
							["bad", "UNREADABLE"],
							["good", undefined],
						],
						errno,
					);
				assert.match(sent.outcomes.find(({ name }) => name === "bad")?.detail ?? "", words);
				assert.deepEqual([summary.files, summary.failed], [1, 1]);
				assert.deepEqual(await readdir(to), ["good"]);
			}
		});
	}
}

test("content: a read that fails while the bytes before it are still being sent is no error of the process", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "bad"), randomBytes(2_000_000));
	let reads = 0;
	const files = withOpenFiles((_, file) => ({
		read: (buffer, offset, length) => (++reads > 3 ? Promise.reject(systemError("EIO")) : file.read(buffer, offset, length)),
	}));
	const { sent } = await transfer([join(from, "bad")], to, {}, { files });
	assert.deepEqual(sent.problems(), [["bad", "UNREADABLE"]]);
});

test("content: --max-bytes counts as it comes where the size is a lie or not known, and what fits still arrives", async (t) => {
	for (const real of [5_000, 2_000_000]) {
		const { from, to } = await folders(t);
		await writeFile(join(from, "f"), randomBytes(real));
		await writeFile(join(from, "small"), randomBytes(900));
		for (const said of [0n, 100n]) {
			const { sent, received } = await transfer([join(from, "f"), join(from, "small")], to, { maxBytes: 1_000, force: true }, { files: saying(said, PROC) });
			for (const end of [sent, received])
				assert.deepEqual(end.problems(), [
					["f", "TOO_LARGE"],
					["small", undefined],
				]);
			assert.deepEqual(await readdir(to), ["small"]);
		}
	}
});

/** Real members of the kind; each must say something else by `stat` than by `read`. */
const REAL = [
	"/proc/version",
	"/proc/self/status",
	"/proc/cpuinfo",
	"/proc/self/maps",
	"/sys/kernel/mm/transparent_hugepage/enabled",
	"/sys/fs/cgroup/cpu/cpu.shares",
	"/sys/class/net/lo/mtu",
];
for (const path of REAL) {
	test(`content: ${path} arrives`, async (t) => {
		const real = await readFile(path, "utf8").catch(() => undefined);
		if (real === undefined) return t.skip(`this machine has no ${path}`);
		assert.notEqual((await lstat(path)).size, real.length);
		const { to } = await folders(t);
		const { summary, received } = await transfer([path], to);
		assert.deepEqual([summary.files, summary.failed], [1, 0]);
		const name = received.outcomes[0]?.name ?? "";
		const copy = await readFile(join(to, name), "utf8");
		assert.equal(copy.slice(0, 20), real.slice(0, 20));
		assert.ok(copy.length > 0 && !copy.includes("\0"));
	});
}

test("content: files of /proc that cannot be read are named with their errno", async (t) => {
	const found = await readFile("/proc/self/mem").then(
		() => "readable",
		(error: unknown) => (error as { code: string }).code,
	);
	if (found !== "EIO") return t.skip(`/proc/self/mem gives ${found} here`);
	const { to } = await folders(t);
	const { sent } = await transfer(["/proc/self/mem", "/proc/version"], to);
	assert.deepEqual(sent.problems(), [
		["mem", "UNREADABLE"],
		["version", undefined],
	]);
	assert.match(sent.outcomes.find(({ name }) => name === "mem")?.detail ?? "", /cannot read it: input\/output error \(EIO\)/);
});

test("content: the total is not known as soon as one size is not", async (t) => {
	const { from } = await folders(t);
	await writeFile(join(from, "a"), "1234");
	await writeFile(join(from, "b"), "");
	const { signal } = new AbortController();
	assert.deepEqual(await countSources([from], "skip", NODE_FILE_SYSTEM, signal), { files: 2, bytes: 4 });
	assert.deepEqual(await countSources([from], "skip", saying(7n, PROC), signal), { files: 2, bytes: undefined });
	assert.deepEqual(await countSources([from], "skip", saying(0n, FUSE), signal), { files: 2, bytes: undefined });
	assert.deepEqual(await countSources([from], "skip", saying(7n, FUSE), signal), { files: 2, bytes: 14 });
	const unknown = fileSystem({ room: () => Promise.reject(systemError("ENOSYS")) });
	assert.deepEqual(await countSources([join(from, "b")], "skip", unknown, signal), { files: 1, bytes: undefined });
	if (((await statfs("/proc").catch(() => undefined))?.type ?? 0) === PROC)
		assert.deepEqual(await countSources(["/proc/version", from], "skip", NODE_FILE_SYSTEM, signal), { files: 3, bytes: undefined });
});

test("content: pipes, sockets and devices are refused by name, and nothing waits for a writer", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "file"), "file");
	execFileSync("mkfifo", [join(from, "pipe")]);
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(join(from, "socket"), resolve));
	t.after(() => server.close());
	const { sent, received } = await transfer([from, join(from, "pipe"), join(from, "socket"), "/dev/zero"], to);
	const words = Object.fromEntries(sent.outcomes.map(({ name, detail }) => [name, detail]));
	assert.match(words["from/pipe"] ?? "", /it is a pipe/);
	assert.match(words["pipe"] ?? "", /it is a pipe/);
	assert.match(words["from/socket"] ?? "", /it is a socket/);
	assert.match(words["socket"] ?? "", /it is a socket/);
	assert.match(words["zero"] ?? "", /it is a device/);
	assert.deepEqual(received.problems(), sent.problems());
	assert.equal(await readFile(join(to, "from/file"), "utf8"), "file");
});

test("content: a pipe that takes the place of a file between the look and the opening does not block", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), "file");
	const files = fileSystem({
		async open(path, flags, mode) {
			await rm(path);
			execFileSync("mkfifo", [path]);
			return NODE_FILE_SYSTEM.open(path, flags, mode);
		},
	});
	const { sent } = await transfer([join(from, "f")], to, {}, { files });
	assert.deepEqual(sent.problems(), [["f", "UNREADABLE"]]);
	assert.match(sent.outcomes[0]?.detail ?? "", /it is a pipe/);
});

test("content: an observer hears of every byte of a file of unknown size", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), randomBytes(700_000));
	const { sent, received } = await transfer([join(from, "f")], to, {}, { files: saying(0n, PROC) });
	assert.ok(sent instanceof Recorder);
	assert.deepEqual([sent.bytes, received.bytes], [700_000, 700_000]);
});
