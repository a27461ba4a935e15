/**
 * The option of commands that live through the loss of their Coordinator.
 *
 * @module
 */

import { type OptionSpecs, shared } from "./spec.ts";

/** The option of commands that come back when they have lost the Coordinator. */
export const RETURN_OPTION: OptionSpecs = shared({
	"give-up-after": {
		value: "SECONDS",
		text: "how long to try to come back when the Coordinator is lost; with 0 the command ends at once; default: for ever",
	},
});
