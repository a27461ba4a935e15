/**
 * `conec demo`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec demo --help`. */
export const demo: CommandEntry = {
	summary: "show everything on this machine, in a few seconds",
	spec: async () => (await import("./spec.ts")).demoSpec,
	load: async () => (await import("./command.ts")).demoCommand,
};
