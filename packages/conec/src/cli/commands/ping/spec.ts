/**
 * What `conec ping` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, PATH_OPTIONS, RETURN_OPTION } from "../../command-line/index.ts";

/** See `conec ping --help`. */
export const pingSpec: CommandSpec = {
	name: "ping",
	usage: "PEER",
	summary: "Show the path and the round trip to a peer, whichever command it runs; it begins at once, and goes direct as soon as it can",
	operands: { least: 0, most: 1, what: "PEER" },
	options: {
		to: { value: "PEER", text: "the peer, instead of PEER" },
		count: { value: "N", text: "how many messages of 64 bytes; default 4" },
		"interval-ms": { value: "N", text: "time between them; default 1000; with 0 only the summary is shown" },
		"timeout-ms": { value: "N", text: "how long to wait for each to come back; default 10000" },
		...PATH_OPTIONS,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: ["conec ping bob", "conec ping bob --explain", "conec ping bob --path direct --count 1000 --interval-ms 0"],
};
