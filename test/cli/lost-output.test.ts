/** What becomes of the commands, as real processes, when what they say cannot be written. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../../packages/conec/src/cli/commands.ts";
import { folder, type Site, site } from "./harness.ts";

const MAIN = fileURLToPath(new URL("../../packages/conec/src/cli/main.ts", import.meta.url));
const NODE = ["--conditions=source", "--import", import.meta.resolve("tsx")];
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
	const child = spawn(process.execPath, [...NODE, MAIN, ...args], { stdio: ["pipe", ...stdio] });
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

for (const [stdout, stderr] of [
	["closed", "closed"],
	["closed later", "read"],
	["full", "full"],
	["full", "read"],
	["read", "full"],
] as const) {
	for (const json of [[], ["--json"]]) {
		test(`coordinator ${json.join("")}: serves on with its standard output ${stdout} and its standard error ${stderr}, and SIGTERM ends it with 0`, {
			skip: NO_FULL,
		}, async (t) => {
			const made = await folder(t);
			const state = join(made, "coordinator");
			const coordinator = await start(t, ["coordinator", ...json, "--host", "127.0.0.1", "--port", "0", "--state", state], stdout, stderr);
			const where = await coordinatorAt(state);
			for (const id of ["a", "b", "c"]) {
				const peers = await start(t, ["peers", "--id", id, "--state", join(made, id), ...where], "read", "read");
				assert.equal(await peers.status, 0, peers.text());
			}
			assert.equal(coordinator.child.exitCode, null);
			coordinator.child.kill("SIGTERM");
			assert.equal(await coordinator.status, process.platform === "win32" ? "SIGTERM" : 0);
		});
	}
}

test("send and receive: every file arrives with nobody reading what they say, or the disk of their logs full", { skip: NO_FULL }, async (t) => {
	const place = await site(t);
	const content = Buffer.alloc(3_000_000, "content ");
	const path = join(place.folder, "from", "film.mkv");
	await writeFile(path, content);
	for (const [fate, name] of [
		["closed", "one"],
		["closed later", "two"],
		["full", "three"],
	] as const) {
		const into = join(place.folder, name);
		const receive = await start(t, ["receive", "--once", "--dir", into, ...place.options("bob")], fate, fate);
		await reachable(place, t, "bob");
		const send = await start(t, ["send", path, "--to", "bob", ...place.options("alice")], fate, fate);
		assert.deepEqual(await Promise.all([send.status, receive.status]), [0, 0], fate);
		assert.ok(content.equals(await readFile(join(into, "film.mkv"))));
	}
});

test("pipe: goes on when only its standard error is lost; the peer gets all", { skip: NO_FULL }, async (t) => {
	const place = await site(t);
	for (const fate of ["closed", "full"] as const) {
		const waiting = await start(t, ["pipe", ...place.options("bob")], "read", fate);
		waiting.child.stdin?.end();
		await reachable(place, t, "bob");
		const calling = await start(t, ["pipe", "--to", "bob", ...place.options("alice")], "read", fate);
		calling.child.stdin?.end("all of it");
		assert.deepEqual(await Promise.all([calling.status, waiting.status]), [0, 0], fate);
		assert.equal(waiting.text(), "all of it");
	}
});

test("pipe: whoever reads standard output goes away, and the peer hears why; a full disk is a failure, and the peer hears that, too", {
	skip: NO_FULL,
}, async (t) => {
	const place = await site(t);
	for (const [fate, status, said] of [
		["closed", 141, /closed its output/],
		["full", 1, /failed/],
	] as const) {
		const waiting = await start(t, ["pipe", ...place.options("bob")], fate, "read");
		await reachable(place, t, "bob");
		const calling = await start(t, ["pipe", "--to", "bob", ...place.options("alice")], "read", "read");
		calling.child.stdin?.write("x".repeat(1_000));
		assert.deepEqual(await Promise.all([waiting.status, calling.status]), [status, 4], `${waiting.text()}${calling.text()}`);
		assert.match(calling.text(), said);
		if (fate === "full") assert.match(waiting.text(), /conec: Cannot write all of the output: no space is left on the device \(ENOSPC\)\n/);
		else assert.doesNotMatch(waiting.text(), /conec: /, "quietly");
	}
});

test("chat: whoever reads standard output goes away, and the peer hears why", async (t) => {
	const place = await site(t);
	const waiting = await start(t, ["chat", ...place.options("bob")], "closed", "read");
	await reachable(place, t, "bob");
	const calling = await start(t, ["chat", "--to", "bob", ...place.options("alice")], "read", "read");
	calling.child.stdin?.write("hello\n");
	assert.deepEqual(await Promise.all([waiting.status, calling.status]), [141, 4], `${waiting.text()}${calling.text()}`);
	assert.match(calling.text(), /closed its output/);
});

test("peers, ping, netcheck, broadcast: end quietly when nobody reads their output, and fail when it cannot be written", { skip: NO_FULL }, async (t) => {
	const place = await site(t);
	const bob = await start(t, ["receive", "--dir", join(place.folder, "in"), ...place.options("bob")], "read", "read");
	await reachable(place, t, "bob");
	const says = await start(t, ["broadcast", "news", "--mode", "send", ...place.options("carol")], "read", "read");
	const talk = setInterval(() => says.child.stdin?.write("news\n"), 100);
	t.after(() => clearInterval(talk));
	const commands = [
		["peers"],
		["peers", "--watch"],
		["ping", "bob", "--count", "3", "--interval-ms", "200"],
		["netcheck"],
		["broadcast", "news", "--mode", "receive"],
	];
	const quick = commands.filter((args) => !args.includes("--watch") && !args.includes("receive"));
	for (const json of [[], ["--json"]]) {
		for (const args of commands) {
			const running = await start(t, [...args, ...json, ...place.options("alice")], "closed", "read");
			if (args.includes("--watch")) await reachable(place, t, "dave");
			assert.equal(await running.status, 141, args.join(" "));
			assert.doesNotMatch(running.text(), /conec: |Error|at .*:\d+/, "quietly");
		}
		for (const args of quick) {
			const running = await start(t, [...args, ...json, ...place.options("alice")], "full", "read");
			assert.equal(await running.status, 1, args.join(" "));
			assert.match(running.text(), /conec: Cannot write all of the output: no space is left on the device \(ENOSPC\)\n/);
		}
	}
	assert.equal(bob.child.exitCode, null);
});

test("certs: what is made is whole, whatever becomes of the lines about it", { skip: NO_FULL }, async (t) => {
	for (const fate of ["closed", "full"] as const) {
		const dir = join(await folder(t), "certs");
		assert.equal(await (await start(t, ["certs", "init", "--dir", dir], fate, fate)).status, 0);
		assert.equal(await (await start(t, ["certs", "issue", "alice", "--dir", dir], fate, fate)).status, 0);
		assert.equal(await (await start(t, ["certs", "show", join(dir, "alice.pem")], fate, "read")).status, fate === "closed" ? 141 : 1);
		assert.equal(await (await start(t, ["certs", "show", join(dir, "alice.pem")], "read", fate)).status, 0);
	}
});

test("help: into a pipe that nobody reads, or a full disk, shows no stack", { skip: NO_FULL }, async (t) => {
	for (const args of [["--help"], ["--version"], ...Object.keys(COMMANDS).map((name) => [name, "--help"])]) {
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
	const made = await folder(t);
	const disk = join(made, "disk");
	await mkdir(disk);
	if (process.getuid?.() !== 0 || spawnSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]).status !== 0)
		return t.skip("only root can mount a small disk");
	t.after(() => spawnSync("umount", ["--lazy", disk]));
	const log = await open(join(disk, "log"), "a");
	const filler = join(disk, "filler");
	const state = join(made, "coordinator");
	const child = spawn(process.execPath, [...NODE, MAIN, "coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", state], {
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
		assert.equal(await (await start(t, ["peers", "--id", id, "--state", join(made, id), ...where], "read", "read")).status, 0);
	};
	const logged = async (id: string): Promise<boolean> =>
		(await readFile(join(disk, "log"), "utf8")).includes(`"disconnected","time"`) && (await readFile(join(disk, "log"), "utf8")).includes(`"id":"${id}"`);
	await visit("before");
	await until(() => logged("before"), "the log is written");
	spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=1k", "count=64"]);
	// The last page of the log has room yet.
	for (let count = 0; count < 12; count++) await visit(`during-${count}`);
	spawnSync("rm", [filler]);
	await visit("after");
	await until(() => logged("after"), "the log goes on");
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
	assert.ok(!lines.some((line) => line.includes("during-11")), "the disk was full");
	child.kill("SIGTERM");
	assert.deepEqual(await over, [0, null]);
});

/** Waits until a Client is connected. */
async function reachable(place: Site, t: TestContext, id: string): Promise<void> {
	await until(async () => {
		const ping = await start(t, ["ping", id, "--count", "1", "--path", "proxied", "--timeout-ms", "5000", ...place.options("looker")], "read", "read");
		const status = await ping.status;
		return status === 0 || id === "dave";
	}, `${id} is connected`);
}
