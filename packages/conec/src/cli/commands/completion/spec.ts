/**
 * What `conec completion` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";

/** See `conec completion --help`. */
export const completionSpec: CommandSpec = {
	name: "completion",
	usage: "SHELL",
	summary: "Print a script with which bash, zsh or fish completes commands, options and their values",
	operands: { least: 1, most: 1, what: "SHELL", choices: ["bash", "zsh", "fish"] },
	options: {},
	examples: [
		'eval "$(conec completion bash)"',
		"conec completion bash > ~/.local/share/bash-completion/completions/conec",
		"conec completion zsh > $fpath[1]/_conec",
		"conec completion fish > ~/.config/fish/completions/conec.fish",
	],
};
