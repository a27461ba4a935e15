/**
 * What `conec chat` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, PATH_OPTIONS, RETURN_OPTION } from "../../command-line/index.ts";

/** See `conec chat --help`. */
export const chatSpec: CommandSpec = {
	name: "chat",
	usage: "[--to PEER | --from PEER | --room NAME]",
	summary: "Talk with a peer, line by line; without --to wait for the first peer that calls, with --room talk with everybody there",
	operands: { least: 0, most: 0, what: "" },
	options: {
		to: { value: "PEER", text: "the peer, which waits in `conec chat`", excludes: ["from"] },
		from: { value: "PEER", text: "wait for this peer only" },
		room: { value: "NAME", text: "talk with everybody who is in that room", excludes: ["to", "from", "path", "explain"] },
		last: { value: "N", text: "with --room: begin with at most N earlier lines, if the Coordinator keeps them" },
		...PATH_OPTIONS,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: ["conec chat", "conec chat --to bob", "conec chat --room lobby", "uptime | conec chat --to bob"],
};
