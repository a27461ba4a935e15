/**
 * `conec receive`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec receive --help`. */
export const receive: CommandEntry = {
	summary: "receive files",
	spec: async () => (await import("./spec.ts")).receiveSpec,
	load: async () => (await import("./command.ts")).receiveCommand,
};
