/**
 * What `conec receive` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, EXPLAIN_OPTION, RETURN_OPTION, WAIT_OPTION } from "../../command-line/index.ts";

/** See `conec receive --help`. */
export const receiveSpec: CommandSpec = {
	name: "receive",
	usage: "[--dir DIR] [--from PEER]",
	summary: "Receive files, verified by SHA-256; runs until Ctrl-C. Asks before it takes something from a stranger",
	operands: { least: 0, most: 0, what: "" },
	options: {
		dir: { value: "DIR", text: "where files go, made if missing; default: the current directory" },
		from: { value: "PEER", text: "take files from this peer only, and without asking" },
		any: { text: "take files from everybody, and remember nobody" },
		yes: { text: "accept every stranger without asking; not for hidden names, see --allow-hidden" },
		"max-bytes": { value: "N", text: "the most bytes that one transfer may have; K, M, G, T may follow" },
		force: { text: "replace existing files" },
		"allow-hidden": {
			text: "take names that begin with a dot, short names (NAME~1), and names with invisible characters; otherwise you are asked at a terminal, and without one they are refused",
		},
		once: { text: "end after one transfer; the exit status says whether it was complete" },
		...EXPLAIN_OPTION,
		...WAIT_OPTION,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: ["conec receive --dir incoming", "conec receive --from alice --max-bytes 10G --once", "conec receive --any --dir /srv/incoming"],
};
