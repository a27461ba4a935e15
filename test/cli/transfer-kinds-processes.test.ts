/** What users of `conec send` and `conec receive` see of odd files, directories, links and names: real processes. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Running, type Site, site } from "./harness.ts";
import { main } from "./running.ts";

async function receiver(place: Site, ...args: string[]): Promise<Running> {
	const bob = place.client("bob", "receive", "--yes", "--json", "--dir", join(place.folder, "in"), ...args);
	await bob.event("waiting");
	return bob;
}

/** Sends and waits for both ends; their statuses are the same. */
async function send(place: Site, status: number, paths: readonly string[], ...options: string[]): Promise<{ alice: Running; bob: Running }> {
	const bob = await receiver(place, "--once");
	const alice = place.client("alice", "send", "--json", ...paths, "--to", "bob", ...options);
	await Promise.all([alice.exits(status), bob.exits(status)]);
	return { alice, bob };
}

test("send: /proc/version arrives with its content", async (t) => {
	const real = await readFile("/proc/version", "utf8").catch(() => undefined);
	if (real === undefined) return t.skip("this machine has no /proc/version");
	const place = await site(t);
	const { alice } = await send(place, 0, ["/proc/version"]);
	assert.equal(await readFile(join(place.folder, "in/version"), "utf8"), real);
	assert.equal((await alice.event("file"))["size"], real.length);
});

test("send: nothing but empty directories: they are made, both say so, status 0", async (t) => {
	const place = await site(t);
	await mkdir(join(place.folder, "from/only/empty"), { recursive: true });
	await chmod(join(place.folder, "from/only"), 0o700);
	const bob = place.client("bob", "receive", "--yes", "--once", "--dir", join(place.folder, "in"));
	await bob.says(/waiting for files/);
	const alice = place.client("alice", "send", join(place.folder, "from/only"), "--to", "bob");
	await Promise.all([alice.exits(0), bob.exits(0)]);
	assert.match(alice.stdout.toString(), /^2 directories sent to bob and made there in (?:under 0\.01|[\d.]+) s\n$/);
	assert.match(bob.stdout.toString(), /^2 directories received from alice and made in (?:under 0\.01|[\d.]+) s\n$/);
	assert.deepEqual(await readdir(join(place.folder, "in/only")), ["empty"]);
	assert.equal((await stat(join(place.folder, "in/only"))).mode & 0o777, 0o700);
});

test("send: a link is left out with a remark and status 0; --links fail is status 5, --links follow sends what it leads to", async (t) => {
	const place = await site(t);
	await mkdir(join(place.folder, "from/d"));
	await writeFile(join(place.folder, "from/d/f"), "f");
	await writeFile(join(place.folder, "from/outside"), "outside");
	await symlink("../outside", join(place.folder, "from/d/link"));
	const paths = [join(place.folder, "from/d")];
	const skipped = await send(place, 0, paths);
	assert.equal((await skipped.alice.event("link"))["action"], "skipped");
	assert.equal((await skipped.alice.event("summary"))["skippedLinks"], 1);
	const failed = await send(place, 5, paths, "--links", "fail");
	assert.match(String((await failed.bob.event("file", ({ name }) => name === "d/link"))["detail"]), /symbolic link/);
	const followed = await send(place, 5, paths, "--links", "follow");
	assert.equal((await followed.alice.event("link"))["action"], "followed-outside");
	// The file `f` is there by now.
	assert.equal((await followed.alice.event("file", ({ name }) => name === "d/f"))["problem"], "EXISTS");
	assert.equal(await readFile(join(place.folder, "in/d/link"), "utf8"), "outside");
	const wrong = place.client("alice", "send", ...paths, "--to", "bob", "--links", "all");
	await wrong.exits(2);
	assert.match(wrong.stderr, /--links must be one of skip, follow, fail/);
});

test("receive: .bashrc and .ssh are refused at the top, told to both, status 5; --allow-hidden takes them", async (t) => {
	const place = await site(t);
	await mkdir(join(place.folder, "from/.ssh"));
	await writeFile(join(place.folder, "from/.ssh/authorized_keys"), "key");
	await writeFile(join(place.folder, "from/.bashrc"), "rc");
	await writeFile(join(place.folder, "from/plain"), "plain");
	const paths = [".ssh", ".bashrc", "plain"].map((name) => join(place.folder, "from", name));
	const { alice, bob } = await send(place, 5, paths);
	for (const end of [alice, bob]) {
		const problem = await end.event("file", ({ name }) => name === ".bashrc");
		assert.equal(problem["problem"], "NAME_HIDDEN");
		assert.match(String(problem["detail"]), /it begins with a dot; `conec receive --allow-hidden` takes it/);
		assert.equal((await end.event("directory", ({ name }) => name === ".ssh"))["problem"], "NAME_HIDDEN");
	}
	assert.deepEqual(await readdir(join(place.folder, "in")), ["plain"]);
	const open = await receiver(place, "--once", "--allow-hidden", "--force");
	await place.client("alice", "send", ...paths, "--to", "bob").exits(0);
	await open.exits(0);
	assert.deepEqual((await readdir(join(place.folder, "in"))).sort(), [".bashrc", ".ssh", "plain"]);
});

test("receive: on a terminal it asks, and a typed yes takes the file", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/.bashrc"), "rc");
	await writeFile(join(place.folder, "from/.profile"), "profile");
	const receive = ["receive", "--yes", "--once", "--dir", join(place.folder, "in"), ...place.options("bob")];
	const command = [process.execPath, main(), ...receive].map((word) => `'${word}'`).join(" ");
	// script(1) of util-linux gives a terminal.
	const terminal = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
	const missing = await new Promise<boolean>((resolve) => {
		terminal.once("spawn", () => resolve(false));
		terminal.once("error", () => resolve(true));
	});
	if (missing) return t.skip("script(1) is missing, which gives a terminal");
	t.after(() => terminal.kill("SIGKILL"));
	let shown = "";
	const status = new Promise((resolve) => terminal.once("close", resolve));
	const answers = [
		[/alice sends "\.bashrc": its name begins with a dot\. Take it\?[\s\S]*\(no in 60 s\) /, "yes\n"],
		[/alice sends "\.profile"[\s\S]*\(no in 60 s\) /, "no\n"],
	] as const;
	let next = 0;
	let waiting: (() => void) | undefined;
	terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
		shown += text;
		if (/waiting for files/.test(shown)) waiting?.();
		const answer = answers[next];
		if (answer === undefined || !answer[0].test(shown)) return;
		next += 1;
		terminal.stdin.write(answer[1]);
	});
	await new Promise<void>((resolve, reject) => {
		waiting = resolve;
		void status.then(() => reject(new Error(`ended early: ${shown}`)));
	});
	const alice = place.client("alice", "send", "--json", join(place.folder, "from/.bashrc"), join(place.folder, "from/.profile"), "--to", "bob");
	await alice.exits(5);
	assert.equal(await status, 5, shown);
	assert.deepEqual(await readdir(join(place.folder, "in")), [".bashrc"]);
	assert.equal((await alice.event("file", ({ name }) => name === ".profile"))["problem"], "NAME_HIDDEN");
});

test("send: a time before 1970 and one that no date can have arrive as they are or are left out, status 0", async (t) => {
	const place = await site(t);
	const old = join(place.folder, "from/old");
	await writeFile(old, "old");
	await utimes(old, 0, "-86400");
	assert.equal((await stat(old)).mtimeMs, -86_400_000);
	await send(place, 0, [old]);
	assert.equal((await stat(join(place.folder, "in/old"))).mtimeMs, -86_400_000);
});
