/**
 * The values of options, from wherever they come: the command line, then the environment, then a configuration file.
 *
 * @module
 */

import { usageError } from "../outcome/index.ts";
import { printable } from "../text/index.ts";
import { type CommandSpec, type OptionSpecs, optionsOf, variableOf } from "./spec.ts";

/** A parsed command line. Its methods throw a usage error for a value that is wrong, which says where it comes from. */
export interface Arguments {
	readonly operands: readonly string[];
	/** The option's value, or else that of its environment variable, or else that of the configuration file. */
	text(name: string): string | undefined;
	flag(name: string): boolean;
	/** A whole number within the range, inclusive. */
	count(name: string, least: number, most: number): number | undefined;
	/** Bytes, with an optional suffix K, M, G or T (powers of 1,024). */
	bytes(name: string): number | undefined;
	/** What an option that repeats was given, each time one value or several with commas between. */
	list(name: string): readonly string[];
	/** One of the values. */
	choice<Value extends string>(name: string, values: readonly Value[]): Value | undefined;
	/** Whether the option itself was typed, and its value is not from elsewhere. */
	typed(name: string): boolean;
	/** How the value was given, for messages: `--port`, `CONEC_COORDINATOR_PORT`, or the place in a file. Where it was not given, `--port`. */
	named(name: string): string;
	/** What the option was given everywhere, the furthest first: for options whose parts add up. */
	sources(name: string): readonly Source[];
	/** The same, with the values of a configuration file behind the others. */
	withConfiguration(values: ReadonlyMap<string, ConfiguredValue>): Arguments;
}

/** A value in a configuration file. */
export interface ConfiguredValue {
	/** As the command line takes it; values of an option that repeats have commas between. */
	readonly value: string | boolean;
	/** For messages: `"port" in conec.json, line 3, column 11`. */
	readonly place: string;
	/** The same of each part, where the value is a list of `NAME=VALUE`. */
	readonly places?: ReadonlyMap<string, string> | undefined;
}

/** What {@link GivenArguments} is made of. */
export interface Given {
	readonly spec: CommandSpec;
	readonly operands: readonly string[];
	readonly values: ReadonlyMap<string, string | true>;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly configuration?: ReadonlyMap<string, ConfiguredValue> | undefined;
}

/** One value and where it comes from. */
export interface Source extends ConfiguredValue {
	/** 0: typed; 1: from the environment; 2: from a file. */
	readonly distance: 0 | 1 | 2;
}

/** See {@link Arguments}. */
export class GivenArguments implements Arguments {
	readonly operands: readonly string[];
	readonly #given: Given;
	readonly #specs: OptionSpecs;

	constructor(given: Given) {
		this.operands = given.operands;
		this.#given = given;
		this.#specs = optionsOf(given.spec);
	}

	text(name: string): string | undefined {
		const value = this.#sourceOf(name)?.value;
		return typeof value === "string" ? value : undefined;
	}

	flag(name: string): boolean {
		return this.#sourceOf(name)?.value === true;
	}

	count(name: string, least: number, most: number): number | undefined {
		const text = this.text(name);
		if (text === undefined) return undefined;
		const value = Number(text);
		if (!/^\d+$/.test(text) || value < least || value > most) throw this.#wrong(name, `a whole number from ${least} to ${most}`, text);
		return value;
	}

	bytes(name: string): number | undefined {
		const text = this.text(name);
		if (text === undefined) return undefined;
		const value = parseBytes(text);
		if (value === undefined) throw this.#wrong(name, "a number of bytes such as 500000 or 10G", text);
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
		if (found === undefined) throw this.#wrong(name, `one of ${values.join(", ")}`, text);
		return found;
	}

	typed(name: string): boolean {
		return this.#given.values.has(name);
	}

	named(name: string): string {
		return this.#sourceOf(name)?.place ?? `--${name}`;
	}

	sources(name: string): readonly Source[] {
		return [this.#configured(name), this.#environmentOf(name), this.#typed(name)].filter((source) => source !== undefined);
	}

	withConfiguration(configuration: ReadonlyMap<string, ConfiguredValue>): Arguments {
		return checked(new GivenArguments({ ...this.#given, configuration }));
	}

	#wrong(name: string, what: string, text: string): Error {
		return usageError(`${this.named(name)} must be ${what}, not "${printable(text, 64)}"`);
	}

	/** Where the value comes from. A value that excludes another wins over one that comes from further away. */
	#sourceOf(name: string): Source | undefined {
		const source = this.#nearest(name);
		if (source === undefined) return undefined;
		return this.#partnersOf(name).some((other) => (this.#nearest(other)?.distance ?? Number.POSITIVE_INFINITY) < source.distance) ? undefined : source;
	}

	/** Two options that exclude each other and are given the same way, if there are any. Says how. */
	conflict(): readonly [one: string, other: string] | undefined {
		for (const name of Object.keys(this.#specs)) {
			const source = this.#nearest(name);
			if (source === undefined || source.value === false) continue;
			for (const other of this.#specs[name]?.excludes ?? []) {
				const second = this.#nearest(other);
				if (second?.distance === source.distance && second.value !== false) return [source.place, second.place];
			}
		}
		return undefined;
	}

	#partnersOf(name: string): string[] {
		const excludes = (one: string, other: string): boolean => this.#specs[one]?.excludes?.includes(other) === true;
		return Object.keys(this.#specs).filter((other) => excludes(name, other) || excludes(other, name));
	}

	#nearest(name: string): Source | undefined {
		return this.#typed(name) ?? this.#environmentOf(name) ?? this.#configured(name);
	}

	#typed(name: string): Source | undefined {
		const value = this.#given.values.get(name);
		return value === undefined ? undefined : { value, place: `--${name}`, distance: 0 };
	}

	#configured(name: string): Source | undefined {
		const configured = this.#given.configuration?.get(name);
		return configured === undefined ? undefined : { ...configured, distance: 2 };
	}

	#environmentOf(name: string): Source | undefined {
		const { spec, env } = this.#given;
		const option = this.#specs[name];
		const variable = option === undefined ? undefined : variableOf(spec, name, option);
		const text = variable === undefined ? undefined : env[variable];
		// Empty is nothing: so a variable can be taken back for one command.
		if (option === undefined || variable === undefined || text === undefined || text === "") return undefined;
		return { value: option.value === undefined ? flagOf(variable, text) : text, place: variable, distance: 1 };
	}
}

/** The same arguments. Throws a usage error where two of them exclude each other. */
export function checked(given: GivenArguments): GivenArguments {
	const conflict = given.conflict();
	if (conflict !== undefined) throw usageError(`${conflict[0]} and ${conflict[1]} exclude each other`);
	return given;
}

/** A flag in the environment. Throws a usage error. */
function flagOf(variable: string, text: string): boolean {
	if (/^(1|true|yes|on)$/i.test(text)) return true;
	if (/^(0|false|no|off)$/i.test(text)) return false;
	throw usageError(`${variable} must be 1 or 0, not "${printable(text, 64)}"`);
}

/** `500000`, `20M`, `10G`: powers of 1,024. `undefined` for anything else. */
export function parseBytes(text: string): number | undefined {
	const match = /^(\d+)([KMGT]?)$/i.exec(text);
	if (match === null) return undefined;
	const value = Number(match[1]) * 1_024 ** " KMGT".indexOf((match[2] ?? "").toUpperCase() || " ");
	return Number.isSafeInteger(value) ? value : undefined;
}
