/**
 * `conec send`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec send --help`. */
export const send: CommandEntry = {
	summary: "send files and directories to a peer",
	spec: async () => (await import("./spec.ts")).sendSpec,
	load: async () => (await import("./command.ts")).sendCommand,
};
