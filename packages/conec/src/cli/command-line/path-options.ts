/**
 * The options about paths.
 *
 * @module
 */

import type { OptionSpec } from "./arguments.ts";

/** Of commands that only take what comes. */
export const EXPLAIN_OPTION: Readonly<Record<string, OptionSpec>> = {
	explain: { text: "say at the end how the peer was reached and why so" },
};

/** Of commands that open streams. */
export const PATH_OPTIONS: Readonly<Record<string, OptionSpec>> = {
	path: { value: "auto|direct|proxied", text: "directly, through the Coordinator, or (default) directly where it can be" },
	...EXPLAIN_OPTION,
};
