/**
 * `conec ping`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec ping --help`. */
export const ping: CommandEntry = {
	summary: "show the path and the round trip to a peer",
	spec: async () => (await import("./spec.ts")).pingSpec,
	load: async () => (await import("./command.ts")).pingCommand,
};
