#!/usr/bin/env node
/**
 * The `conec` command.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { type Arguments, commandHelp, parseCommandLine, suggestion } from "./arguments.ts";
import { CliError } from "./cli-error.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { Interrupted, watchInterruption } from "./interruption.ts";
import { Output } from "./output.ts";
import { printable } from "./terminal-text.ts";

process.exitCode = await main(process.argv.slice(2));
// Standard input that nobody reads any more, or a handle left open, must not keep the process: its work is done.
setTimeout(() => process.exit(), 2_000).unref();
process.stdin.unref?.();

async function main(args: readonly string[]): Promise<ExitCode> {
	const [name, ...rest] = args;
	switch (name) {
		case undefined:
		case "help":
		case "--help":
		case "-h":
			(name === undefined ? process.stderr : process.stdout).write(overview());
			return name === undefined ? EXIT_CODES.usage : EXIT_CODES.ok;
		case "--version":
			process.stdout.write(`${await version()}\n`);
			return EXIT_CODES.ok;
	}
	const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
	if (entry === undefined) {
		const what = name.startsWith("-") ? "unknown option" : "unknown command";
		const hint = (name.startsWith("-") ? undefined : suggestion(name, Object.keys(COMMANDS), "")) ?? "See: conec --help";
		process.stderr.write(`conec: ${what} ${printable(name, 64)}\n       ${hint}\n`);
		return EXIT_CODES.usage;
	}
	return runCommand(await entry.load(), rest);
}

async function runCommand(command: Command, args: readonly string[]): Promise<ExitCode> {
	const { env, stdout, stderr } = process;
	const output = new Output({ json: args.includes("--json"), linesTo: command.linesTo, env, stdout, stderr });
	const interruption = watchInterruption();
	try {
		const parsed: Arguments | "help" = parseCommandLine(command.spec, args, env);
		if (parsed === "help") {
			stdout.write(commandHelp(command.spec));
			return EXIT_CODES.ok;
		}
		return await command.run({ args: parsed, output, env, signal: interruption.signal, onHangup: interruption.onHangup });
	} catch (error) {
		return await report(error, output);
	} finally {
		interruption.stop();
	}
}

async function report(error: unknown, output: Output): Promise<ExitCode> {
	if (error instanceof Interrupted) return error.exitCode;
	if (process.env["CONEC_DEBUG"]) console.error(error);
	if (error instanceof CliError && error.cause === undefined) {
		output.error(printable(error.message), error.hint, error.exitCode === EXIT_CODES.usage ? "USAGE" : undefined);
		return error.exitCode;
	}
	const { explainError } = await import("./explain-error.ts");
	const { message, hint, code, exitCode } = explainError(error);
	output.error(message, hint, code);
	return exitCode;
}

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
