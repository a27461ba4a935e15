/**
 * What `conec netcheck` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS } from "../../command-line/index.ts";

/** See `conec netcheck --help`. */
export const netcheckSpec: CommandSpec = {
	name: "netcheck",
	usage: "",
	summary: "Say what kind of network this is, seen from the Coordinator: NAT, IPv4 and IPv6, round trip; and what follows for direct channels",
	operands: { least: 0, most: 0, what: "" },
	options: { ...CONNECTION_OPTIONS },
	examples: ["conec netcheck", "conec netcheck --coordinator conec.example.org"],
};
