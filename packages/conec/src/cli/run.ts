/**
 * One run of `conec`: from the command line to the exit status. Loads only what is needed: help loads no command.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { Command } from "./command-line/index.ts";
import { type Arguments, type CommandSpec, commandHelp, parseCommandLine, suggestion } from "./command-line/index.ts";
import { COMMANDS } from "./commands/index.ts";
import { CliError, EXIT_CODES, type ExitCode } from "./outcome/index.ts";
import { StandardSink, type Surroundings } from "./surroundings/index.ts";
import type { Output } from "./terminal/index.ts";
import { printable } from "./text/index.ts";

/**
 * Runs a command line. All that it needs of the outside is in `surroundings`. Never rejects. Resolves with the exit status when all
 * output is written, or lost.
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
	const { env } = surroundings;
	const sinks = sinksOf(surroundings);
	const { stderr } = sinks;
	const [name, ...rest] = args;
	switch (name) {
		case undefined:
			stderr.write(overview());
			return EXIT_CODES.usage;
		case "help":
		case "--help":
		case "-h":
			return await show(overview(), sinks, surroundings);
		case "--version":
			return await show(`${await version()}\n`, sinks, surroundings);
	}
	const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
	if (entry === undefined) {
		const what = name.startsWith("-") ? "unknown option" : "unknown command";
		const hint = (name.startsWith("-") ? undefined : suggestion(name, Object.keys(COMMANDS), "")) ?? "See: conec --help";
		stderr.write(`conec: ${what} ${printable(name, 64)}\n       ${hint}\n`);
		return EXIT_CODES.usage;
	}
	const spec = await entry.spec();
	if (parse(spec, rest, env) === "help") return await show(commandHelp(spec), sinks, surroundings);
	return await runCommand(await entry.load(), rest, surroundings, sinks);
}

/** Standard output and standard error, to which writing never fails. */
interface Sinks {
	readonly stdout: StandardSink;
	readonly stderr: StandardSink;
}

/** From now on no error of a standard stream ends the process. */
function sinksOf({ stdout, stderr, clock }: Surroundings): Sinks {
	return { stdout: new StandardSink(stdout, { clock }), stderr: new StandardSink(stderr, { clock }) };
}

/** Parses what follows the command's name. An error is returned, not thrown: it is told when the command runs, like any other. */
function parse(spec: CommandSpec, args: readonly string[], env: Surroundings["env"]): Arguments | "help" | CliError {
	try {
		return parseCommandLine(spec, args, env);
	} catch (error) {
		if (error instanceof CliError) return error;
		throw error;
	}
}

/** Runs one command with the arguments that follow its name; `--help` among them shows its help instead. Never rejects. */
export async function runCommand(
	command: Command,
	args: readonly string[],
	surroundings: Surroundings,
	sinks: Sinks = sinksOf(surroundings),
): Promise<ExitCode> {
	const { env, clock } = surroundings;
	const { stdout, stderr } = sinks;
	const parsed = parse(command.spec, args, env);
	if (parsed === "help") return await show(commandHelp(command.spec), sinks, surroundings);
	const { Output, Interrupted, watchInterruption } = await import("./terminal/index.ts");
	const isLog = command.isLog === true && !(parsed instanceof CliError);
	const output = new Output({ json: args.includes("--json"), linesTo: command.linesTo, isLog, env, clock, stdout, stderr });
	if (parsed instanceof CliError) return await report(parsed, output, env);
	const role = typeof command.outputRole === "function" ? command.outputRole(parsed) : command.outputRole;
	const interruption = watchInterruption(surroundings);
	if (role === "purpose") {
		stdout.keepAll();
		stdout.onGone(() => interruption.outputGone());
	}
	let status: ExitCode;
	try {
		status = await command.run({ args: parsed, output, surroundings, signal: interruption.signal, onHangup: interruption.onHangup });
	} catch (error) {
		if (!(error instanceof Interrupted)) status = await report(error, output, env);
		else status = error.exitCode === EXIT_CODES.terminated && command.isService?.(parsed) === true ? EXIT_CODES.ok : error.exitCode;
	} finally {
		interruption.stop();
	}
	if (role === "purpose") return await afterOutput(status, output, stdout);
	await stdout.flushed(LAST_WORDS_MS);
	return status;
}

/** Writes a text that the user has asked for, such as help. */
async function show(text: string, { stdout, stderr }: Sinks, { env, clock }: Surroundings): Promise<ExitCode> {
	stdout.write(text);
	await stdout.flushed();
	stdout.settleFile();
	if (stdout.failure === undefined) return EXIT_CODES.ok;
	const { Output } = await import("./terminal/index.ts");
	return await incomplete(new Output({ json: false, linesTo: "stdout", env, clock, stdout, stderr }), stdout, stdout.failure);
}

/** Waits until the output has been read, however long that takes, and says when it is not whole: that is no success. */
async function afterOutput(status: ExitCode, output: Output, stdout: StandardSink): Promise<ExitCode> {
	await stdout.flushed();
	stdout.settleFile();
	return status === EXIT_CODES.ok && stdout.failure !== undefined ? await incomplete(output, stdout, stdout.failure) : status;
}

async function incomplete(output: Output, stdout: StandardSink, errno: string): Promise<ExitCode> {
	if (stdout.isGone) return EXIT_CODES.brokenPipe;
	const { outputError } = await import("./terminal/index.ts");
	const error = outputError(errno);
	output.error(error.message, error.hint, undefined);
	return error.exitCode;
}

async function report(error: unknown, output: Output, env: Surroundings["env"]): Promise<ExitCode> {
	if (env["CONEC_DEBUG"]) output.debug(error);
	if (error instanceof CliError && error.cause === undefined) {
		output.error(printable(error.message), error.hint, error.exitCode === EXIT_CODES.usage ? "USAGE" : undefined);
		return error.exitCode;
	}
	const { explainError } = await import("./connecting/index.ts");
	const { message, hint, code, exitCode } = explainError(error);
	output.error(message, hint, code);
	return exitCode;
}

/** How long the last lines of a command may wait for a slow reader, if its output is not its purpose. Milliseconds. */
const LAST_WORDS_MS = 5_000;

function overview(): string {
	const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
	return [
		"Usage: conec COMMAND [OPTION...]",
		"",
		"Channels between machines: messages and files from peer to peer through one Coordinator, over QUIC.",
		"",
		"Commands:",
		...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
		"",
		"conec COMMAND --help shows its options; conec --version the version.",
		"Start with: conec demo",
		"",
	].join("\n");
}

async function version(): Promise<string> {
	const manifest: { version: string } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
	return manifest.version;
}
