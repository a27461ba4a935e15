/**
 * What a command is and what it gets.
 *
 * @module
 */

import type { ExitCode } from "../outcome/index.ts";
import type { Surroundings } from "../surroundings/index.ts";
import type { Output } from "../terminal/index.ts";
import type { CommandSpec } from "./spec.ts";
import type { Arguments } from "./values.ts";

/** Given to a running command. */
export interface CommandContext {
	/** Name of the command. */
	readonly name: string;
	readonly args: Arguments;
	readonly output: Output;
	/** What the command needs of the outside. */
	readonly surroundings: Surroundings;
	/** Makes SIGHUP call this instead of ending the command; not on Windows. */
	readonly onHangup: (listener: () => void) => void;
	/** Aborted by Ctrl-C, SIGTERM or SIGHUP, and where the output is the purpose when its reader has gone; the command then cleans up and rejects with its reason. */
	readonly signal: AbortSignal;
	/** All commands by name, for those that tell of them. */
	readonly commands: Readonly<Record<string, CommandEntry>>;
}

/**
 * What standard output is to a command.
 *
 * - `purpose`: what the command is run for. It ends when the reader goes away, and fails when not all of it could be written.
 * - `report`: what it says of its work, which is elsewhere. It goes on without a reader, and what cannot be written is lost.
 */
export type OutputRole = "purpose" | "report";

/** A subcommand of `conec`. */
export interface Command {
	readonly spec: CommandSpec;
	/** Where lines for people go; `stderr` keeps standard output for data. */
	readonly linesTo: "stdout" | "stderr";
	/** What standard output is to it, perhaps as its options say. */
	readonly outputRole: OutputRole | ((args: Arguments) => OutputRole);
	/** Runs until it is told to end: SIGTERM is then its ordinary end, with status 0. */
	readonly isService?: (args: Arguments) => boolean;
	/** Its lines are a log where they are no purpose: each has the date and the time. */
	readonly isLog?: true;
	/** Resolves with the exit status, or rejects with an error that is then explained. */
	run(context: CommandContext): Promise<ExitCode>;
}

/** A command that is not loaded yet. */
export interface CommandEntry {
	readonly summary: string;
	/** Loads what it takes. */
	spec(): Promise<CommandSpec>;
	/** Loads what it does. */
	load(): Promise<Command>;
}
