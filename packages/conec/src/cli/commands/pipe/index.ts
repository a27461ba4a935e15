/**
 * `conec pipe`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec pipe --help`. */
export const pipe: CommandEntry = {
	summary: "connect standard input and output with a peer's",
	spec: async () => (await import("./spec.ts")).pipeSpec,
	load: async () => (await import("./command.ts")).pipeCommand,
};
