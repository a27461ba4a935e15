/**
 * Completion for zsh, as a function of its completion system.
 *
 * @module
 */

import type { Completed, CompletedOption, Filling } from "./model.ts";

/** The script: a file `_conec` in a directory of `fpath`, or to be sourced after `compinit`. */
export function zshCompletion(commands: readonly Completed[]): string {
	const lines = [
		"#compdef conec",
		"# zsh completion for conec. Made by: conec completion zsh",
		"",
		"_conec() {",
		"	if ((CURRENT == 2)); then",
		"		local -a commands=(",
		...commands.map(({ name, summary }) => `			${quotedWord(`${name}:${summary}`)}`),
		"		)",
		"		_describe command commands",
		"		return",
		"	fi",
		"	local command=$words[2]",
		"	shift words",
		"	((CURRENT -= 1))",
		'	case "$command" in',
		...commands.flatMap(commandCase),
		"	esac",
		"}",
		"",
		"# A file of fpath is the function itself; one that is sourced only says where it is.",
		'if [[ $funcstack[1] == _conec ]]; then _conec "$@"; else compdef _conec conec; fi',
	];
	return `${lines.join("\n")}\n`;
}

function commandCase({ name, options, operands: [first, others] }: Completed): string[] {
	const parts = options.map(optionPart);
	if (first.type !== "nothing") parts.push(quotedWord(`1:operand:${actionOf(first)}`));
	if (others.type !== "nothing") parts.push(quotedWord(`*:operand:${actionOf(others)}`));
	if (parts.length === 0) return [];
	return [`		${name})`, "			_arguments -S \\", ...parts.map((part, index) => `				${part}${index < parts.length - 1 ? " \\" : ""}`), "			;;"];
}

function optionPart({ name, letter, text, repeats, value }: CompletedOption): string {
	const described = `[${text.replace(/[[\]\\]/g, "\\$&")}]`;
	const filled = value === undefined ? "" : `:${value.title.replace(/[:[\]\\]/g, "\\$&")}:${actionOf(value.filling)}`;
	const option = `--${name}${value === undefined ? "" : "="}`;
	if (letter !== undefined) return `${quotedWord(`(-${letter} --${name})`)}{-${letter},--${name}}${quotedWord(described)}`;
	return quotedWord(`${repeats ? "*" : ""}${option}${described}${filled}`);
}

function actionOf(filling: Filling): string {
	switch (filling.type) {
		case "words":
			return `(${filling.words.join(" ")})`;
		case "files":
			return "_files";
		case "directories":
			return "_files -/";
		default:
			return " ";
	}
}

function quotedWord(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}
