/**
 * Completion for fish.
 *
 * @module
 */

import type { Completed, CompletedOption, Filling } from "./model.ts";

/** The script: a file `conec.fish` in a directory of completions, or to be sourced. */
export function fishCompletion(commands: readonly Completed[]): string {
	const lines = [
		"# fish completion for conec. Made by: conec completion fish",
		"",
		"# Whether the command is this one and, with a second argument, so many words follow it.",
		"function __conec_is",
		"	set -l words (commandline -opc)",
		'	test (count $words) -ge 2; and test "$words[2]" = $argv[1]',
		"	and begin",
		"		test (count $argv) -lt 2; or test (count $words) -eq $argv[2]",
		"	end",
		"end",
		"",
		"function __conec_is_bare",
		"	test (count (commandline -opc)) -eq 1",
		"end",
		"",
		"complete -c conec -f",
		...commands.map(({ name, summary }) => `complete -c conec -n __conec_is_bare -a ${name} -d ${quotedWord(summary)}`),
		"complete -c conec -n __conec_is_bare -s h -l help -d 'show all commands'",
		"complete -c conec -n __conec_is_bare -s V -l version -d 'show the version'",
	];
	for (const command of commands) {
		const condition = `-n ${quotedWord(`__conec_is ${command.name}`)}`;
		lines.push("", ...command.options.map((option) => `complete -c conec ${condition} ${optionPart(option)}`));
		const [first, others] = command.operands;
		if (first.type === others.type && isKnown(first)) lines.push(`complete -c conec ${condition} ${operandPart(first)}`);
		else if (isKnown(first)) {
			lines.push(`complete -c conec -n ${quotedWord(`__conec_is ${command.name} 2`)} ${operandPart(first)}`);
			if (isKnown(others))
				lines.push(`complete -c conec -n ${quotedWord(`__conec_is ${command.name}; and not __conec_is ${command.name} 2`)} ${operandPart(others)}`);
		}
	}
	return `${lines.join("\n")}\n`;
}

function optionPart({ name, letter, text, value }: CompletedOption): string {
	const named = `${letter === undefined ? "" : `-s ${letter} `}-l ${name} -d ${quotedWord(text)}`;
	if (value === undefined) return named;
	switch (value.filling.type) {
		case "words":
			return `${named} -x -a ${quotedWord(value.filling.words.join(" "))}`;
		case "files":
			return `${named} -r -F`;
		case "directories":
			return `${named} -x -a '(__fish_complete_directories)'`;
		default:
			return `${named} -x`;
	}
}

function operandPart(filling: Filling): string {
	switch (filling.type) {
		case "words":
			return `-a ${quotedWord(filling.words.join(" "))}`;
		case "directories":
			return "-a '(__fish_complete_directories)'";
		default:
			return "-F";
	}
}

function isKnown({ type }: Filling): boolean {
	return type !== "nothing" && type !== "unknown";
}

function quotedWord(text: string): string {
	return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
