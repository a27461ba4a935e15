/**
 * The table of environment variables in `docs/cli.md`. Pure.
 *
 * @module
 */

import { type CommandSpec, optionsOf, variableOf } from "../command-line/index.ts";

/** Markdown: each variable once, with its option and the commands that read it. */
export function variablesTable(specs: readonly CommandSpec[]): string {
	const rows = new Map<string, { readonly option: string; readonly commands: string[] }>();
	for (const spec of specs) {
		for (const [name, option] of Object.entries(optionsOf(spec))) {
			const variable = variableOf(spec, name, option);
			if (variable === undefined) continue;
			const row = rows.get(variable) ?? { option: `--${name}${option.value === undefined ? "" : ` ${option.value}`}`, commands: [] };
			row.commands.push(spec.name);
			rows.set(variable, row);
		}
	}
	const lines = [...rows]
		.toSorted(([, a], [, b]) => b.commands.length - a.commands.length)
		.map(([variable, { option, commands }]) => `| \`${variable}\` | \`${option.replaceAll("|", "\\|")}\` | ${who(commands, specs)} |`);
	return ["| variable | option | read by |", "|---|---|---|", ...lines].join("\n");
}

function who(commands: readonly string[], specs: readonly CommandSpec[]): string {
	if (commands.length === specs.length) return "every command";
	const clients = commands.filter((name) => name !== "coordinator");
	if (clients.length > 5) return `${clients.length < commands.length ? "`coordinator`, " : ""}every command of a Client`;
	return commands.map((name) => `\`${name}\``).join(", ");
}
