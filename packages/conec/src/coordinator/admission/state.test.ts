import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NODE_FLAGS } from "../../../testing/node-flags.ts";
import { temporary } from "../../../testing/temporary.ts";
import { until } from "../../../testing/until.ts";
import type { ConecError } from "../../errors.ts";
import { type BootTime, LEASE_FILE, type LeaseRecord, parseLeases, renderLeases } from "./lease-file.ts";
import type { KeptLease } from "./leases.ts";
import { openState } from "./state.ts";
import { lockStateDirectory } from "./state-lock.ts";

const limits = { leaseMs: 60_000, leases: 10, leasesPerSource: 10 };
const key = `sha256:${"a".repeat(64)}`;
const sample: LeaseRecord = {
	written: { boot: "b", ms: 17 },
	leases: [
		{ id: "alice", identity: key, source: "192.0.2.7", leftMs: undefined },
		{ id: "b.c", identity: `sha256:${"0".repeat(64)}`, source: "2001:db8:0:0::/64", leftMs: 86_400_000 },
	],
};
const empty: LeaseRecord = { written: { boot: null, ms: 0 }, leases: [] };

test("lease file: what is written is read again, none included", () => {
	assert.deepEqual(parseLeases(renderLeases(sample)), sample);
	assert.deepEqual(parseLeases(renderLeases(empty)), empty);
});

test("lease file: cut anywhere, or with any byte changed, it is not understood", () => {
	const text = renderLeases(sample);
	for (let length = 0; length < text.length; length++) assert.equal(parseLeases(text.slice(0, length)), undefined, `cut at ${length}`);
	for (let at = 0; at < text.length; at++) {
		const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
		assert.equal(parseLeases(changed), undefined, `changed at ${at}`);
	}
	assert.equal(parseLeases(`${text}${text}`), undefined);
});

test("lease file: wrong entries under a right checksum are not understood", () => {
	const [lease] = sample.leases as [KeptLease];
	const wrong: unknown[] = [
		{ ...lease, id: "Alice" },
		{ ...lease, id: 7 },
		{ ...lease, identity: "sha256:12" },
		{ ...lease, source: "x".repeat(65) },
		{ ...lease, source: undefined },
		{ ...lease, leftMs: 1.5 },
		{ ...lease, leftMs: -1 },
		{ ...lease, leftMs: "1" },
	];
	for (const one of wrong) assert.equal(parseLeases(renderLeases({ ...sample, leases: [one as KeptLease] })), undefined, JSON.stringify(one));
	assert.equal(parseLeases(renderLeases({ ...sample, leases: [lease, lease] })), undefined, "twice");
	for (const written of [
		{ boot: 7, ms: 0 },
		{ boot: null, ms: -1 },
		{ boot: "b", ms: Number.NaN },
	])
		assert.equal(parseLeases(renderLeases({ ...sample, written: written as BootTime })), undefined, JSON.stringify(written));
});

test("state: leases are there again after close, and after destroy those that had been written", async (t) => {
	const directory = join(await temporary(t), "made", "here");
	const first = await openState(directory, limits);
	first.leases.hold("alice", key, "s", performance.now());
	await first.close();
	await first.close();
	const second = await openState(directory, limits);
	assert.equal(second.leases.find("alice", performance.now())?.identity, key);
	second.leases.hold("bob", key, "s", performance.now());
	await until(async () => (await readFile(join(directory, LEASE_FILE), "utf8")).includes("bob"), { timeoutMs: 60_000 });
	second.destroy();
	// The file is there before its write has ended, and until then the directory stays locked.
	await until(async () => (await readdir(directory)).length === 1, { timeoutMs: 60_000 });
	const third = await openState(directory, limits);
	assert.deepEqual(
		third.leases
			.kept(0)
			.map(({ id }) => id)
			.sort(),
		["alice", "bob"],
	);
	third.destroy();
	assert.deepEqual(await readdir(directory), [LEASE_FILE], "no lock, no leftovers");
});

test("state: however many come and go, it writes at most once a second", async (t) => {
	const directory = await temporary(t);
	const state = await openState(directory, limits);
	t.after(() => state.destroy());
	const seen = new Set<string>();
	const started = performance.now();
	while (performance.now() - started < 1_500) {
		state.leases.hold("alice", key, "s", performance.now());
		state.leases.release("alice", key, performance.now());
		seen.add(await readFile(join(directory, LEASE_FILE), "utf8").catch(() => ""));
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
	seen.delete("");
	// Longer than that on a machine that is busy.
	const seconds = (performance.now() - started) / 1_000;
	assert.ok(seen.size >= 1 && seen.size <= Math.floor(seconds) + 2, `${seen.size} writes in ${seconds} s`);
});

test("state: a torn or foreign file is reported with its path and left as it is, and the directory is free", async (t) => {
	const directory = await temporary(t);
	const path = join(directory, LEASE_FILE);
	const whole = renderLeases(sample);
	for (const content of ["", "\n", "hello", whole.slice(0, -1), `${whole}x`, whole.replace(" 2 ", " 3 "), "\0".repeat(5_000), '{"leases":[]}']) {
		await writeFile(path, content);
		await assert.rejects(openState(directory, limits), (error: ConecError) => error.code === "STATE_DIRECTORY_INVALID" && error.message.includes(path));
		assert.equal(await readFile(path, "utf8"), content);
	}
	await rm(path);
	await mkdir(path);
	await assert.rejects(openState(directory, limits), { code: "STATE_DIRECTORY_INVALID", message: /EISDIR/ });
	await rm(path, { recursive: true });
	(await openState(directory, limits)).destroy();
});

test("state: what a crash in the middle of writing left does not count and is removed", async (t) => {
	const directory = await temporary(t);
	await writeFile(join(directory, LEASE_FILE), renderLeases(empty));
	await writeFile(join(directory, `${LEASE_FILE}.0123456789ab.tmp`), "half of");
	const state = await openState(directory, limits);
	assert.equal(state.leases.size, 0);
	state.destroy();
	assert.deepEqual(await readdir(directory), [LEASE_FILE]);
});

test("state: when the leases cannot be written it says so once and goes on", async (t) => {
	const directory = await temporary(t);
	const state = await openState(directory, limits);
	t.after(() => state.destroy());
	const problems: ConecError[] = [];
	state.onProblem = (error) => problems.push(error);
	// A directory in the place of the file: nothing can be renamed to it, not even by root.
	await mkdir(join(directory, LEASE_FILE));
	state.leases.hold("alice", key, "s", performance.now());
	await until(async () => problems.length > 0, { timeoutMs: 60_000 });
	state.leases.hold("bob", key, "s", performance.now());
	await state.close();
	assert.deepEqual(
		problems.map(({ code }) => code),
		["STATE_DIRECTORY_INVALID"],
	);
	assert.match(problems[0]?.message ?? "", /leases\.txt/);
	assert.deepEqual(
		(await readdir(directory)).filter((name) => /\.(lock|sock)$/.test(name)),
		[],
	);
});

test("state lock: a second Coordinator is told which process has the directory", async (t) => {
	const directory = await temporary(t);
	const lock = await lockStateDirectory(directory);
	await assert.rejects(lockStateDirectory(directory), {
		code: "STATE_DIRECTORY_INVALID",
		message: `Cannot use ${directory}: another Coordinator (process ${process.pid}) uses this state directory`,
	});
	await assert.rejects(openState(directory, limits), { code: "STATE_DIRECTORY_INVALID" });
	lock.release();
	(await lockStateDirectory(directory)).release();
	assert.deepEqual(await readdir(directory), []);
});

test("state lock: a directory that cannot be written, or is none, is reported with its path", async (t) => {
	const directory = await temporary(t);
	const file = join(directory, "file");
	await writeFile(file, "");
	await assert.rejects(lockStateDirectory(file), { code: "STATE_DIRECTORY_INVALID", message: /file: .*\((EEXIST|ENOTDIR)\)/ });
	await assert.rejects(lockStateDirectory(join(file, "below")), { code: "STATE_DIRECTORY_INVALID", message: /ENOTDIR/ });
	await chmod(directory, 0o555);
	try {
		if (process.getuid?.() === 0) {
			// Modes do not bind root, so a process without its rights asks.
			const ask = `import { lockStateDirectory } from ${JSON.stringify(new URL("state-lock.ts", import.meta.url).href)};
				process.setgid(65534); process.setuid(65534);
				lockStateDirectory(${JSON.stringify(directory)}).then(() => console.log("taken"), (error) => console.log(error.code, error.message));`;
			const { stdout, stderr } = spawnSync(process.execPath, [...NODE_FLAGS, "--input-type=module", "--eval", ask], {
				encoding: "utf8",
			});
			assert.match(stdout, /^STATE_DIRECTORY_INVALID Cannot use .*: permission denied \(EACCES\)/, stderr);
		} else {
			await assert.rejects(lockStateDirectory(directory), { code: "STATE_DIRECTORY_INVALID", message: /EACCES/ });
		}
	} finally {
		await chmod(directory, 0o700);
	}
});
