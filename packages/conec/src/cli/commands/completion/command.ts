/**
 * `conec completion`: a script for a shell.
 *
 * @module
 */

import type { Command } from "../../command-line/index.ts";
import { bashCompletion, type Completed, completedCommands, fishCompletion, zshCompletion } from "../../completion/index.ts";
import { EXIT_CODES, usageError } from "../../outcome/index.ts";
import { quoted } from "../../text/index.ts";
import { completionSpec } from "./spec.ts";

/** See `conec completion --help`. */
export const completionCommand: Command = {
	spec: completionSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run({ args, output, commands }) {
		const [shell = ""] = args.operands;
		const make = SHELLS.get(shell);
		if (make === undefined) throw usageError(`SHELL must be ${[...SHELLS.keys()].join(", ")}, not ${quoted(shell)}`, "See: conec completion --help");
		const script = make(await completedCommands(commands));
		output.event("completion", { shell, script }, script.trimEnd());
		return EXIT_CODES.ok;
	},
};

const SHELLS: ReadonlyMap<string, (commands: readonly Completed[]) => string> = new Map([
	["bash", bashCompletion],
	["zsh", zshCompletion],
	["fish", fishCompletion],
]);
