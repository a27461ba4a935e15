/** What becomes of the commands, as real processes, when what they say cannot be written. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder, outcome, type Site, site } from "./harness.ts";
import { main, RunningHere } from "./running.ts";

const MAIN = main();
const NO_FULL = existsSync("/dev/full") ? false : "there is no /dev/full";

/** Where an output goes: to nobody, from the first line on or after it; to a disk that is full; or to the test. */
type Fate = "closed" | "closed later" | "full" | "read";

interface Started {
	readonly child: ChildProcess;
	readonly status: Promise<number | string>;
	text(): string;
}

/** Starts a command whose outputs have these fates. */
async function start(t: TestContext, args: readonly string[], stdout: Fate, stderr: Fate): Promise<Started> {
	const handles = await Promise.all([stdout, stderr].map((fate) => (fate === "full" ? open("/dev/full", "w") : undefined)));
	const stdio = handles.map((handle) => handle?.fd ?? ("pipe" as const));
	const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["pipe", ...stdio] });
	await Promise.all(handles.map((handle) => handle?.close()));
	child.stdin?.on("error", () => undefined);
	let text = "";
	for (const [fate, stream] of [
		[stdout, child.stdout],
		[stderr, child.stderr],
	] as const) {
		if (fate === "closed") stream?.destroy();
		if (fate === "closed later") stream?.once("data", () => stream.destroy());
		if (fate === "read")
			stream?.on("data", (chunk) => {
				text += chunk;
			});
	}
	const status = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
	t.after(async () => {
		if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
		await status;
	});
	return { child, status, text: () => text };
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
	for (const end = performance.now() + 60_000; !(await condition()); ) {
		assert.ok(performance.now() < end, what);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** The Coordinator says where it is in the file by which its own user's Clients find it. */
async function coordinatorAt(state: string): Promise<string[]> {
	const path = join(state, "coordinator.json");
	await until(() => existsSync(path), "the Coordinator listens");
	const { coordinator, pin } = JSON.parse(await readFile(path, "utf8")) as { coordinator: string; pin: string };
	return ["--coordinator", coordinator, "--pin", pin];
}

/** A site, and somebody there who sees who comes. */
async function watchedSite(t: TestContext): Promise<Site & { readonly arrival: (id: string) => Promise<unknown> }> {
	const place = await site(t);
	const watcher = place.client("watcher", "peers", "--watch", "--json");
	await watcher.event("members");
	return { ...place, arrival: (id) => watcher.event("join", ({ peer }) => (peer as { id: string }).id === id) };
}

for (const [stdout, stderr, json] of [
	["closed", "closed", []],
	["closed later", "read", ["--json"]],
	["full", "full", ["--json"]],
	["read", "full", []],
] as const) {
	test(`coordinator ${json.join("")}: serves on with its standard output ${stdout} and its standard error ${stderr}, and SIGTERM ends it with 0`, {
		skip: NO_FULL,
	}, async (t) => {
		const made = await folder(t);
		const state = join(made, "coordinator");
		const coordinator = await start(t, ["coordinator", ...json, "--host", "127.0.0.1", "--port", "0", "--state", state], stdout, stderr);
		const where = await coordinatorAt(state);
		const visits = await Promise.all(["a", "b"].map((id) => outcome(["peers", "--id", id, "--state", join(made, id), ...where])));
		for (const visit of visits) assert.equal(visit.status, 0, visit.stderr);
		assert.equal(coordinator.child.exitCode, null);
		coordinator.child.kill("SIGTERM");
		assert.equal(await coordinator.status, process.platform === "win32" ? "SIGTERM" : 0);
	});
}

test("send and receive: every file arrives with nobody reading what they say, or the disk of their logs full", { skip: NO_FULL }, async (t) => {
	const place = await watchedSite(t);
	const content = Buffer.alloc(3_000_000, "content ");
	const path = join(place.folder, "from", "film.mkv");
	await writeFile(path, content);
	for (const [fate, name] of [
		["closed", "one"],
		["closed later", "two"],
		["full", "three"],
	] as const) {
		const into = join(place.folder, name);
		const receive = await start(t, ["receive", "--yes", "--once", "--dir", into, ...place.options(name)], fate, fate);
		await place.arrival(name);
		const send = await start(t, ["send", path, "--to", name, ...place.options("alice")], fate, fate);
		assert.deepEqual(await Promise.all([send.status, receive.status]), [0, 0], fate);
		assert.ok(content.equals(await readFile(join(into, "film.mkv"))));
	}
});

test("pipe: goes on when only its standard error is lost; the peer gets all", { skip: NO_FULL }, async (t) => {
	const place = await watchedSite(t);
	for (const fate of ["closed", "full"] as const) {
		const id = fate;
		const waiting = await start(t, ["pipe", ...place.options(id)], "read", fate);
		waiting.child.stdin?.end();
		await place.arrival(id);
		const calling = await start(t, ["pipe", "--to", id, ...place.options("alice")], "read", fate);
		calling.child.stdin?.end("all of it");
		assert.deepEqual(await Promise.all([calling.status, waiting.status]), [0, 0], fate);
		assert.equal(waiting.text(), "all of it");
	}
});

test("pipe: whoever reads standard output goes away, and the peer hears why; a full disk is a failure, and the peer hears that, too", {
	skip: NO_FULL,
}, async (t) => {
	const place = await watchedSite(t);
	for (const [fate, status, said] of [
		["closed", 141, /closed its output/],
		["full", 1, /failed/],
	] as const) {
		const waiting = await start(t, ["pipe", ...place.options(fate)], fate, "read");
		await place.arrival(fate);
		const calling = place.client("alice", "pipe", "--to", fate);
		calling.stdin.write("x".repeat(1_000));
		assert.deepEqual(await Promise.all([waiting.status, calling.exit()]), [status, 4], `${waiting.text()}${calling.stderr}`);
		assert.match(calling.stderr, said);
		if (fate === "full") assert.match(waiting.text(), /conec: Cannot write all of the output: no space is left on the device \(ENOSPC\)\n/);
		else assert.doesNotMatch(waiting.text(), /conec: /, "quietly");
	}
});

test("pipe: a file that has no room for the end of the data is a failure at both ends, also in the middle of a piece", async (t) => {
	if (process.platform === "win32") return t.skip("there is no ulimit");
	const place = await watchedSite(t);
	const file = join(place.folder, "out");
	// 100 KiB in blocks of 512 bytes (POSIX), which bash takes only so.
	const limited = `ulimit -f 200 && exec "$@" > ${file}`;
	const command = [process.execPath, MAIN, "pipe", ...place.options("bob")];
	const waiting = spawn("sh", ["-c", limited, "sh", ...command], { stdio: ["pipe", "ignore", "pipe"], env: { ...process.env, POSIXLY_CORRECT: "1" } });
	let text = "";
	waiting.stderr.on("data", (chunk) => {
		text += chunk;
	});
	const over = once(waiting, "exit");
	t.after(async () => {
		if (waiting.exitCode === null) waiting.kill("SIGKILL");
		await over;
	});
	await place.arrival("bob");
	const calling = place.client("alice", "pipe", "--to", "bob");
	calling.stdin.end("x".repeat(110_000));
	// The other direction is still open: the failure, not the end, is what ends both.
	assert.deepEqual([(await over)[0], await calling.exit()], [1, 4], `${text}${calling.stderr}`);
	assert.match(text, /conec: Cannot write all of the output: the file would be larger than is allowed \(EFBIG\)\n/);
	assert.equal((await readFile(file)).length, 102_400);
});

test("chat: whoever reads standard output goes away, and the peer hears why", async (t) => {
	const place = await watchedSite(t);
	const waiting = await start(t, ["chat", ...place.options("bob")], "closed", "read");
	await place.arrival("bob");
	const calling = place.client("alice", "chat", "--to", "bob");
	calling.stdin.write("hello\n");
	assert.deepEqual(await Promise.all([waiting.status, calling.exit()]), [141, 4], `${waiting.text()}${calling.stderr}`);
	assert.match(calling.stderr, /closed its output/);
});

test("peers, ping, netcheck, broadcast: end quietly when nobody reads their output, and fail when it cannot be written", { skip: NO_FULL }, async (t) => {
	const place = await watchedSite(t);
	const bob = place.client("bob", "receive", "--yes", "--dir", join(place.folder, "in"));
	const says = place.client("carol", "broadcast", "news", "--mode", "send");
	const talk = setInterval(() => says.stdin.write("news\n"), 100);
	t.after(() => clearInterval(talk));
	await Promise.all([place.arrival("bob"), place.arrival("carol")]);
	const quick = [["peers"], ["ping", "bob", "--count", "3", "--interval-ms", "200"], ["netcheck"]];
	// Each of these writes again and again.
	const endless = [
		["peers", "--watch", "--json"],
		["broadcast", "news", "--mode", "receive"],
	];
	const come = setInterval(() => place.client("visitor", "peers"), 1_000);
	t.after(() => clearInterval(come));
	await Promise.all([
		...[...quick, ...endless].map(async (args, index) => {
			const running = await start(t, [...args, ...place.options(`closed-${index}`)], "closed", "read");
			assert.equal(await running.status, 141, args.join(" "));
			assert.doesNotMatch(running.text(), /conec: |Error|at .*:\d+/, "quietly");
		}),
		...quick.map(async (args, index) => {
			const running = await start(t, [...args, ...place.options(`full-${index}`)], "full", "read");
			assert.equal(await running.status, 1, args.join(" "));
			assert.match(running.text(), /conec: Cannot write all of the output: no space is left on the device \(ENOSPC\)\n/);
		}),
	]);
	assert.equal(bob.hasEnded, false);
});

test("certs: what is made is whole, whatever becomes of the lines about it", { skip: NO_FULL }, async (t) => {
	const dir = join(await folder(t), "certs");
	assert.equal(await (await start(t, ["certs", "init", "--dir", dir], "closed", "closed")).status, 0);
	assert.equal(await (await start(t, ["certs", "issue", "alice", "--dir", dir], "full", "full")).status, 0);
	assert.equal(await (await start(t, ["certs", "show", join(dir, "alice.pem")], "full", "read")).status, 1);
});

test("help: into a pipe that nobody reads, or a full disk, shows no stack", { skip: NO_FULL }, async (t) => {
	for (const args of [["--help"], ["send", "--help"]]) {
		const closed = await start(t, args, "closed", "read");
		assert.equal(await closed.status, 141, args.join(" "));
		assert.equal(closed.text(), "");
	}
	const full = await start(t, ["--help"], "full", "read");
	assert.equal(await full.status, 1);
	assert.match(full.text(), /^conec: Cannot write all of the output: no space is left on the device \(ENOSPC\)\n {7}.+\n$/);
	assert.equal(await (await start(t, [], "closed", "closed")).status, 2);
});

test("coordinator: its log goes on when the disk has room again, and no line is torn", async (t) => {
	const disk = await mkdtemp(join(tmpdir(), "conec-disk-"));
	t.after(async () => {
		spawnSync("umount", ["--lazy", disk]);
		await rm(disk, { recursive: true });
	});
	if (process.getuid?.() !== 0 || spawnSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]).status !== 0)
		return t.skip("only root can mount a small disk");
	const made = await folder(t);
	const log = await open(join(disk, "log"), "a");
	const filler = join(disk, "filler");
	const state = join(made, "coordinator");
	const child = spawn(process.execPath, [MAIN, "coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", state], {
		stdio: ["ignore", log.fd, log.fd],
	});
	await log.close();
	const over = once(child, "exit");
	t.after(async () => {
		if (child.exitCode === null) child.kill("SIGKILL");
		await over;
	});
	const where = await coordinatorAt(state);
	const visit = async (id: string): Promise<void> => {
		assert.equal((await outcome(["peers", "--id", id, "--state", join(made, id), ...where])).status, 0);
	};
	const logged = async (id: string): Promise<boolean> => (await readFile(join(disk, "log"), "utf8")).includes(`"id":"${id}"`);
	await visit("before");
	await until(() => logged("before"), "the log is written");
	spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=1k", "count=64"]);
	// It sees who leaves, so that the Coordinator is known to have come so far.
	const watcher = new RunningHere(["peers", "--watch", "--json", "--id", "watcher", "--state", join(made, "watcher"), ...where]);
	t.after(() => watcher.kill());
	await watcher.event("members");
	// The last page of the log has room yet.
	for (let count = 0; count < 3; count++) await Promise.all([1, 2, 3, 4].map((number) => visit(`during-${count}-${number}`)));
	await watcher.event("leave", ({ peer }) => (peer as { id: string }).id === "during-2-4");
	await visit("during-3");
	spawnSync("rm", [filler]);
	// Of one address the log shows a line a second after such a number of visits.
	await until(async () => {
		await visit("after");
		return logged("after");
	}, "the log goes on");
	const lines = (await readFile(join(disk, "log"), "utf8")).trimEnd().split("\n");
	const torn = lines.filter((line) => {
		try {
			JSON.parse(line);
			return false;
		} catch {
			return true;
		}
	});
	assert.ok(torn.length <= 1, `only the line for which there was no room is cut: ${torn.join("\n")}`);
	assert.ok(!lines.some((line) => line.includes("during-2-4")), "the disk was full");
	child.kill("SIGTERM");
	assert.deepEqual(await over, [0, null]);
});
