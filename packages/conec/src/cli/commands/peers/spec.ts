/**
 * What `conec peers` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, RETURN_OPTION, WAIT_OPTION } from "../../command-line/index.ts";

/** See `conec peers --help`. */
export const peersSpec: CommandSpec = {
	name: "peers",
	usage: "[--watch]",
	summary: "List who is connected to the Coordinator",
	operands: { least: 0, most: 0, what: "" },
	options: {
		watch: { text: "go on, and show who comes, changes and goes" },
		...WAIT_OPTION,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: ["conec peers", "conec peers --watch --json"],
};
