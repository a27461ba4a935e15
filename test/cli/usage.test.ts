import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "../../packages/conec/src/cli/commands/index.ts";
import { claimDefaultId } from "../../packages/conec/src/cli/machine/client-id.ts";
import { EXIT_CODES } from "../../packages/conec/src/cli/outcome/exit-codes.ts";
import { openState } from "../../packages/conec/src/coordinator/admission/state.ts";
import { lockStateDirectory } from "../../packages/conec/src/coordinator/admission/state-lock.ts";
import { folder, outcome, site } from "./harness.ts";

test("cli: help of every command goes to standard output and is documented", async () => {
	const documentation = await readFile(new URL("../../docs/cli.md", import.meta.url), "utf8");
	const overview = await outcome(["--help"]);
	assert.equal(overview.status, 0);
	await Promise.all(
		Object.keys(COMMANDS).map(async (name) => {
			assert.match(overview.stdout, new RegExp(`^ {2}${name} `, "m"));
			const { status, stdout, stderr } = await outcome([name, "--help"]);
			assert.equal(status, 0, stderr);
			assert.match(stdout, new RegExp(`^Usage: conec ${name}`));
			const command = await COMMANDS[name]?.load();
			for (const option of Object.keys(command?.spec.options ?? {})) {
				assert.ok(stdout.includes(`--${option}`), option);
				assert.ok(documentation.includes(`\`--${option}`), `docs/cli.md lacks --${option}`);
			}
		}),
	);
});

test("cli: exit statuses are documented", async () => {
	const documentation = await readFile(new URL("../../docs/cli.md", import.meta.url), "utf8");
	const documented = [...documentation.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
	assert.deepEqual(documented.sort(), Object.values(EXIT_CODES).map(Number).sort());
});

test("cli: the version is that of the package", async () => {
	const manifest: { version: string } = JSON.parse(await readFile(new URL("../../packages/conec/package.json", import.meta.url), "utf8"));
	assert.deepEqual(await outcome(["--version"]), { status: 0, stdout: `${manifest.version}\n`, stderr: "" });
});

const WRONG: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
	[["recieve"], /unknown command recieve\n +Did you mean receive\?/],
	[["send", "x", "--too", "bob"], /unknown option --too\n +Did you mean --to\?/],
	[["send", "x"], /--to PEER is missing/],
	[["send", "--to", "bob"], /FILE is missing/],
	[["receive", "--max-bytes", "lots"], /--max-bytes must be a number of bytes/],
	[["send", "x", "--to", "bob", "--coordinator", "a", "--congestion", "reno"], /--congestion must be one of cubic, bbr/],
	[["peers", "--id", "a", "--coordinator", "a:99999"], /--coordinator must have a port from 1 to 65535 after the colon, not "99999"/],
	[["peers", "--id", "a", "--coordinator", "a/b"], /--coordinator must be "host", "host:port" or/],
	[["peers", "--id", "Alice", "--coordinator", "a"], /--id cannot be "Alice": it must be labels of a-z/],
	[["peers", "--id", "a", "--coordinator", "a", "--pin", "abc"], /--pin must be "sha256:" and 64/],
	[["peers", "--id", "a", "--coordinator", "a", "--timeout", "0"], /--timeout must be seconds from 0\.1 to 600, or a time such as 500ms or 2m, not "0"/],
	[["peers", "--id", "a", "--coordinator", "a", "--timeout", "soon"], /--timeout must be seconds/],
	[["certs", "issue", "Alice"], /NAME cannot be "Alice": names have no capitals\n +Write it in lower case: alice/],
	[["certs", "renew", "Alice"], /NAME cannot be "Alice"/],
	[["certs", "issue", "alice", "Example.org"], /NAME cannot be "Example\.org"/],
	[["coordinator", "--congestion", "BBR"], /--congestion must be one of cubic, bbr/],
	[["coordinator", "--port", "65536"], /--port must be a whole number from 0 to 65535/],
	[["coordinator", "--cert", "x"], /--cert and --key go together/],
	[["chat", "--to", "a", "--from", "b"], /exclude each other/],
	[["chat", "--room", "lobby", "--to", "a"], /--room and --to exclude each other/],
	[["chat", "--room", "The Lobby"], /--room must be 1 to 123 of a-z/],
	[["chat", "--last", "3"], /--last goes with --room/],
	[["broadcast"], /NAME is missing/],
	[["broadcast", "news", "--mode", "shout"], /--mode must be one of both, send, receive/],
	[["broadcast", "news", "--slow-reader", "wait"], /--slow-reader must be one of drop-oldest/],
	[["broadcast", "news", "--last", "3", "--since", "00112233445566ff:1"], /--since and --last exclude each other/],
	[["broadcast", "news", "--since", "42"], /--since must be EPOCH:SEQ/],
	[["broadcast", "news", "--mode", "send", "--echo"], /--echo needs a --mode that receives/],
	[["coordinator", "--history", "news"], /--history must be PATTERN=N/],
	[["coordinator", "--block", "No way*"], /--block must be the name of a broadcast.*not "No way\*"/],
];
for (const [args, stderr] of WRONG) {
	test(`cli: ${args.join(" ")} ends with status 2 and a hint`, async () => {
		const result = await outcome(args);
		assert.equal(result.status, 2, result.stderr);
		assert.match(result.stderr, stderr);
		assert.equal(result.stdout, "");
	});
}

test("cli: without a known Coordinator, says how to start one", async (t) => {
	const result = await outcome(["chat", "--state", await folder(t)]);
	assert.equal(result.status, 2);
	assert.match(result.stderr, /--coordinator HOST\[:PORT\] is missing\n.*conec coordinator/);
});

test("cli: a wrong id, a missing authority file and a wrong pin text are usage errors", async (t) => {
	const state = await folder(t);
	const common = ["--coordinator", "127.0.0.1:9", "--state", state];
	const results = await Promise.all([
		outcome(["chat", "--id", "Not Valid", "--pin", `sha256:${"0".repeat(64)}`, ...common]),
		outcome(["chat", "--id", "a", "--ca", join(state, "none.pem"), ...common]),
		outcome(["chat", "--id", "a", "--pin", "nonsense", ...common]),
	]);
	assert.deepEqual(
		results.map(({ status }) => status),
		[2, 2, 2],
		results.map(({ stderr }) => stderr).join("\n"),
	);
	assert.match(results[1]?.stderr ?? "", /no such file/);
});

test("receive: a directory that cannot be made is an error, not a hang", { skip: process.platform === "linux" ? false : "needs /proc" }, async (t) => {
	const result = await outcome(["receive", "--dir", "/proc/none/deeper", "--state", await folder(t)]);
	assert.equal(result.status, 1);
	assert.match(result.stderr, /Cannot receive into "\/proc\/none\/deeper": no such file/);
});

test("cli: the Coordinator's key is kept, is private, and its user needs no options", async (t) => {
	const { run, folder: made, coordinator, pin } = await site(t);
	const state = join(made, "coordinator");
	const waiting = run(["receive", "--json", "--id", "bob", "--state", state, "--dir", join(made, "in")]);
	await waiting.event("waiting");
	const ping = run(["ping", "--json", "--id", "alice", "--to", "bob", "--count", "3", "--interval-ms", "0", "--state", state]);
	assert.equal((await ping.event("summary"))["count"], 3);
	await ping.exits(0);
	coordinator.signal("SIGINT");
	await coordinator.exits(130);
	const again = run(["coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", state]);
	assert.equal((await again.event("listening"))["pin"], pin);
});

test("cli: a wrong pin, an unknown peer, nobody listening and a port that is taken each have their status and code", async (t) => {
	const { run, address, options } = await site(t);
	const socket = createSocket("udp4").bind(0, "127.0.0.1");
	await once(socket, "listening");
	t.after(() => socket.close());
	const silent = `127.0.0.1:${socket.address().port}`;
	const made = await folder(t);
	const cases = [
		[["ping", "--json", "--to", "b", "--id", "a", "--coordinator", address, "--pin", `sha256:${"0".repeat(64)}`, "--state", made], 3, "PIN_MISMATCH"],
		[["ping", "--json", "--to", "nobody", ...options("a")], 4, "PEER_UNKNOWN"],
		[["ping", "--json", "--to", "b", "--id", "c", "--coordinator", silent, "--pin", `sha256:${"0".repeat(64)}`, "--state", made], 3, "COORDINATOR_UNREACHABLE"],
		[["ping", "--json", "--to", "b", "--id", "a", "--coordinator", address, "--state", made], 3, "CERTIFICATE_UNTRUSTED"],
		[["ping", "--json", "--to", "b", "--id", "a", "--coordinator", "no-such-host.invalid", "--state", made], 3, "HOST_UNRESOLVABLE"],
		[["coordinator", "--json", "--host", "127.0.0.1", "--port", String(socket.address().port), "--state", made], 1, "ADDRESS_IN_USE"],
	] as const;
	await Promise.all(
		cases.map(async ([args, status, code]) => {
			const running = run(args);
			await running.exits(status);
			const error = await running.event("error");
			assert.equal(error["code"], code, JSON.stringify(error));
			assert.equal(typeof error["hint"], "string");
			assert.match(running.stderr, args[0] === "coordinator" ? /^[-0-9]{10} [:0-9]{8}[+-][:0-9]{5} conec: .+\n {7}.+\n$/s : /^conec: .+\n {7}.+\n$/s);
			assert.ok(!running.stderr.includes("    at "), "no stack");
		}),
	);
});

test("receive: --dir that is a file, or leads through one or to nowhere, is told before anything is asked of the Coordinator", async (t) => {
	if (process.platform === "win32") return t.skip("links need a privilege");
	const made = await folder(t);
	await writeFile(join(made, "file"), "");
	await symlink(join(made, "none", "below"), join(made, "dangling"));
	await symlink(join(made, "file"), join(made, "link"));
	for (const [dir, words] of [
		["file", "a file of that name exists"],
		["link", "a file of that name exists"],
		["file/below", "a parent is not a directory"],
		["dangling", "a file of that name exists"],
	] as const) {
		const path = join(made, dir);
		const { status, stderr } = await outcome(["receive", "--dir", path, "--coordinator", "127.0.0.1:9", "--state", join(made, "state")]);
		assert.equal(status, 1, stderr);
		assert.equal(stderr, `conec: Cannot receive into "${path}": ${words}\n       Check --dir.\n`);
	}
});

test("cli: a relative --state in a working directory that was removed is told as that", async (t) => {
	if (process.platform === "win32") return t.skip("a working directory cannot be removed");
	const before = process.cwd();
	const gone = await folder(t);
	process.chdir(gone);
	t.after(() => process.chdir(before));
	await rm(gone, { recursive: true });
	await assert.rejects(claimDefaultId("state", "alice"), { name: "CliError", message: /state.*no such file or directory/ });
	await assert.rejects(lockStateDirectory("state"), { code: "STATE_DIRECTORY_INVALID", message: /^Cannot use state: no such file or directory/ });
	await assert.rejects(openState("state", { leaseMs: 1, leases: 1, leasesPerSource: 1 } as never), { code: "STATE_DIRECTORY_INVALID" });
});
