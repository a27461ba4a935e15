/**
 * `conec netcheck`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec netcheck --help`. */
export const netcheck: CommandEntry = {
	summary: "say what kind of network this is, and with whom direct channels work",
	spec: async () => (await import("./spec.ts")).netcheckSpec,
	load: async () => (await import("./command.ts")).netcheckCommand,
};
