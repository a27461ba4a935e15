/**
 * What `--help` shows, for a terminal of so many columns. Pure.
 *
 * @module
 */

import type { CommandEntry } from "./command.ts";
import { type CommandSpec, optionsOf, SHORT_OPTIONS, variableOf } from "./spec.ts";
import { paragraph, shellLines, twoColumns } from "./wrap.ts";

/** Columns where there is no terminal. */
const DEFAULT_COLUMNS = 80;
/** Wider lines are hard to read. */
const MOST_COLUMNS = 100;
const LEAST_COLUMNS = 32;

/** Columns for help: those of the terminal; where there is none, what `COLUMNS` says, or 80. */
export function helpColumns(
	{ isTTY, columns }: { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined },
	env: Readonly<Record<string, string | undefined>>,
): number {
	const said = isTTY === true ? columns : Number(env["COLUMNS"]);
	// Some terminals have none, and say 0.
	return said === undefined || !(said >= 1) ? DEFAULT_COLUMNS : Math.floor(Math.max(LEAST_COLUMNS, Math.min(MOST_COLUMNS, said)));
}

/** The help of one command. */
export function commandHelp(spec: CommandSpec, columns: number = DEFAULT_COLUMNS): string {
	const options = Object.entries(optionsOf(spec)).map(([name, option]) => {
		const variable = variableOf(spec, name, option);
		return [optionTitle(name, option.value), option.text + (variable === undefined ? "" : ` [env\u00a0${variable}]`)] as const;
	});
	const lines = [
		...paragraph(`conec ${spec.name}${spec.usage === "" ? "" : ` ${spec.usage}`} [OPTION...]`, columns, "Usage: ", "         "),
		"",
		...paragraph(`${spec.summary}.`, columns),
		"",
		"Options:",
		...twoColumns(options, columns),
		...(spec.examples.length > 0 ? ["", "Examples:", ...spec.examples.flatMap((example) => shellLines(example, columns))] : []),
	];
	// A variable stays in one line with its word.
	return `${lines.join("\n")}\n`.replaceAll("\u00a0", " ");
}

/** `--name VALUE`, or `-q, --quiet`. */
export function optionTitle(name: string, value: string | undefined): string {
	const letter = Object.keys(SHORT_OPTIONS).find((short) => SHORT_OPTIONS[short] === name);
	return `${letter === undefined ? "" : `-${letter}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

/** The help of the whole program. */
export function overview(commands: Readonly<Record<string, Pick<CommandEntry, "summary">>>, columns: number = DEFAULT_COLUMNS): string {
	const rows = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
	return [
		"Usage: conec COMMAND [OPTION...]",
		"",
		...paragraph(ABOUT, columns),
		"",
		"Commands:",
		...twoColumns([...rows, ["help [COMMAND]", "show this, or the options of a command"], ["version", "show the version; also -V"]], columns),
		"",
		"Start with: conec demo",
		"",
	].join("\n");
}

/** What conec is. */
export const ABOUT = "Channels between machines: messages and files from peer to peer through one Coordinator, over QUIC.";
