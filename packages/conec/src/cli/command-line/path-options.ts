/**
 * The options about paths.
 *
 * @module
 */

import { type OptionSpecs, shared } from "./spec.ts";

/** The option of commands that only take streams. */
export const EXPLAIN_OPTION: OptionSpecs = shared({
	explain: { text: "say at the end how the peer was reached, and why" },
});

/** The option of commands that somebody may start before those whom they need. */
export const WAIT_OPTION: OptionSpecs = shared({
	wait: { text: "wait for a Coordinator that cannot be reached yet, and for a peer that is not here yet" },
});

/** The options of commands that open streams. */
export const PATH_OPTIONS: OptionSpecs = {
	...shared({
		path: {
			value: "WAY",
			text: "the way to the peer: direct; proxied, which is through the Coordinator; or auto (default), which is direct if possible",
			choices: ["auto", "direct", "proxied"],
		},
	}),
	...WAIT_OPTION,
	...EXPLAIN_OPTION,
};
