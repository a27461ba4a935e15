/**
 * What `conec demo` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";

/** See `conec demo --help`. */
export const demoSpec: CommandSpec = {
	name: "demo",
	usage: "",
	summary: "Show a Coordinator and three Clients as processes on this machine: a chat, round trips, a verified file; under 20 seconds",
	operands: { least: 0, most: 0, what: "" },
	options: {},
	examples: [],
};
