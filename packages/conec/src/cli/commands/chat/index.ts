/**
 * `conec chat`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec chat --help`. */
export const chat: CommandEntry = {
	summary: "talk with a peer, or with everybody in a room, line by line",
	spec: async () => (await import("./spec.ts")).chatSpec,
	load: async () => (await import("./command.ts")).chatCommand,
};
