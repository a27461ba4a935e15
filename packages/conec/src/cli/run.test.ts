import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedStream, testSurroundings } from "../../testing/cli-surroundings.ts";
import type { Command, CommandContext, OutputRole } from "./command-line/command.ts";
import type { Arguments } from "./command-line/index.ts";
import { COMMANDS } from "./commands/index.ts";
import { EXIT_CODES } from "./outcome/exit-codes.ts";
import { run, runCommand } from "./run.ts";

const command = (outputRole: OutputRole, runs: Command["run"], more: Partial<Command> = {}): Command => ({
	spec: { name: "try", usage: "", summary: "Try", operands: { least: 0, most: 0, what: "" }, options: {}, examples: [] },
	linesTo: "stdout",
	outputRole,
	run: runs,
	...more,
});

/** Says something and works until it is told to end, or for a while. */
async function work({ output, signal }: CommandContext): Promise<0> {
	output.event("begun", {}, "begun");
	output.note("a remark");
	for (let round = 0; round < 20; round++) {
		await new Promise((resolve) => setImmediate(resolve));
		signal.throwIfAborted();
	}
	output.event("done", {}, "done");
	return 0;
}

const { ok, failed, brokenPipe } = EXIT_CODES;
const ERRNOS = ["EPIPE", "ECONNRESET", "EOF", "ENOSPC", "EDQUOT", "EIO", "EAGAIN", "EFBIG", "ENXIO", "EBADF"];
const isGone = (errno: string): boolean => ["EPIPE", "ECONNRESET", "EOF"].includes(errno);

for (const errno of ERRNOS) {
	for (const json of [[], ["--json"]]) {
		const how = json.length === 0 ? "" : " with --json";
		test(`run: ${errno} on standard error ends nothing${how}`, async () => {
			for (const role of ["purpose", "report"] as const) {
				const stdout = new CapturedStream();
				assert.equal(await runCommand(command(role, work), json, testSurroundings({ stdout, stderr: new CapturedStream({ errno }) })), ok, role);
				assert.match(stdout.text, /begun(?:.|\n)*done/);
			}
		});

		test(`run: ${errno} on standard output does not end a command whose work is elsewhere${how}`, async () => {
			const stderr = new CapturedStream();
			assert.equal(await runCommand(command("report", work), json, testSurroundings({ stdout: new CapturedStream({ errno }), stderr })), ok);
			assert.equal(stderr.text, json.length === 0 ? "a remark\n" : "");
		});

		test(`run: ${errno} on standard output ${isGone(errno) ? "ends a command whose purpose it is, quietly" : "lets such a command go on, and fail at its end"}${how}`, async () => {
			const stderr = new CapturedStream();
			let ended = false;
			const running = command("purpose", async (context) => {
				try {
					return await work(context);
				} finally {
					ended = context.signal.aborted;
				}
			});
			const status = await runCommand(running, json, testSurroundings({ stdout: new CapturedStream({ errno }), stderr }));
			assert.deepEqual([status, ended], isGone(errno) ? [brokenPipe, true] : [failed, false]);
			assert.equal(/conec: Cannot write all of the output: .+\n {7}Check where standard output goes\.\n$/.test(stderr.text), !isGone(errno), stderr.text);
		});
	}

	test(`run: ${errno} on standard output while the last words are written counts, too`, async () => {
		const say = command("purpose", async ({ output }) => {
			output.line("all at once");
			return ok;
		});
		assert.equal(
			await runCommand(say, [], testSurroundings({ stdout: new CapturedStream({ errno }), stderr: new CapturedStream() })),
			isGone(errno) ? brokenPipe : failed,
		);
	});

	test(`run: ${errno} on the standard output of help and version is told in the status, never with a stack`, async () => {
		for (const args of [["--help"], ["help"], ["-h"], ["--version"], ...Object.keys(COMMANDS).map((name) => [name, "--help"])]) {
			const stderr = new CapturedStream();
			const status = await run(args, testSurroundings({ stdout: new CapturedStream({ errno }), stderr }));
			assert.equal(status, isGone(errno) ? brokenPipe : failed, args.join(" "));
			assert.match(stderr.text, isGone(errno) ? /^$/ : /^conec: Cannot write all of the output: [^\n]+\n {7}[^\n]+\n$/);
		}
	});

	test(`run: ${errno} on standard error does not hide that a command line is wrong`, async () => {
		for (const args of [[], ["nonsense"], ["--nonsense"], ["send"], ["ping", "--nonsense"]])
			assert.equal(
				await run(args, testSurroundings({ stdout: new CapturedStream(), stderr: new CapturedStream({ errno }) })),
				EXIT_CODES.usage,
				args.join(" "),
			);
	});
}

test("run: a command that has failed keeps its status, whatever becomes of its output", async () => {
	const fail = command("purpose", async ({ output }) => {
		output.line("something");
		throw Object.assign(new TypeError("Cannot: no"), { code: "OPTION_INVALID" });
	});
	for (const errno of [undefined, ...ERRNOS])
		assert.equal(
			await runCommand(fail, [], testSurroundings({ stdout: new CapturedStream({ errno }), stderr: new CapturedStream({ errno }) })),
			EXIT_CODES.usage,
		);
});

test("run: SIGTERM is the ordinary end of a service, and of nothing else; Ctrl-C is told", async () => {
	const until = command("report", ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
	const service: Command = { ...until, isService: () => true };
	const cases = [
		[service, "SIGTERM", ok],
		[service, "SIGINT", EXIT_CODES.interrupted],
		[service, "SIGHUP", EXIT_CODES.hangup],
		[until, "SIGTERM", EXIT_CODES.terminated],
		[{ ...until, isService: () => false }, "SIGTERM", EXIT_CODES.terminated],
	] as const;
	for (const [one, signal, status] of cases) {
		const surroundings = testSurroundings();
		const running = runCommand(one, [], surroundings);
		while (!surroundings.signals.isHeard) await new Promise((resolve) => setImmediate(resolve));
		surroundings.signals.raise(signal);
		assert.equal(await running, status, signal);
	}
});

test("run: which commands end with their output, and which are services", async () => {
	const roles: Record<string, unknown> = {};
	const args: Arguments = {
		operands: [],
		text: () => undefined,
		flag: () => false,
		typed: () => false,
		count: () => undefined,
		bytes: () => undefined,
		list: () => [],
		choice: () => undefined,
		named: (name: string) => `--${name}`,
		sources: () => [],
		withConfiguration: () => args,
	};
	for (const [name, entry] of Object.entries(COMMANDS)) {
		const { outputRole, isService } = await entry.load();
		roles[name] = [typeof outputRole === "function" ? outputRole(args) : outputRole, isService?.(args) === true];
	}
	assert.deepEqual(roles, {
		coordinator: ["report", true],
		chat: ["purpose", false],
		send: ["report", false],
		receive: ["report", true],
		pipe: ["purpose", false],
		broadcast: ["purpose", false],
		ping: ["purpose", false],
		netcheck: ["purpose", false],
		peers: ["purpose", false],
		certs: ["report", false],
		demo: ["purpose", false],
		completion: ["purpose", false],
	});
});

test("run: the demonstration says what helps where there is no temporary directory", async () => {
	const { machine } = testSurroundings();
	const surroundings = testSurroundings({ machine: { ...machine, temporaryDirectory: () => process.execPath } });
	const { stderr } = surroundings;
	assert.equal(await run(["demo"], surroundings), failed);
	assert.match(stderr.text, /^conec: Cannot make a directory for the demonstration in ".*": a file is where a directory is needed \(ENOTDIR\)\n {7}.*TMPDIR/);
});
