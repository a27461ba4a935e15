import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS, programOf } from "../../testing/node-flags.ts";
import { temporary } from "../../testing/temporary.ts";
import { type LockMeans, type LockOutcome, lockDirectory, lockPipe } from "./directory-lock.ts";

const CHILD = programOf(fileURLToPath(new URL("../../../../test/children/lock.ts", import.meta.url)));

/** As on a file system that refuses sockets. */
const WITHOUT_SOCKETS: LockMeans = {
	publish: () => Promise.reject(Object.assign(new Error("refused"), { code: "EPERM" })),
	heartbeat: { intervalMs: 200, patienceMs: 3_000 },
};

type Said = { readonly type: "locked"; readonly remark?: string } | { readonly type: "taken"; readonly by: string };

/** Another process that takes the lock, in new namespaces if asked for. */
class Other {
	readonly child: ChildProcess;
	readonly #lines: AsyncIterator<string>;

	constructor(t: TestContext, args: readonly string[], command: readonly string[] = []) {
		const [program = "", ...before] = [...command, process.execPath];
		this.child = spawn(program, [...before, ...NODE_FLAGS, CHILD, ...args], { stdio: ["pipe", "pipe", "inherit"] });
		this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
		t.after(() => this.kill("SIGKILL"));
	}

	async said(): Promise<Said> {
		const { value, done } = await this.#lines.next();
		assert.ok(!done, "the process said nothing");
		return JSON.parse(value) as Said;
	}

	async kill(signal: NodeJS.Signals): Promise<void> {
		if (this.child.exitCode !== null || this.child.signalCode !== null) return;
		const over = once(this.child, "exit");
		this.child.kill(signal);
		await over;
	}

	async release(): Promise<void> {
		const over = once(this.child, "exit");
		this.child.stdin?.end();
		await over;
	}
}

function locked(outcome: LockOutcome): Extract<LockOutcome, { type: "locked" }>["lock"] {
	assert.equal(outcome.type, "locked", JSON.stringify(outcome));
	return (outcome as Extract<LockOutcome, { type: "locked" }>).lock;
}

/** `unshare` with new PID and mount namespaces; `undefined` where this user or system cannot. */
function container(): string[] | undefined {
	const command = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"];
	return process.platform === "linux" && spawnSync(command[0] as string, [...command.slice(1), "true"]).status === 0 ? command : undefined;
}

for (const [kind, means, argument] of [
	["socket", {}, []],
	["file", WITHOUT_SOCKETS, ["file"]],
] as const) {
	test(`lock by ${kind}: one has it, the next is told who, and a lock of another name is another lock`, async (t) => {
		const directory = await temporary(t);
		const first = locked(await lockDirectory(directory, "coordinator", means));
		assert.equal(first.remark === undefined, kind === "socket");
		assert.deepEqual(await lockDirectory(directory, "coordinator", means), { type: "taken", by: `process ${process.pid}` });
		const link = `${directory}-link`;
		await symlink(directory, link);
		t.after(() => rm(link));
		assert.equal((await lockDirectory(link, "coordinator", means)).type, "taken", "by another path");
		locked(await lockDirectory(directory, "client.a", means)).release();
		first.release();
		first.release();
		locked(await lockDirectory(directory, "coordinator", means)).release();
		assert.deepEqual(await readdir(directory), []);
	});

	test(`lock by ${kind}: of 40 in one process at once, one has it`, async (t) => {
		const directory = await temporary(t);
		const outcomes = await Promise.all(Array.from({ length: 40 }, () => lockDirectory(directory, "coordinator", means)));
		const winners = outcomes.filter(({ type }) => type === "locked");
		assert.equal(winners.length, 1);
		locked(winners[0] as LockOutcome).release();
		assert.deepEqual(await readdir(directory), []);
	});

	test(`lock by ${kind}: that of a killed process is free at once, and of many processes that take it over at once one has it`, async (t) => {
		const directory = await temporary(t);
		for (let round = 0; round < 2; round++) {
			const killed = new Other(t, [directory, "coordinator", ...argument]);
			assert.equal((await killed.said()).type, "locked");
			await killed.kill("SIGKILL");
			assert.equal((await readdir(directory)).length, 1, "a dead claim is left");
			const starters = Array.from({ length: 6 }, () => new Other(t, [directory, "coordinator", ...argument]));
			const said = await Promise.all(starters.map((starter) => starter.said()));
			assert.equal(said.filter(({ type }) => type === "locked").length, 1, JSON.stringify(said));
			const winner = said.findIndex(({ type }) => type === "locked");
			for (const one of said) if (one.type === "taken") assert.equal(one.by, `process ${starters[winner]?.child.pid}`);
			await Promise.all(starters.map((starter) => starter.release()));
			assert.deepEqual(await readdir(directory), []);
		}
	});

	test(`lock by ${kind}: a process that is stopped still has it`, { skip: process.platform === "win32" ? "there is no SIGSTOP" : false }, async (t) => {
		const directory = await temporary(t);
		const holder = new Other(t, [directory, "coordinator", ...argument]);
		assert.equal((await holder.said()).type, "locked");
		holder.child.kill("SIGSTOP");
		const outcome = await lockDirectory(directory, "coordinator", { ...means, answerMs: 500 });
		assert.equal(outcome.type, "taken");
		holder.child.kill("SIGCONT");
		assert.deepEqual(await lockDirectory(directory, "coordinator", means), { type: "taken", by: `process ${holder.child.pid}` });
		await holder.release();
		locked(await lockDirectory(directory, "coordinator", means)).release();
	});

	test(`lock by ${kind}: it holds between containers that share the directory, and one that was killed has it no more`, async (t) => {
		const command = container();
		if (command === undefined) return t.skip("this user or system cannot make PID namespaces");
		const directory = await temporary(t);
		const holder = new Other(t, [directory, "coordinator", ...argument], command);
		assert.equal((await holder.said()).type, "locked");
		// Both have the same small process number in their own numbering.
		const second = new Other(t, [directory, "coordinator", ...argument], command);
		const said = await second.said();
		assert.equal(said.type, "taken");
		assert.match((said as { by: string }).by, /^process \d+ of another container or machine, "/);
		assert.equal((await lockDirectory(directory, "coordinator", means)).type, "taken", "from outside");
		await holder.kill("SIGKILL");
		const third = new Other(t, [directory, "coordinator", ...argument], command);
		assert.equal((await third.said()).type, "locked");
		assert.equal((await lockDirectory(directory, "coordinator", means)).type, "taken", "inside, seen from outside");
	});

	test(`lock by ${kind}: a directory that is removed or replaced meanwhile is noticed, and nothing breaks`, async (t) => {
		const directory = join(await temporary(t), "state");
		await mkdir(directory);
		const first = locked(await lockDirectory(directory, "coordinator", means));
		assert.equal(await first.isVisible(), true);
		await rm(directory, { recursive: true });
		assert.equal(await first.isVisible(), false);
		await mkdir(directory);
		const second = locked(await lockDirectory(directory, "coordinator", means));
		assert.equal(await first.isVisible(), false);
		assert.equal(await second.isVisible(), true);
		first.release();
		assert.equal(await second.isVisible(), true, "only its own is taken back");
		second.release();
		assert.deepEqual(await readdir(directory), []);
	});

	test(`lock by ${kind}: where nothing can be made, that is the error`, async (t) => {
		const directory = await temporary(t);
		await assert.rejects(lockDirectory(join(directory, "none"), "coordinator", means), { code: "ENOENT" });
		await writeFile(join(directory, "file"), "");
		await assert.rejects(lockDirectory(join(directory, "file"), "coordinator", means), { code: "ENOTDIR" });
		if (process.platform === "linux") await assert.rejects(lockDirectory("/proc", "coordinator", means), { code: /ENOENT|EACCES|EPERM/ });
	});
}

test("lock: a claim by socket and one by file exclude each other", async (t) => {
	const directory = await temporary(t);
	const bySocket = locked(await lockDirectory(directory, "coordinator"));
	assert.equal((await lockDirectory(directory, "coordinator", WITHOUT_SOCKETS)).type, "taken");
	bySocket.release();
	const byFile = locked(await lockDirectory(directory, "coordinator", WITHOUT_SOCKETS));
	assert.equal((await lockDirectory(directory, "coordinator")).type, "taken");
	byFile.release();
});

for (const length of [90, 107, 108, 200, 1_000]) {
	test(`lock: in a directory whose path has ${length} bytes and more`, async (t) => {
		let directory = await temporary(t);
		while (directory.length < length) directory = join(directory, "d".repeat(Math.min(200, Math.max(1, length - directory.length - 1))));
		await mkdir(directory, { recursive: true });
		const lock = locked(await lockDirectory(directory, "coordinator"));
		assert.equal(lock.remark, undefined, "a socket all the same");
		assert.deepEqual(await lockDirectory(directory, "coordinator"), { type: "taken", by: `process ${process.pid}` });
		lock.release();
		assert.deepEqual(await readdir(directory), []);
	});
}

/** Every code with which a file system or a sandbox is known to refuse a socket. */
for (const code of [
	"EPERM",
	"EACCES",
	"EOPNOTSUPP",
	"ENOTSUP",
	"ENOSYS",
	"EINVAL",
	"EAFNOSUPPORT",
	"EPROTONOSUPPORT",
	"ENOENT",
	"EIO",
	"ENAMETOOLONG",
	"EXDEV",
]) {
	test(`lock: where a socket is refused with ${code}, a file does it, and that is told`, async (t) => {
		const directory = await temporary(t);
		const means = { publish: () => Promise.reject(Object.assign(new Error("refused"), { code })) };
		const lock = locked(await lockDirectory(directory, "coordinator", means));
		assert.equal(lock.remark, `its file system has no sockets (${code})`);
		assert.equal((await lockDirectory(directory, "coordinator", means)).type, "taken");
		lock.release();
	});
}

const GONE = { pid: 2_147_483_646, start: "1", host: "elsewhere", held: true, beat: 3 };
const here = "00000000-0000-0000-0000-000000000000 pid:[1]";
for (const [what, record] of [
	["of another boot or container, that has stopped", { ...GONE, pid: 1, space: here, machine: null }],
	["of another machine, that has stopped", { ...GONE, pid: 1, space: here, machine: "0123456789abcdef0123456789abcdef" }],
	["of a system that says nothing, that has stopped", { ...GONE, pid: process.pid, start: null, space: null, machine: null }],
] as const) {
	test(`lock by file: a claim ${what} changing does not count`, async (t) => {
		const directory = await temporary(t);
		await writeFile(join(directory, "coordinator.0123456789abcdef.lock"), JSON.stringify(record));
		locked(await lockDirectory(directory, "coordinator", { ...WITHOUT_SOCKETS, heartbeat: { intervalMs: 100, patienceMs: 400 } })).release();
		assert.deepEqual(await readdir(directory), []);
	});
}

/** What a power failure, a full disk or somebody else may leave in the place of a claim. */
const TORN: readonly (readonly [what: string, content: string | Uint8Array])[] = [
	["empty", ""],
	["of zeros", new Uint8Array(4_096)],
	["half of one", JSON.stringify({ ...GONE, space: here, machine: null }).slice(0, 40)],
	["one with the rest of a longer one behind it", `${JSON.stringify({ ...GONE, pid: process.pid, space: here, machine: null })}3}`],
	["another JSON text", '{"pid":-1}'],
	["a number", "17"],
	["null", "null"],
	["no text", Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
];

for (const name of ["coordinator", "client.a"]) {
	for (const [what, content] of TORN) {
		test(`lock by file: a claim to ${name} that is ${what} does not count once it has not changed for a while, and is removed`, async (t) => {
			const directory = await temporary(t);
			await writeFile(join(directory, `${name}.0123456789abcdef.lock`), content);
			locked(await lockDirectory(directory, name, { ...WITHOUT_SOCKETS, heartbeat: { intervalMs: 100, patienceMs: 400 } })).release();
			assert.deepEqual(await readdir(directory), []);
		});
	}
}

test("lock: a torn claim by file does not hold up a claim by socket for ever", async (t) => {
	const directory = await temporary(t);
	await writeFile(join(directory, "coordinator.0123456789abcdef.lock"), "");
	locked(await lockDirectory(directory, "coordinator", { heartbeat: { intervalMs: 100, patienceMs: 400 } })).release();
	assert.deepEqual(await readdir(directory), []);
});

test("lock by file: what cannot be read but changes is somebody who lives", async (t) => {
	const directory = await temporary(t);
	const path = join(directory, "coordinator.0123456789abcdef.lock");
	await writeFile(path, "{");
	let count = 0;
	const beat = setInterval(() => writeFileSync(path, `{${count++}`), 50);
	const locking = lockDirectory(directory, "coordinator", { ...WITHOUT_SOCKETS, answerMs: 500 });
	// Before the directory is removed: hooks run in the order in which they were made.
	const outcome = await locking.finally(() => clearInterval(beat));
	assert.deepEqual(outcome, { type: "taken", by: "another process that does not answer" });
	assert.deepEqual(await readdir(directory), ["coordinator.0123456789abcdef.lock"]);
});

test("lock by file: what cannot be read and then is a claim of a process that runs counts", async (t) => {
	const directory = await temporary(t);
	const path = join(directory, "coordinator.0123456789abcdef.lock");
	const holder = locked(await lockDirectory(directory, "client.a", WITHOUT_SOCKETS));
	const [file = ""] = await readdir(directory);
	const record = { ...(JSON.parse(await readFile(join(directory, file), "utf8")) as object), held: true };
	await writeFile(path, "{");
	setTimeout(() => writeFileSync(path, JSON.stringify(record)), 1_000);
	assert.deepEqual(await lockDirectory(directory, "coordinator", WITHOUT_SOCKETS), { type: "taken", by: `process ${process.pid}` });
	holder.release();
});

test("lock: other files in the directory are nobody's claim", async (t) => {
	const directory = await temporary(t);
	const names = ["coordinator.pem", "coordinator.lock", "coordinator.sock", "coordinator.0123.sock", "client.coordinator.0123456789abcdef.sock", "leases.txt"];
	for (const name of names) await writeFile(join(directory, name), "");
	locked(await lockDirectory(directory, "coordinator")).release();
	assert.deepEqual((await readdir(directory)).sort(), names.sort());
});

test("lock: a claim of another user that may not be asked counts", async (t) => {
	if (process.getuid?.() !== 0) return t.skip("only root can be another user");
	const directory = await temporary(t);
	const lock = locked(await lockDirectory(directory, "coordinator"));
	spawnSync("chmod", ["777", directory]);
	const ask = `import { lockDirectory } from ${JSON.stringify(new URL("directory-lock.ts", import.meta.url).href)};
		process.setgid(65534); process.setuid(65534);
		console.log(JSON.stringify(await lockDirectory(${JSON.stringify(directory)}, "coordinator")));`;
	const { stdout, stderr } = spawnSync(process.execPath, [...NODE_FLAGS, "--input-type=module", "--eval", ask], { encoding: "utf8" });
	assert.deepEqual(JSON.parse(stdout || "null"), { type: "taken", by: "another process that cannot be asked (EACCES)" }, stderr);
	lock.release();
});

test("lock by named pipe: the name is the lock, and it goes with its process", {
	skip: process.platform === "linux" ? false : "needs sockets without files",
}, async () => {
	// Linux has names of sockets that, like Windows pipes, are in no directory.
	const address = `\0conec-test-${process.pid}`;
	const first = locked(await lockPipe(address, 5_000));
	assert.deepEqual(await lockPipe(address, 5_000), { type: "taken", by: `process ${process.pid}` });
	const outcomes = await Promise.all(Array.from({ length: 10 }, () => lockPipe(address, 5_000)));
	assert.ok(outcomes.every(({ type }) => type === "taken"));
	first.release();
	locked(await lockPipe(address, 5_000)).release();
});
