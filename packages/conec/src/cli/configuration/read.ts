/**
 * The configuration file of a command: its keys are the names of the command's options, and its values are what these take.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errnoOf } from "../../files/file-errors.ts";
import { type CommandSpec, type ConfiguredValue, nearestName, type OptionSpec, optionsOf } from "../command-line/index.ts";
import { CliError, EXIT_CODES, usageError } from "../outcome/index.ts";
import { printable, quoted } from "../text/index.ts";
import { errnoText } from "../words/index.ts";
import { type JsoncEntry, JsoncError, type JsoncNode, lineAndColumn, parseJsonc } from "./jsonc.ts";

/** Longest file, bytes. */
const MOST_BYTES = 1_048_576;

/** Options that make no sense in a file: which file it is, and what is done with it. */
const NOT_IN_FILES: readonly string[] = ["config", "check", "help"];

/** Reads a file. `option`: how it was given. Rejects with a usage error that says the line and the column of what is wrong. */
export async function readConfiguration(path: string, option: string, spec: CommandSpec): Promise<Map<string, ConfiguredValue>> {
	return parseConfiguration(await contentOf(path, option), path, spec);
}

/** The values in a file, by the names of their options. Throws a usage error. */
export function parseConfiguration(content: string, path: string, spec: CommandSpec): Map<string, ConfiguredValue> {
	const file = new ConfigurationFile(content, path);
	const options = Object.entries(optionsOf(spec)).filter(([name]) => !NOT_IN_FILES.includes(name));
	const byKey = new Map(options.map(([name, option]) => [option.key ?? name, { name, option }]));
	const values = new Map<string, ConfiguredValue>();
	for (const entry of file.entries()) {
		const known = byKey.get(entry.key);
		if (known === undefined) {
			const near = nearestName(entry.key, [...byKey.keys()]) ?? [...byKey].find(([, { name }]) => name === entry.key)?.[0];
			throw file.wrong(
				entry.keyAt,
				`there is no key ${quoted(entry.key)}`,
				near === undefined ? `The keys are the options of conec ${spec.name}, without dashes in front.` : `Did you mean "${near}"?`,
			);
		}
		values.set(known.name, file.valueOf(entry, known.option));
	}
	return values;
}

class ConfigurationFile {
	readonly #content: string;
	readonly #path: string;

	constructor(content: string, path: string) {
		this.#content = content;
		this.#path = path;
	}

	entries(): readonly JsoncEntry[] {
		let root: JsoncNode;
		try {
			root = parseJsonc(this.#content);
		} catch (error) {
			if (error instanceof JsoncError) throw this.wrong(error.at, printable(error.message), HINT);
			throw error;
		}
		if (root.type !== "object") throw this.wrong(root.at, 'the file must be an object: {"port": 1719}', HINT);
		return root.entries;
	}

	valueOf({ key, value: node }: JsoncEntry, option: OptionSpec): ConfiguredValue {
		const place = this.#placeOf(key, node.at);
		if (option.value === undefined) {
			if (node.type !== "boolean") throw this.wrong(node.at, `${quoted(key)} must be true or false, not ${KINDS[node.type]}`);
			return { value: node.value, place };
		}
		if (option.repeats !== true) return { value: this.#plain(key, node, option), place };
		if (node.type === "list") return { value: node.items.map((item) => this.#plain(key, item, option)).join(","), place };
		if (node.type === "object" && option.value.includes("=")) {
			const pairs = node.entries.map((entry) => [entry.key, this.#plain(entry.key, entry.value, option)] as const);
			for (const { key: name, keyAt } of node.entries) if (/[=,]/.test(name)) throw this.wrong(keyAt, `${quoted(name)} has a character that no name has`);
			const places = new Map(node.entries.map((entry) => [entry.key, this.#placeOf(entry.key, entry.keyAt)]));
			return { value: pairs.map(([name, value]) => `${name}=${value}`).join(","), place, places };
		}
		return { value: this.#plain(key, node, option), place };
	}

	wrong(at: number, what: string, hint?: string): CliError {
		return usageError(`Cannot use ${this.#where(at)}: ${what}`, hint);
	}

	#plain(key: string, node: JsoncNode, option: OptionSpec): string {
		if (node.type !== "text" && node.type !== "number") throw this.wrong(node.at, `${quoted(key)} must be a text or a number, not ${KINDS[node.type]}`);
		const text = String(node.value);
		if (text.trim() === "") throw this.wrong(node.at, `${quoted(key)} is empty`, "Leave the key out instead.");
		// Like in other programs, so that it does not matter where the command is started.
		return option.value === "FILE" || option.value === "DIR" ? resolve(dirname(this.#path), text) : text;
	}

	#placeOf(key: string, at: number): string {
		return `${quoted(key)} (${this.#where(at)})`;
	}

	#where(at: number): string {
		const { line, column } = lineAndColumn(this.#content, at);
		return `${quoted(this.#path)}, line ${line}, column ${column}`;
	}
}

async function contentOf(path: string, option: string): Promise<string> {
	let bytes: Uint8Array;
	try {
		bytes = await readFile(path);
	} catch (error) {
		throw new CliError(EXIT_CODES.usage, `Cannot read ${quoted(path)}: ${errnoText(errnoOf(error))}`, `Check ${option}.`);
	}
	if (bytes.length > MOST_BYTES) throw usageError(`Cannot use ${quoted(path)}: it is longer than 1 MiB`, `Check ${option}.`);
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		throw usageError(`Cannot use ${quoted(path)}: it is not UTF-8`, "Save it as UTF-8.");
	}
}

const HINT = "A configuration file is JSON; // and /* */ are comments.";

const KINDS: Readonly<Record<JsoncNode["type"], string>> = {
	object: "an object",
	list: "a list",
	text: "a text",
	number: "a number",
	boolean: "true or false",
	null: "null",
};
