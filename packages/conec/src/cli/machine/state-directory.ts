/**
 * Where keys live between runs.
 *
 * @module
 */

import { posix, win32 } from "node:path";
import { fileProblemWords } from "../../files/file-error-words.ts";
import type { CommandContext } from "../command-line/index.ts";
import { CliError, EXIT_CODES, usageError } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";

/** What decides the place. */
export interface Whereabouts {
	readonly platform: string;
	readonly env: Readonly<Record<string, string | undefined>>;
	/** `undefined`: there is none. */
	readonly homeDirectory: string | undefined;
}

/** What helps where a state directory cannot be used. */
export const STATE_HINT: string =
	"Give with --state DIR a directory for keys that only you can read and write. A Client with --cert, --key and --id needs none.";

/**
 * The default of `--state`: `%LOCALAPPDATA%\conec` on Windows, `~/Library/Application Support/conec` on macOS,
 * elsewhere `$XDG_STATE_HOME/conec` (ignored when relative, as its specification says) or `~/.local/state/conec`.
 * `undefined` without a home directory; one that is relative counts as none, as it would be another in each directory.
 */
export function defaultStateDirectory({ platform, env, homeDirectory }: Whereabouts): string | undefined {
	const { isAbsolute, join } = platform === "win32" ? win32 : posix;
	const { variable, below } = PLACES[platform] ?? OTHERWHERE;
	const given = variable === undefined ? undefined : env[variable];
	if (given !== undefined && isAbsolute(given)) return join(given, "conec");
	return homeDirectory !== undefined && isAbsolute(homeDirectory) ? join(homeDirectory, ...below, "conec") : undefined;
}

/** The environment variable that names the parent, and where that is in the home directory otherwise. */
interface Place {
	readonly variable: string | undefined;
	readonly below: readonly string[];
}

const PLACES: Readonly<Record<string, Place>> = {
	win32: { variable: "LOCALAPPDATA", below: ["AppData", "Local"] },
	darwin: { variable: undefined, below: ["Library", "Application Support"] },
};

const OTHERWHERE: Place = { variable: "XDG_STATE_HOME", below: [".local", "state"] };

/** The state directory that was asked for, or the default one. Throws a usage error where there is none. */
export function stateDirectory({ args, surroundings }: Pick<CommandContext, "args" | "surroundings">): string {
	const { platform, env, machine } = surroundings;
	const directory = args.text("state") ?? defaultStateDirectory({ platform, env, homeDirectory: machine.homeDirectory() });
	if (directory === undefined) throw usageError("Cannot find a place for keys: this user has no home directory", STATE_HINT);
	return directory;
}

/** A state directory in which something cannot be done. */
export function stateDirectoryError(directory: string, error: unknown): CliError {
	return new CliError(EXIT_CODES.failed, `Cannot use ${quoted(directory)}: ${fileProblemWords(error)}`, STATE_HINT, error);
}
