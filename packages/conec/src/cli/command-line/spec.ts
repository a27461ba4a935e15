/**
 * What a command takes, as data: the command line, its help, the completions of shells, the manual page and the documentation are all made from it.
 *
 * @module
 */

import { LOG_LEVELS } from "../text/index.ts";

/** One option of a command. */
export interface OptionSpec {
	/** Shown as `--name VALUE`; absent: a flag. `FILE` and `DIR` are names of files: shells complete them. */
	readonly value?: string;
	readonly text: string;
	/** The environment variable that gives the value when the option does not. @default see {@link variableOf} */
	readonly env?: string;
	/** May be given several times; see `Arguments.list`. */
	readonly repeats?: true;
	/** The only values, where they are few. */
	readonly choices?: readonly string[];
	/** Options that cannot be given with this one. One that is typed wins over one of the environment. */
	readonly excludes?: readonly string[];
	/** Its key in a configuration file. @default its name */
	readonly key?: string;
}

/** Options by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What a command takes. */
export interface CommandSpec {
	readonly name: string;
	/** What follows the name in the usage line. */
	readonly usage: string;
	readonly summary: string;
	/** Positional arguments: how few and how many, and what the first may be, where that is one of a few words. */
	readonly operands: { readonly least: number; readonly most: number; readonly what: string; readonly choices?: readonly string[] };
	readonly options: OptionSpecs;
	readonly examples: readonly string[];
}

/** Options that several commands have under one meaning have one variable: `CONEC_` and the name. */
export function shared<Specs extends OptionSpecs>(options: Specs): { readonly [Name in keyof Specs]: OptionSpec } {
	return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, { env: `CONEC_${inCapitals(name)}`, ...option }])) as {
		[Name in keyof Specs]: OptionSpec;
	};
}

/** Options that every command has. */
export const GENERAL_OPTIONS: OptionSpecs = {
	...shared({
		json: { text: "one JSON object per line on standard output, for programs" },
		quiet: { text: "tell nothing but errors and what the command is run for", excludes: ["log-level"] },
		"log-level": { value: "LEVEL", text: "tell this and what is worse: error, warn, info (default) or debug", choices: LOG_LEVELS },
	}),
	help: { text: "show this and end" },
};

/** Options of one letter. */
export const SHORT_OPTIONS: Readonly<Record<string, string>> = { h: "help", q: "quiet" };

/** All options of a command, in the order in which help shows them. */
export function optionsOf(spec: CommandSpec): OptionSpecs {
	return { ...spec.options, ...GENERAL_OPTIONS };
}

/** The environment variable of an option: its own, or `CONEC_`, the command and the option. `undefined` for `--help`. */
export function variableOf(spec: Pick<CommandSpec, "name">, name: string, option: OptionSpec): string | undefined {
	return name === "help" ? undefined : (option.env ?? `CONEC_${inCapitals(spec.name)}_${inCapitals(name)}`);
}

function inCapitals(name: string): string {
	return name.toUpperCase().replaceAll("-", "_");
}
