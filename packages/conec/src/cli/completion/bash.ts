/**
 * Completion for bash, from version 3.2 on, which macOS has. It needs no other package.
 *
 * @module
 */

import type { Completed, Filling } from "./model.ts";

/** The script, to be sourced. */
export function bashCompletion(commands: readonly Completed[]): string {
	const names = commands.map(({ name }) => name).join(" ");
	const lines = [
		"# bash completion for conec. Made by: conec completion bash",
		"",
		"_conec_reply() {",
		"	local line",
		"	COMPREPLY=()",
		'	while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")',
		"}",
		"",
		"_conec_files() {",
		'	_conec_reply "$1" -- "$2"',
		"	compopt -o filenames 2>/dev/null",
		"}",
		"",
		"_conec() {",
		// biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash.
		'	local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" command="${COMP_WORDS[1]}"',
		"	COMPREPLY=()",
		"	if ((COMP_CWORD == 1)); then",
		`		_conec_reply -W ${quotedWord(`${names} --help --version`)} -- "$current"`,
		"		return",
		"	fi",
		"	# bash has cut --name=value into three words.",
		'	if [[ $current == "=" ]]; then',
		'		current=""',
		'	elif [[ $previous == "=" ]]; then',
		// biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash.
		'		previous="${COMP_WORDS[COMP_CWORD - 2]}"',
		"	fi",
		'	case "$command $previous" in',
		...valueCases(commands),
		"	esac",
		"	if [[ $current == -* ]]; then",
		'		case "$command" in',
		...commands
			.filter(({ options }) => options.length > 0)
			.map(({ name, options }) => `			${name}) _conec_reply -W ${quotedWord(options.map((option) => `--${option.name}`).join(" "))} -- "$current" ;;`),
		"		esac",
		"		return",
		"	fi",
		'	case "$command" in',
		...commands.flatMap(operandCase),
		"	esac",
		"}",
		"",
		"complete -F _conec conec",
	];
	return `${lines.join("\n")}\n`;
}

/** One case for all options whose values are filled in the same way. */
function valueCases(commands: readonly Completed[]): string[] {
	const cases = new Map<string, string[]>();
	for (const { name, options } of commands) {
		for (const option of options) {
			if (option.value === undefined) continue;
			const action = actionOf(option.value.filling);
			cases.set(action, [...(cases.get(action) ?? []), `"${name} --${option.name}"`]);
		}
	}
	return [...cases].flatMap(([action, patterns]) => [`		${patterns.join(" | \\\n			")})`, `			${action}`, "			return", "			;;"]);
}

function operandCase({ name, operands: [first, others] }: Completed): string[] {
	if (!isKnown(first) && !isKnown(others)) return [];
	if (first.type === others.type) return [`		${name}) ${actionOf(first)} ;;`];
	return [`		${name})`, `			if ((COMP_CWORD == 2)); then ${actionOf(first)}; else ${actionOf(others)}; fi`, "			;;"];
}

function actionOf(filling: Filling): string {
	switch (filling.type) {
		case "words":
			return `_conec_reply -W ${quotedWord(filling.words.join(" "))} -- "$current"`;
		case "files":
			return '_conec_files -f "$current"';
		case "directories":
			return '_conec_files -d "$current"';
		default:
			return ":";
	}
}

function isKnown({ type }: Filling): boolean {
	return type !== "nothing" && type !== "unknown";
}

function quotedWord(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}
