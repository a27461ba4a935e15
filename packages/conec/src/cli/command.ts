/**
 * What a command is and what it gets.
 *
 * @module
 */

import type { Arguments, CommandSpec } from "./arguments.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** Given to a running command. */
export interface CommandContext {
	readonly args: Arguments;
	readonly output: Output;
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Makes SIGHUP call this instead of ending the command; not on Windows. */
	readonly onHangup: (listener: () => void) => void;
	/** Aborted by Ctrl-C, SIGTERM or SIGHUP; the command then cleans up and rejects with its reason. */
	readonly signal: AbortSignal;
}

/** A subcommand of `conec`. */
export interface Command {
	readonly spec: CommandSpec;
	/** Where lines for people go; `stderr` keeps standard output for data. */
	readonly linesTo: "stdout" | "stderr";
	/** Resolves with the exit status, or rejects with an error that is then explained. */
	run(context: CommandContext): Promise<ExitCode>;
}
