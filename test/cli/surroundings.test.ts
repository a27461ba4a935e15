/** Commands in surroundings that lack something: a home, a place to write, a name of the machine. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { certificateNames } from "../../packages/conec/src/cli/machine/host.ts";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { NODE_FLAGS } from "../../packages/conec/testing/node-flags.ts";
import { folder, outcome, site, started } from "./harness.ts";

const SOURCES = new URL("../../packages/conec/src/", import.meta.url);
const NOWHERE = ["--coordinator", "127.0.0.1:9", "--pin", `sha256:${"0".repeat(64)}`];

/** Surroundings in which there is no place for keys, and what is said about it. `HOME: undefined` is one without a passwd entry, too. */
const PLACES: readonly (readonly [what: string, home: (made: string) => Promise<string> | string, said: RegExp, status: number])[] = [
	["HOME is empty", () => "", /Cannot find a place for keys: this user has no home directory/, 2],
	["HOME is relative", () => "somewhere", /Cannot find a place for keys: this user has no home directory/, 2],
	["HOME is a file", (made) => fileIn(made), /Cannot use .*: a file is where a directory is needed \(ENOTDIR\)/, 1],
	["HOME is below a file", async (made) => join(await fileIn(made), "below"), /Cannot use .*: a file is where a directory is needed \(ENOTDIR\)/, 1],
	["HOME is where nothing can be made", () => "/proc/none", /Cannot use .*: no such file or directory \(ENOENT\)/, 1],
];

async function fileIn(made: string): Promise<string> {
	const path = join(made, "file");
	await writeFile(path, "");
	return path;
}

for (const [what, home, said, status] of PLACES) {
	test(`surroundings: where ${what}, every command that keeps something says so and names --state, and makes nothing`, {
		skip: existsSync("/proc/self") ? false : "needs /proc",
	}, async (t) => {
		const made = await folder(t);
		const env = { HOME: await home(made) };
		const before = await readdir(made);
		const results = await Promise.all([
			outcome(["peers", ...NOWHERE], env),
			outcome(["receive", "--id", "bob", "--dir", made, ...NOWHERE], env),
			outcome(["coordinator", "--host", "127.0.0.1", "--port", "0"], env),
		]);
		for (const result of results) {
			assert.equal(result.status, status, result.stderr);
			assert.match(result.stderr, said);
			assert.match(result.stderr, /--state DIR/);
		}
		assert.deepEqual(await readdir(made), before);
	});
}

test("surroundings: a user without a passwd entry and without HOME is told so", async (t) => {
	if (process.getuid?.() !== 0) return t.skip("only root can be such a user");
	const running = started(t, ["peers", ...NOWHERE], { uid: 54_321, env: { HOME: "" } });
	await running.exits(2);
	assert.match(running.stderr, /this user has no home directory\n.*--state DIR/);
	const state = await folder(t);
	await chmod(state, 0o777);
	const placed = started(t, ["peers", "--state", state, ...NOWHERE], { uid: 54_321, env: { HOME: "" } });
	await placed.exits(3);
});

test("surroundings: a directory that only root may write, and one that is read-only, are named with what helps", async (t) => {
	if (process.getuid?.() !== 0) return t.skip("only root can be another user");
	const state = await folder(t);
	await chmod(state, 0o755);
	for (const args of [
		["peers", ...NOWHERE],
		["receive", "--id", "bob", "--dir", "/tmp", ...NOWHERE],
		["coordinator", "--port", "0"],
	]) {
		const running = started(t, [...args, "--state", state], { uid: 54_321 });
		await running.exits(1);
		assert.match(running.stderr, /Cannot use .*: permission denied \(EACCES\)\n.*--state DIR/);
	}
	assert.deepEqual(await readdir(state), []);
});

test("surroundings: a Client that brings its certificate, key and id needs no place at all", async (t) => {
	const place = await site(t);
	const { certificates, privateKey } = await makeSelfSigned({ names: ["carol"] }, "kept");
	const pem = (label: string, der: Uint8Array): string =>
		`-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
	const [cert, key] = [join(place.folder, "carol.pem"), join(place.folder, "carol.key")];
	await writeFile(cert, pem("CERTIFICATE", certificates[0] as Uint8Array));
	await writeFile(key, pem("PRIVATE KEY", privateKey));
	for (const home of ["", "/proc/none", key]) {
		const running = place.run(["peers", "--json", "--coordinator", place.address, "--pin", place.pin, "--cert", cert, "--key", key], { HOME: home });
		await running.exits(0);
		assert.equal((await running.event("connected"))["id"], "carol");
	}
});

test("surroundings: the file by which Clients find the Coordinator cannot be written, and it runs all the same", async (t) => {
	const made = await folder(t);
	const state = join(made, "coordinator");
	// A directory in its place: not even root can replace it.
	await mkdir(join(state, "coordinator.json", "in the way"), { recursive: true });
	const coordinator = started(t, ["coordinator", "--host", "127.0.0.1", "--port", "0", "--state", state]);
	await coordinator.says(/cannot write ".*coordinator\.json": .*; Clients here need the link/);
	coordinator.signal("SIGTERM");
	await coordinator.exits(process.platform === "win32" ? "SIGTERM" : 0);
	assert.match(coordinator.stdout.toString(), /Coordinator is listening/);
	assert.match(coordinator.stdout.toString(), /In another terminal here, as this user:\n {2}conec chat --id \S+ --state \S+ --link conec:/);
});

test("surroundings: a Coordinator starts whatever its machine is called", async (t) => {
	// Node asks the system, not the environment, so it gets a name of its own.
	const named = (name: string, ...command: string[]) => [
		"--uts",
		"python3",
		"-c",
		"import os, socket, sys; socket.sethostname(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])",
		name,
		...command,
	];
	if (process.platform !== "linux" || spawnSync("unshare", named("x", "true")).status !== 0)
		return t.skip("this user or system cannot give a process a host name");
	const state = join(await folder(t), "coordinator");
	const script = `
		import { Coordinator } from ${JSON.stringify(new URL("index.ts", SOURCES).href)};
		import { certificateNames } from ${JSON.stringify(new URL("cli/machine/index.ts", SOURCES).href)};
		import { safeHostName } from ${JSON.stringify(new URL("files/process-identity.ts", SOURCES).href)};
		const names = ["localhost", ...certificateNames(safeHostName())];
		const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, names, stateDirectory: ${JSON.stringify(state)} });
		console.log(JSON.stringify([safeHostName(), names.length, coordinator.fingerprint]));
		await coordinator.close();`;
	const node = [process.execPath, ...NODE_FLAGS, "--input-type=module", "--eval", script];
	const pins = new Set<string>();
	for (const [name, names] of [
		["a".repeat(64), 1],
		["", 1],
		["x_y", 1],
		["Ünï", 1],
		["vm.example.org", 2],
	] as const) {
		const { stdout, stderr } = spawnSync("unshare", named(name, ...node), { encoding: "utf8" });
		const [host, count, pin] = JSON.parse(stdout || "[]") as [string, number, string];
		assert.deepEqual([host, count], [name, names], stderr);
		pins.add(pin);
	}
	assert.equal(pins.size, 1, "the key stays");
});

test("surroundings: every name that is taken from the machine can be in a certificate", async () => {
	await fc.assert(
		fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9_-]{0,66}(\.[A-Za-z0-9_-]{0,66}){0,4}$/), async (host) => {
			const names = certificateNames(host);
			if (names.length > 0) await makeSelfSigned({ names }, "kept");
		}),
	);
});
