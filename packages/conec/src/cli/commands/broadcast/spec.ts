/**
 * What `conec broadcast` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, RETURN_OPTION, WAIT_OPTION } from "../../command-line/index.ts";

/** See `conec broadcast --help`. */
export const broadcastSpec: CommandSpec = {
	name: "broadcast",
	usage: "NAME",
	summary: "Send lines to everybody in a broadcast, and show what the others send",
	operands: { least: 1, most: 1, what: "NAME" },
	options: {
		mode: { value: "MODE", text: "both (default), send or receive", choices: ["both", "send", "receive"] },
		listen: { text: "when the input has ended and is not a terminal, go on showing what comes" },
		"keep-open": { text: "stay when the last sender has gone" },
		echo: { text: "show this side's own messages too, in their place" },
		presence: { text: "show who is here, who joins and who leaves" },
		last: { value: "N", text: "begin with at most N earlier messages, if the Coordinator keeps them" },
		since: { value: "EPOCH:SEQ", text: "begin after that message, if the Coordinator keeps what followed", excludes: ["last"] },
		"slow-reader": {
			value: "POLICY",
			text: "what happens when this side is too slow: drop-oldest (default), drop-newest, latest-per-sender, disconnect or block",
			choices: ["drop-oldest", "drop-newest", "latest-per-sender", "disconnect", "block"],
		},
		"buffer-bytes": { value: "N", text: "bytes that may wait for this side before it counts as slow; default 1M" },
		count: { text: "say how many members send and receive, and end" },
		...WAIT_OPTION,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: ["conec broadcast news", "vmstat 1 | conec broadcast load --mode send", "conec broadcast news --mode receive --last 100 --json"],
};
