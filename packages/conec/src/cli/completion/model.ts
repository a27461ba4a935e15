/**
 * What shells can complete, whichever shell it is.
 *
 * @module
 */

import { type CommandEntry, type CommandSpec, optionsOf, SHORT_OPTIONS } from "../command-line/index.ts";

/** What may stand in a place: nothing, something that nobody knows here, one of some words, a file or a directory. */
export type Filling =
	| { readonly type: "nothing" }
	| { readonly type: "unknown" }
	| { readonly type: "words"; readonly words: readonly string[] }
	| { readonly type: "files" }
	| { readonly type: "directories" };

/** An option. */
export interface CompletedOption {
	readonly name: string;
	readonly letter: string | undefined;
	/** A few words. */
	readonly text: string;
	readonly repeats: boolean;
	/** Absent: a flag. */
	readonly value?: { readonly title: string; readonly filling: Filling };
}

/** A command. */
export interface Completed {
	readonly name: string;
	readonly summary: string;
	readonly options: readonly CompletedOption[];
	/** The first operand, and those after it. */
	readonly operands: readonly [first: Filling, others: Filling];
}

/** All commands, and `help` and `version`. */
export async function completedCommands(commands: Readonly<Record<string, CommandEntry>>): Promise<Completed[]> {
	const names = Object.keys(commands);
	const described = await Promise.all(Object.values(commands).map(async ({ summary, spec }) => completed(await spec(), summary)));
	return [
		...described,
		{ name: "help", summary: "show the options of a command", options: [], operands: [{ type: "words", words: names }, NOTHING] },
		{ name: "version", summary: "show the version", options: [], operands: [NOTHING, NOTHING] },
	];
}

const UNKNOWN: Filling = { type: "unknown" };
const NOTHING: Filling = { type: "nothing" };

function completed(spec: CommandSpec, summary: string): Completed {
	const options = Object.entries(optionsOf(spec)).map(([name, { value, text, choices, repeats }]): CompletedOption => {
		const letter = Object.keys(SHORT_OPTIONS).find((short) => SHORT_OPTIONS[short] === name);
		const filling: Filling = choices === undefined ? fillingOf(value) : { type: "words", words: choices };
		// Up to the first pause: there is one line for it.
		const words = text.split(/[;:(]|, /)[0]?.trim() ?? "";
		return { name, letter, text: words, repeats: repeats === true, ...(value === undefined ? {} : { value: { title: value, filling } }) };
	});
	const { most, what, choices } = spec.operands;
	if (most === 0) return { name: spec.name, summary, options, operands: [NOTHING, NOTHING] };
	const first: Filling = choices === undefined ? fillingOf(what) : { type: "words", words: choices };
	// What follows the word of `conec certs` may be a file.
	const others: Filling = most === 1 ? NOTHING : choices === undefined ? first : { type: "files" };
	return { name: spec.name, summary, options, operands: [first, others] };
}

function fillingOf(value: string | undefined): Filling {
	return value === "FILE" ? { type: "files" } : value === "DIR" ? { type: "directories" } : UNKNOWN;
}
