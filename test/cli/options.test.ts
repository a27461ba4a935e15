/** Help, versions, levels, the environment and configuration files, as a user meets them. */

import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "../../packages/conec/src/cli/commands/index.ts";
import { until } from "../../packages/conec/testing/until.ts";
import { folder, outcome, site } from "./harness.ts";
import { RunningHere } from "./running.ts";

test("cli: help COMMAND is COMMAND --help, and the version has three names", async () => {
	for (const name of Object.keys(COMMANDS)) assert.deepEqual(await outcome(["help", name]), await outcome([name, "--help"]), name);
	const version = await outcome(["version"]);
	assert.match(version.stdout, /^\d+\.\d+\.\d+\S*\n$/);
	for (const same of ["-V", "--version"]) assert.deepEqual(await outcome([same]), version);
	const overview = await outcome(["--help"]);
	for (const same of [["help"], ["-h"], ["help", "help"], ["help", "version"]]) assert.deepEqual(await outcome(same), overview);
});

const WRONG: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
	[["help", "recieve"], /unknown command recieve\n +Did you mean receive\?/],
	[["help", "send", "chat"], /unexpected argument "chat"/],
	[["help", "--nonsense"], /unknown option --nonsense/],
	[["help", "__proto__"], /unknown command __proto__/],
	[["version", "now"], /unexpected argument "now"/],
	[["-V", "now"], /unexpected argument "now"/],
	[["verison"], /Did you mean version\?/],
	[["-v"], /unknown option -v/],
	[["completion"], /SHELL is missing/],
	[["peers", "--quiet", "--log-level", "warn"], /--quiet and --log-level exclude each other/],
	[["peers", "--log-level", "loud"], /--log-level must be one of error, warn, info, debug, not "loud"/],
];
for (const [args, stderr] of WRONG) {
	test(`cli: ${args.join(" ")} ends with status 2`, async () => {
		const result = await outcome(args);
		assert.deepEqual([result.status, result.stdout], [2, ""], result.stderr);
		assert.match(result.stderr, stderr);
	});
}

const OF_THE_ENVIRONMENT: readonly (readonly [args: readonly string[], env: Readonly<Record<string, string>>, stderr: RegExp])[] = [
	[["coordinator"], { CONEC_COORDINATOR_PORT: "http" }, /CONEC_COORDINATOR_PORT must be a whole number from 0 to 65535, not "http"/],
	[["coordinator"], { CONEC_COORDINATOR_LIMIT: "clinets=5" }, /CONEC_COORDINATOR_LIMIT: a Coordinator has no limit "clinets"\n.*Did you mean clients\?/],
	[["coordinator"], { CONEC_COORDINATOR_HISTORY: "news" }, /CONEC_COORDINATOR_HISTORY must be PATTERN=N/],
	[["coordinator"], { CONEC_COORDINATOR_DENY: "/none" }, /Cannot read "\/none": no such file\n.*Check CONEC_COORDINATOR_DENY\./],
	[["coordinator"], { CONEC_COORDINATOR_END_AT_EXPIRY: "1" }, /CONEC_COORDINATOR_END_AT_EXPIRY needs --client-ca/],
	[["coordinator"], { CONEC_COORDINATOR_CONFIG: "/none.json" }, /Cannot read "\/none\.json": no such file\n.*Check CONEC_COORDINATOR_CONFIG\./],
	[["chat"], { CONEC_CHAT_TO: "a", CONEC_CHAT_FROM: "b" }, /CONEC_CHAT_TO and CONEC_CHAT_FROM exclude each other/],
	[["ping", "bob"], { CONEC_PATH: "straight" }, /CONEC_PATH must be one of auto, direct, proxied, not "straight"/],
	[["peers"], { CONEC_JSON: "maybe" }, /CONEC_JSON must be 1 or 0, not "maybe"/],
	[["receive"], { CONEC_RECEIVE_MAX_BYTES: "lots" }, /CONEC_RECEIVE_MAX_BYTES must be a number of bytes/],
	[["peers", "--coordinator", "a"], { CONEC_CA: "/none.pem" }, /Cannot read "\/none\.pem": no such file\n.*Check CONEC_CA\./],
];
for (const [args, env, stderr] of OF_THE_ENVIRONMENT) {
	test(`cli: ${args.join(" ")} with ${Object.keys(env).join(" and ")} names the variable`, async (t) => {
		const result = await outcome(args, { CONEC_STATE: await folder(t), ...env });
		assert.deepEqual([result.status, result.stdout], [2, ""], result.stderr);
		assert.match(result.stderr, stderr);
	});
}

test("cli: a variable stands for its option, also for --json, and one for another command is not read", async (t) => {
	const { run, address, pin, folder: made } = await site(t);
	const env = { CONEC_ID: "alice", CONEC_COORDINATOR: address, CONEC_PIN: pin, CONEC_STATE: join(made, "a") };
	const peers = run(["peers", "--json"], { ...env, CONEC_CHAT_ROOM: "x", CONEC_COORDINATOR_PORT: "http" });
	assert.deepEqual(
		((await peers.event("members"))["members"] as { id: string }[]).map(({ id }) => id),
		["alice"],
	);
	await peers.exits(0);
	const typed = await outcome(["peers", "--id", "carol"], { ...env, CONEC_JSON: "1" });
	assert.equal(JSON.parse(typed.stdout.split("\n")[0] ?? "").id, "carol");
	const error = await outcome(["peers", "--nonsense"], { CONEC_JSON: "yes" });
	assert.equal(JSON.parse(error.stdout).code, "USAGE");
});

test("cli: levels leave out what is told, never what the command is for", async (t) => {
	const { run, options, folder: made } = await site(t);
	const told = async (...args: string[]): Promise<[stdout: string, stderr: string]> => {
		const running = run(args);
		running.stdin.end();
		await running.exits(0);
		return [running.stdout.toString(), running.stderr];
	};
	/** For how long a Client is connected depends on the machine. */
	const ageless = ([stdout, stderr]: readonly [string, string]): unknown => [stdout.replaceAll(/ +/g, " ").replaceAll(/ \d+ s /g, " 0 s "), stderr];
	const [list, remarks] = await told("peers", ...options("a"));
	assert.match(remarks, /connected to .*\n1 connected\n/);
	for (const quiet of [["--quiet"], ["-q"], ["--log-level", "error"], ["--log-level", "warn"]])
		assert.deepEqual(ageless(await told("peers", ...quiet, ...options("a"))), ageless([list, ""]), quiet.join(" "));
	const certs = join(made, "certs");
	assert.deepEqual(await told("certs", "init", "--dir", certs, "--quiet"), ["", ""]);
	assert.deepEqual((await readdir(certs)).sort(), ["ca.key", "ca.pem"]);
	assert.match((await told("certs", "show", join(certs, "ca.pem"), "--quiet"))[0], /fingerprint/);
});

test("cli: a quiet transfer tells only of what did not arrive", async (t) => {
	const { client, coordinator, folder: made } = await site(t);
	const from = join(made, "from", "data");
	await mkdir(from);
	await Promise.all([writeFile(join(from, "good.txt"), "good"), writeFile(join(from, ".bashrc"), "bad"), writeFile(join(made, "from", ".hidden"), "bad")]);
	const receiving = client("bob", "receive", "--quiet", "--once", "--from", "alice", "--dir", join(made, "in"));
	await coordinator.event("connected", ({ id }) => id === "bob");
	const sending = client("alice", "send", "-q", from, join(made, "from", ".hidden"), "--to", "bob");
	await sending.exits(5);
	await receiving.exits(5);
	assert.match(sending.stdout.toString(), /^not sent ".hidden": its name is not allowed: .*\n$/);
	assert.match(receiving.stdout.toString(), /^not received ".hidden": its name is not allowed: .*\n$/);
	assert.deepEqual([sending.stderr, receiving.stderr], ["", ""]);
});

test("cli: pings leave nothing in the output of the peer, and nothing but who came and went in the log of the Coordinator", async (t) => {
	const made = await folder(t);
	const state = (id: string): string[] => ["--id", id, "--state", join(made, "state")];
	const started: RunningHere[] = [];
	t.after(() => Promise.all(started.map((running) => running.kill())));
	const run = (...args: string[]): RunningHere => {
		const running = new RunningHere(args);
		started.push(running);
		return running;
	};
	const coordinator = run("coordinator", "--host", "127.0.0.1", "--port", "0", "--state", join(made, "state"));
	await coordinator.prints(/listening/);
	const receiving = run("receive", "--dir", join(made, "in"), ...state("bob"));
	await receiving.says(/waiting for files/);
	const before = receiving.stderr;
	const whole = run("ping", "bob", "--count", "3", "--interval-ms", "1", ...state("alice"));
	await whole.exits(0);
	const interrupted = run("ping", "bob", "--count", "1000", "--interval-ms", "20", ...state("dave"));
	await interrupted.prints(/64 bytes from bob/);
	interrupted.signal("SIGINT");
	await interrupted.exits(130);
	assert.deepEqual([receiving.stderr, receiving.stdout.toString()], [before, ""]);
	await coordinator.prints(/dave left/);
	const log = coordinator.stdout.toString();
	const lines = log
		.split("\n")
		.filter((line) => /^\d{4}-/.test(line))
		.map((line) => line.replace(/^\S+ \S+ /, "").replace(/ from \S+| left| \(\d+ connected\)/g, ""));
	assert.deepEqual(lines, ["+ bob", "+ alice", "- alice", "+ dave", "- dave"], log);
});

test("coordinator: what is told at each level, for people and for programs", async (t) => {
	const made = await folder(t);
	const logs: Record<string, string> = {};
	for (const [name, args] of Object.entries({
		info: [],
		quiet: ["--quiet"],
		warn: ["--log-level", "warn"],
		json: ["--json"],
		"json-warn": ["--json", "--log-level", "warn"],
	})) {
		const directory = join(made, name);
		let text = "";
		const coordinator = new RunningHere(["coordinator", "--host", "127.0.0.1", "--port", "0", "--state", directory, ...args]);
		const kept = coordinator as unknown as { tookOutput(piece: Buffer): void };
		const take = kept.tookOutput.bind(coordinator);
		kept.tookOutput = (piece) => {
			text += piece.toString();
			take(piece);
		};
		t.after(() => coordinator.kill());
		// A Client with the same state directory finds it, once it listens.
		for (;;) {
			const { status } = await outcome(["peers", "--quiet", "--id", "alice", "--state", directory]);
			if (status === 0) break;
			assert.ok(!coordinator.hasEnded, coordinator.stderr);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		// The Client may be gone before the Coordinator has noticed.
		if (name === "info" || name === "json") await until(() => /alice left|"disconnected"/.test(text));
		await coordinator.kill();
		logs[name] = text;
	}
	assert.match(logs["info"] ?? "", /is listening on[\s\S]*\+ alice from .*\n[\s\S]*- alice left/);
	assert.equal(logs["quiet"], "");
	assert.equal(logs["warn"], "");
	const events = (name: string): [string, string][] =>
		(logs[name] ?? "")
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as { event: string; level: string })
			.map(({ event, level }) => [event, level]);
	assert.deepEqual(events("json-warn"), [["listening", "info"]]);
	assert.deepEqual(events("json").slice(0, 3), [
		["listening", "info"],
		["connected", "info"],
		["disconnected", "info"],
	]);
});

test("coordinator: it runs by its configuration file, and the command line and the environment come before it", async (t) => {
	const made = await folder(t);
	const config = join(made, "conec.json");
	await writeFile(config, `// mine\n{ "host": "127.0.0.1", "port": 0, "state": "keys", "json": true, "limits": { "clients": 1, "leaseMs": "1h" }, }\n`);
	const coordinator = new RunningHere(["coordinator", "--config", config, "--json"]);
	t.after(() => coordinator.kill());
	const { port, pin } = await coordinator.event("listening");
	assert.deepEqual((await readdir(join(made, "keys"))).includes("coordinator.pem"), true);
	const one = new RunningHere(["chat", "--id", "one", "--state", join(made, "one"), "--coordinator", `127.0.0.1:${port}`, "--pin", String(pin)]);
	t.after(() => one.kill());
	await one.says(/waiting for a caller/);
	const args = ["peers", "--id", "two", "--state", join(made, "two"), "--coordinator", `127.0.0.1:${port}`, "--pin", String(pin)];
	const two = await outcome(args, { CONEC_JSON: "1" });
	assert.equal(two.status, 3);
	assert.match(two.stdout, /"LIMIT_EXCEEDED"/);
});

test("coordinator: --check says what all options come to and where each is from, and binds and writes nothing", async (t) => {
	const made = await folder(t);
	const config = join(made, "conec.json");
	await writeFile(config, `{\n  "port": 1,\n  "name": "写真.example",\n  "quiet": true,\n  "limits": { "clients": 5, "messageBytes": "4M" }\n}`);
	const env = { CONEC_COORDINATOR_PORT: "2", CONEC_STATE: join(made, "state") };
	const args = ["coordinator", "--config", config, "--check", "--host", "::1", "--limit", "clients=6"];
	const { status, stdout, stderr } = await outcome(args, env);
	assert.equal(status, 0, stderr);
	assert.equal(
		stdout.replaceAll(made, "DIR").replaceAll(/ {2,}/g, "  "),
		[
			"Nothing is wrong. What is given, and where:",
			"  host  ::1  --host",
			"  port  2  CONEC_COORDINATOR_PORT",
			'  name  写真.example  "name" ("DIR/conec.json", line 3, column 11)',
			"  state  DIR/state  CONEC_STATE",
			"  config  DIR/conec.json  --config",
			"  limit clients  6  --limit",
			'  limit messageBytes  4194304  "messageBytes" ("DIR/conec.json", line 5, column 29)',
			"",
		].join("\n"),
	);
	assert.deepEqual(await readdir(made), ["conec.json"]);
	const checked = JSON.parse((await outcome(args, { ...env, CONEC_JSON: "1" })).stdout);
	assert.deepEqual(checked.limits.clients, { value: 6, from: "--limit" });
	assert.deepEqual(checked.options.port, { value: "2", from: "CONEC_COORDINATOR_PORT" });
});

test("coordinator: --check finds what a start would find", async (t) => {
	const made = await folder(t);
	const certs = join(made, "certs");
	for (const args of [["init"], ["issue", "a.example"], ["issue", "b.example"]]) assert.equal((await outcome(["certs", ...args, "--dir", certs])).status, 0);
	await writeFile(join(made, "deny.txt"), "sha256:nonsense\n");
	const cases: readonly (readonly [file: string, status: number, stderr: RegExp])[] = [
		['{"cert": "certs/a.example.pem", "key": "certs/a.example.key", "client-ca": "certs/ca.pem"}', 0, /^$/],
		['{"cert": "certs/a.example.pem", "key": "certs/b.example.key"}', 2, /"key" \(.*, line 1, column 40\) is not the key of the certificate in/],
		['{"cert": "certs/a.example.pem", "key": "certs/a.example.pem"}', 2, /there is no private key in/],
		['{"cert": "certs/a.example.key", "key": "certs/a.example.key"}', 2, /Cannot use ".*a\.example\.key"/],
		['{"cert": "certs/a.example.pem"}', 2, /--cert and --key go together/],
		['{"client-ca": "deny.txt"}', 2, /Cannot use ".*deny\.txt"/],
		['{"deny": "deny.txt"}', 2, /line 1, is not a fingerprint/],
		['{"host": "a.example"}', 2, /"host" \(.*, line 1, column 10\) must be an IP address of this machine, not "a\.example"/],
		['{"congestion": "reno"}', 2, /"congestion" \(.*\) must be one of cubic, bbr, not "reno"/],
		['{\n\t"prot": 1\n}', 2, /line 2, column 2: there is no key "prot"\n +Did you mean "port"\?/],
		['{"limits": {\n"clinets": 1}}', 2, /"clinets" \(.*, line 2, column 1\): a Coordinator has no limit "clinets"\n +Did you mean clients\?/],
		['{"port": 1', 2, /line 1, column 11: the text ends/],
	];
	for (const [file, status, stderr] of cases) {
		await writeFile(join(made, "c.json"), file);
		const result = await outcome(["coordinator", "--check", "--config", join(made, "c.json"), "--state", join(made, "state")]);
		assert.equal(result.status, status, file + result.stderr);
		assert.match(result.stderr, stderr, file);
	}
});
