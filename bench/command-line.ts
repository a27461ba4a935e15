/**
 * What the command lines of the benchmarks have in common. Pure.
 *
 * @module
 */

/** For `parseArgs`: the options of every benchmark. */
export const SHARED_OPTIONS = {
	json: { type: "boolean", default: false },
	write: { type: "boolean", default: false },
	list: { type: "boolean", default: false },
	help: { type: "boolean", default: false },
	quick: { type: "boolean", default: false },
	only: { type: "string", multiple: true },
} as const;

/** The same of one that measures in rounds. */
export const ROUND_OPTIONS = { rounds: { type: "string" }, seconds: { type: "string" } } as const;

/** What every benchmark is told. */
export interface SharedArguments {
	readonly json: boolean;
	readonly write: boolean;
	readonly list: boolean;
	readonly help: boolean;
}

/** How many rounds, and how long one is. */
export interface Rounds {
	readonly rounds: number;
	readonly seconds: number;
}

/**
 * The names in lists with commas; `undefined`: all.
 *
 * @throws RangeError with a message for the user
 */
export function namesOf(lists: readonly string[] | undefined, known: readonly string[], kind: string): readonly string[] | undefined {
	const names = lists?.flatMap((list) => list.split(",")).filter((name) => name !== "");
	const unknown = names?.find((name) => !known.includes(name));
	if (unknown !== undefined) throw new RangeError(`Cannot measure "${unknown}": there is no such ${kind} (see --list)`);
	if (names?.length === 0) throw new RangeError(`Cannot measure nothing: name a ${kind} (see --list)`);
	return names;
}

/**
 * The rounds that are asked for, or those of a full or a quick run.
 *
 * @throws RangeError with a message for the user
 */
export function roundsOf({ rounds, seconds }: { readonly rounds?: string | undefined; readonly seconds?: string | undefined }, otherwise: Rounds): Rounds {
	const count = positive("--rounds", rounds, otherwise.rounds);
	if (!Number.isInteger(count)) throw new RangeError("--rounds must be a whole number");
	return { rounds: count, seconds: positive("--seconds", seconds, otherwise.seconds) };
}

/**
 * Refuses to write a page that would not have all figures. `options`: those that leave some out.
 *
 * @throws RangeError with a message for the user
 */
export function checkWrite(page: string, write: boolean, options: Readonly<Record<string, unknown>>): void {
	const names = Object.keys(options).map((name) => `--${name}`);
	const leftOut = Object.values(options).some((value) => value !== undefined && value !== false);
	if (write && leftOut) throw new RangeError(`Cannot write ${page}: ${names.slice(0, -1).join(", ")} and ${names.at(-1)} do not give all figures`);
}

function positive(name: string, text: string | undefined, otherwise: number): number {
	if (text === undefined) return otherwise;
	const value = Number(text);
	if (!(value > 0 && value <= 1_000)) throw new RangeError(`${name} must be a number above 0, at most 1000`);
	return value;
}
