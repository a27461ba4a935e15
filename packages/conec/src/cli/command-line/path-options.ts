/**
 * The options about paths.
 *
 * @module
 */

import type { OptionSpec } from "./arguments.ts";

/** The option of commands that only take streams. */
export const EXPLAIN_OPTION: Readonly<Record<string, OptionSpec>> = {
	explain: { text: "say at the end how the peer was reached, and why" },
};

/** The options of commands that open streams. */
export const PATH_OPTIONS: Readonly<Record<string, OptionSpec>> = {
	path: { value: "auto|direct|proxied", text: "direct; through the Coordinator (proxied); or direct if possible (auto, the default)" },
	wait: { text: "wait for a peer that is not here yet" },
	...EXPLAIN_OPTION,
};
