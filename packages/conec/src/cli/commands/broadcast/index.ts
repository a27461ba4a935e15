/**
 * `conec broadcast`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec broadcast --help`. */
export const broadcast: CommandEntry = {
	summary: "send lines to everybody in a broadcast, and show theirs",
	spec: async () => (await import("./spec.ts")).broadcastSpec,
	load: async () => (await import("./command.ts")).broadcastCommand,
};
