/**
 * `conec peers`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec peers --help`. */
export const peers: CommandEntry = {
	summary: "list who is connected",
	spec: async () => (await import("./spec.ts")).peersSpec,
	load: async () => (await import("./command.ts")).peersCommand,
};
