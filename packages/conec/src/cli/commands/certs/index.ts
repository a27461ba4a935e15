/**
 * `conec certs`: what the table of commands knows of it. The rest is loaded when it is asked for.
 *
 * @module
 */

import type { CommandEntry } from "../../command-line/index.ts";

/** See `conec certs --help`. */
export const certs: CommandEntry = {
	summary: "make and renew certificates of a private authority",
	spec: async () => (await import("./spec.ts")).certsSpec,
	load: async () => (await import("./command.ts")).certsCommand,
};
