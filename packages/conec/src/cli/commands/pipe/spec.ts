/**
 * What `conec pipe` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, PATH_OPTIONS, RETURN_OPTION } from "../../command-line/index.ts";

/** See `conec pipe --help`. */
export const pipeSpec: CommandSpec = {
	name: "pipe",
	usage: "[--to PEER | --from PEER]",
	summary: "Send standard input to a peer's standard output and show what the peer sends; without --to wait for a peer",
	operands: { least: 0, most: 0, what: "" },
	options: {
		to: { value: "PEER", text: "the peer, which waits in `conec pipe`", excludes: ["from"] },
		from: { value: "PEER", text: "wait for this peer only" },
		...PATH_OPTIONS,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: ["conec pipe > backup.tar", "tar c photos | conec pipe --to bob"],
};
