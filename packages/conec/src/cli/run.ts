/**
 * One run of `conec`: from the command line to the exit status. Loads only what is needed: help loads no command.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { Command, CommandEntry } from "./command-line/index.ts";
import { type Arguments, type CommandSpec, commandHelp, helpColumns, overview, parseCommandLine, suggestion } from "./command-line/index.ts";
import { COMMANDS } from "./commands/index.ts";
import { CliError, EXIT_CODES, type ExitCode } from "./outcome/index.ts";
import { StandardSink, type Surroundings } from "./surroundings/index.ts";
import type { Output } from "./terminal/index.ts";
import { LOG_LEVELS, type LogLevel, printable } from "./text/index.ts";

/**
 * Runs a command line. All that it needs of the outside is in `surroundings`. Never rejects. Resolves with the exit status when all
 * output is written, or lost.
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
	const sinks = sinksOf(surroundings);
	const { stdout, stderr } = sinks;
	const [name, ...rest] = args;
	switch (name) {
		case undefined:
			stderr.write(overview(COMMANDS, helpColumns(stderr, surroundings.env)));
			return EXIT_CODES.usage;
		case "help":
		case "--help":
		case "-h":
			return await help(rest, sinks, surroundings);
		case "version":
		case "--version":
		case "-V":
			if (rest.length > 0) return refuse(`unexpected argument "${printable(rest[0] ?? "", 64)}"`, "See: conec --help", sinks);
			return await show(`${await version()}\n`, sinks, surroundings);
	}
	const entry = entryOf(name);
	if (entry === undefined) return refuseName(name, sinks);
	const spec = await entry.spec();
	if (parse(spec, rest, surroundings.env) === "help") return await show(commandHelp(spec, helpColumns(stdout, surroundings.env)), sinks, surroundings);
	return await runCommand(await entry.load(), rest, surroundings, sinks);
}

/** `conec help` and `conec help COMMAND`. */
async function help([name, ...rest]: readonly string[], sinks: Sinks, surroundings: Surroundings): Promise<ExitCode> {
	const columns = helpColumns(sinks.stdout, surroundings.env);
	if (rest.length > 0) return refuse(`unexpected argument "${printable(rest[0] ?? "", 64)}"`, "See: conec help COMMAND", sinks);
	if (name === undefined || BUILT_IN.includes(name)) return await show(overview(COMMANDS, columns), sinks, surroundings);
	const entry = entryOf(name);
	if (entry === undefined) return refuseName(name, sinks);
	return await show(commandHelp(await entry.spec(), columns), sinks, surroundings);
}

/** What is no command of its own, and is told of in the overview. */
const BUILT_IN: readonly string[] = ["help", "--help", "-h", "version"];

function entryOf(name: string): CommandEntry | undefined {
	return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

function refuseName(name: string, sinks: Sinks): ExitCode {
	const what = name.startsWith("-") ? "unknown option" : "unknown command";
	const near = name.startsWith("-") ? undefined : suggestion(name, [...Object.keys(COMMANDS), "help", "version"], "");
	return refuse(`${what} ${printable(name, 64)}`, near ?? "See: conec --help", sinks);
}

function refuse(message: string, hint: string, { stderr }: Sinks): ExitCode {
	stderr.write(`conec: ${message}\n       ${hint}\n`);
	return EXIT_CODES.usage;
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

/** Arguments with the values of the configuration file, and how the command speaks. */
interface Settled {
	readonly args: Arguments;
	readonly json: boolean;
	readonly level: LogLevel;
}

async function settled(given: Arguments, spec: CommandSpec, env: Surroundings["env"]): Promise<Settled | CliError> {
	try {
		let args = given;
		const path = Object.hasOwn(spec.options, "config") ? given.text("config") : undefined;
		if (path !== undefined) {
			const { readConfiguration } = await import("./configuration/index.ts");
			args = given.withConfiguration(await readConfiguration(path, given.named("config"), spec));
		}
		const json = args.flag("json");
		const asked = args.flag("quiet") ? "error" : args.choice("log-level", LOG_LEVELS);
		return { args, json, level: asked ?? (json || env["CONEC_DEBUG"] ? "debug" : "info") };
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
	const given = parse(command.spec, args, env);
	if (given === "help") return await show(commandHelp(command.spec, helpColumns(stdout, env)), sinks, surroundings);
	const parsed = given instanceof CliError ? given : await settled(given, command.spec, env);
	const { Output, Interrupted, watchInterruption } = await import("./terminal/index.ts");
	if (parsed instanceof CliError) {
		const json = args.includes("--json") || /^(1|true|yes|on)$/i.test(env["CONEC_JSON"] ?? "");
		return await report(parsed, new Output({ json, linesTo: command.linesTo, env, clock, stdout, stderr }), env);
	}
	const { json, level } = parsed;
	const role = typeof command.outputRole === "function" ? command.outputRole(parsed.args) : command.outputRole;
	const output = new Output({
		json,
		level,
		linesTo: command.linesTo,
		isLog: command.isLog === true && role === "report",
		isPurpose: role === "purpose",
		env,
		clock,
		stdout,
		stderr,
	});
	const interruption = watchInterruption(surroundings);
	if (role === "purpose") {
		stdout.keepAll();
		stdout.onGone(() => interruption.outputGone());
	}
	let status: ExitCode;
	try {
		status = await command.run({
			name: command.spec.name,
			args: parsed.args,
			output,
			surroundings,
			signal: interruption.signal,
			onHangup: interruption.onHangup,
			commands: COMMANDS,
		});
	} catch (error) {
		if (!(error instanceof Interrupted)) status = await report(error, output, env);
		else status = error.exitCode === EXIT_CODES.terminated && command.isService?.(parsed.args) === true ? EXIT_CODES.ok : error.exitCode;
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

async function version(): Promise<string> {
	const manifest: { version: string } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
	return manifest.version;
}
