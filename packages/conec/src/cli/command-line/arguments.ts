/**
 * Command lines: what a command takes, how it is parsed, and the help made from the same description.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { usageError } from "../outcome/index.ts";
import { printable } from "../text/index.ts";

/** One option of a command. */
export interface OptionSpec {
	/** Shown as `--name VALUE`; absent: a flag. */
	readonly value?: string;
	readonly text: string;
	/** Environment variable that gives the value when the option does not. */
	readonly env?: string;
	/** May be given several times; see {@link Arguments.list}. */
	readonly repeats?: true;
}

/** What a command takes. */
export interface CommandSpec {
	readonly name: string;
	/** What follows the name in the usage line. */
	readonly usage: string;
	readonly summary: string;
	/** Positional arguments: how few and how many. */
	readonly operands: { readonly least: number; readonly most: number; readonly what: string };
	readonly options: Readonly<Record<string, OptionSpec>>;
	readonly examples: readonly string[];
}

/** A parsed command line. */
export interface Arguments {
	readonly operands: readonly string[];
	/** The option's value, or else that of its environment variable. */
	text(name: string): string | undefined;
	flag(name: string): boolean;
	/** Whether the option was written on the command line. */
	typed(name: string): boolean;
	/** A whole number within the range, inclusive. */
	count(name: string, least: number, most: number): number | undefined;
	/** Bytes, with an optional suffix K, M, G or T (powers of 1,024). */
	bytes(name: string): number | undefined;
	/** What an option that repeats was given, each time one value or several with commas between. */
	list(name: string): readonly string[];
	/** One of the values. */
	choice<Value extends string>(name: string, values: readonly Value[]): Value | undefined;
}

/** Options that every command has. */
export const GENERAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
	json: { text: "one JSON object per line on standard output, for programs" },
	help: { text: "show this and end" },
};

/** Parses the arguments after the command's name; `"help"` if they ask for help. Throws a usage error. */
export function parseCommandLine(spec: CommandSpec, args: readonly string[], env: Readonly<Record<string, string | undefined>>): Arguments | "help" {
	const specs: Readonly<Record<string, OptionSpec>> = { ...spec.options, ...GENERAL_OPTIONS };
	const hint = `See: conec ${spec.name} --help`;
	const { tokens } = parseArgs({
		args: [...args],
		options: Object.fromEntries(
			Object.entries(specs).map(([name, option]) => [name, { type: option.value === undefined ? ("boolean" as const) : ("string" as const) }]),
		),
		allowPositionals: true,
		strict: false,
		tokens: true,
	});
	const values = new Map<string, string | true>();
	const operands: string[] = [];
	for (const token of tokens) {
		if (token.kind === "positional") {
			// A link is known by its beginning, so it needs no --link before it.
			if (Object.hasOwn(specs, "link") && LINK.test(token.value)) {
				if (values.has("link")) throw usageError("a link is given twice", hint);
				values.set("link", token.value);
			} else operands.push(token.value);
		}
		if (token.kind !== "option") continue;
		if (token.rawName === "-h" || token.rawName === "--help") return "help";
		const option = token.rawName.startsWith("--") && Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
		const shown = printable(token.rawName, 64);
		if (option === undefined) throw usageError(`unknown option ${shown}`, suggestion(token.name, Object.keys(specs)) ?? hint);
		const before = values.get(token.name);
		if (before !== undefined && option.repeats !== true) throw usageError(`option ${shown} is given twice`, hint);
		if (option.value === undefined) {
			if (token.value !== undefined) throw usageError(`option ${shown} takes no value`, hint);
			values.set(token.name, true);
		} else {
			// A value that begins with a dash must be written --name=-value, so that a forgotten value is noticed. A dash alone is standard input.
			if (token.value === undefined || (token.inlineValue === false && token.value.startsWith("-") && token.value !== "-"))
				throw usageError(`option ${shown} needs a value: ${shown} ${option.value}`, hint);
			values.set(token.name, typeof before === "string" ? `${before},${token.value}` : token.value);
		}
	}
	const { least, most, what } = spec.operands;
	if (operands.length < least) throw usageError(`${what} is missing`, hint);
	if (operands.length > most) throw usageError(`unexpected argument "${printable(operands[most] ?? "", 64)}"`, hint);
	return new ParsedArguments(operands, values, specs, env);
}

/** The help of one command. */
export function commandHelp(spec: CommandSpec): string {
	const lines = [`Usage: conec ${spec.name}${spec.usage === "" ? "" : ` ${spec.usage}`}`, "", `${spec.summary}.`, "", "Options:"];
	const options = Object.entries({ ...spec.options, ...GENERAL_OPTIONS }).map(([name, option]) => {
		const env = option.env === undefined ? "" : ` [env ${option.env}]`;
		return [`--${name}${option.value === undefined ? "" : ` ${option.value}`}`, option.text + env] as const;
	});
	const width = Math.max(...options.map(([left]) => left.length));
	for (const [left, right] of options) lines.push(`  ${left.padEnd(width)}  ${right}`);
	if (spec.examples.length > 0) lines.push("", "Examples:", ...spec.examples.map((example) => `  ${example}`));
	return `${lines.join("\n")}\n`;
}

/** "Did you mean": the nearest name within two edits. */
export function suggestion(given: string, names: readonly string[], prefix: string = "--"): string | undefined {
	let nearest: string | undefined;
	let least = 3;
	for (const name of names) {
		const distance = name.startsWith(given) && given.length > 1 ? 1 : editDistance(given.slice(0, 32), name);
		if (distance < least) [nearest, least] = [name, distance];
	}
	return nearest === undefined ? undefined : `Did you mean ${prefix}${nearest}?`;
}

class ParsedArguments implements Arguments {
	readonly operands: readonly string[];
	readonly #values: ReadonlyMap<string, string | true>;
	readonly #specs: Readonly<Record<string, OptionSpec>>;
	readonly #env: Readonly<Record<string, string | undefined>>;

	constructor(
		operands: readonly string[],
		values: ReadonlyMap<string, string | true>,
		specs: Readonly<Record<string, OptionSpec>>,
		env: Readonly<Record<string, string | undefined>>,
	) {
		this.operands = operands;
		this.#values = values;
		this.#specs = specs;
		this.#env = env;
	}

	text(name: string): string | undefined {
		const given = this.#values.get(name);
		if (typeof given === "string") return given;
		const variable = this.#specs[name]?.env;
		const value = variable === undefined ? undefined : this.#env[variable];
		return value === "" ? undefined : value;
	}

	flag(name: string): boolean {
		return this.#values.get(name) === true;
	}

	typed(name: string): boolean {
		return this.#values.has(name);
	}

	count(name: string, least: number, most: number): number | undefined {
		const text = this.text(name);
		if (text === undefined) return undefined;
		const value = Number(text);
		if (!/^\d+$/.test(text) || value < least || value > most)
			throw usageError(`--${name} must be a whole number from ${least} to ${most}, not "${printable(text, 64)}"`);
		return value;
	}

	bytes(name: string): number | undefined {
		const text = this.text(name);
		if (text === undefined) return undefined;
		const match = /^(\d+)([KMGT]?)$/i.exec(text);
		const value = match === null ? Number.NaN : Number(match[1]) * 1_024 ** " KMGT".indexOf((match[2] ?? "").toUpperCase() || " ");
		if (!Number.isSafeInteger(value)) throw usageError(`--${name} must be a number of bytes such as 500000 or 10G, not "${printable(text, 64)}"`);
		return value;
	}

	list(name: string): readonly string[] {
		return (this.text(name) ?? "")
			.split(",")
			.map((value) => value.trim())
			.filter((value) => value !== "");
	}

	choice<Value extends string>(name: string, values: readonly Value[]): Value | undefined {
		const text = this.text(name);
		if (text === undefined) return undefined;
		const found = values.find((value) => value === text);
		if (found === undefined) throw usageError(`--${name} must be one of ${values.join(", ")}, not "${printable(text, 64)}"`);
		return found;
	}
}

const LINK = /^conec:\/\//i;

function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i += 1) {
		const next = [i];
		for (let j = 1; j <= b.length; j += 1) {
			const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
		}
		row = next;
	}
	return row[b.length] ?? 0;
}
