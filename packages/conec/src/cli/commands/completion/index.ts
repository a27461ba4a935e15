/**
 * `conec completion`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec completion --help`. */
export const completion: CommandEntry = {
	summary: "print a completion script for bash, zsh or fish",
	spec: async () => (await import("./spec.ts")).completionSpec,
	load: async () => (await import("./command.ts")).completionCommand,
};
