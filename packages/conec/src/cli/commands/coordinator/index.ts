/**
 * `conec coordinator`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec coordinator --help`. */
export const coordinator: CommandEntry = {
	summary: "run a Coordinator",
	spec: async () => (await import("./spec.ts")).coordinatorSpec,
	load: async () => (await import("./command.ts")).coordinatorCommand,
};
