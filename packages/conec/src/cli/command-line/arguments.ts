/**
 * Command lines: how one is read by the description of its command.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { usageError } from "../outcome/index.ts";
import { printable } from "../text/index.ts";
import { type CommandSpec, type OptionSpecs, optionsOf, SHORT_OPTIONS } from "./spec.ts";
import { suggestion } from "./suggestion.ts";
import { type Arguments, checked, GivenArguments } from "./values.ts";

/** Parses the arguments after the command's name; `"help"` if they ask for help. Throws a usage error. */
export function parseCommandLine(spec: CommandSpec, args: readonly string[], env: Readonly<Record<string, string | undefined>>): Arguments | "help" {
	const specs = optionsOf(spec);
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
		const name = nameOf(token.rawName, token.name, specs);
		if (name === "help") return "help";
		const option = name === undefined ? undefined : specs[name];
		const shown = printable(token.rawName, 64);
		if (name === undefined || option === undefined) throw usageError(`unknown option ${shown}`, suggestion(token.name, Object.keys(specs)) ?? hint);
		const before = values.get(name);
		if (before !== undefined && option.repeats !== true) throw usageError(`option ${shown} is given twice`, hint);
		if (option.value === undefined) {
			if (token.value !== undefined) throw usageError(`option ${shown} takes no value`, hint);
			values.set(name, true);
		} else {
			// A value that begins with a dash must be written --name=-value, so that a forgotten value is noticed. A dash alone is standard input.
			if (token.value === undefined || (token.inlineValue === false && token.value.startsWith("-") && token.value !== "-"))
				throw usageError(`option ${shown} needs a value: ${shown} ${option.value}`, hint);
			values.set(name, typeof before === "string" ? `${before},${token.value}` : token.value);
		}
	}
	const { least, most, what } = spec.operands;
	if (operands.length < least) throw usageError(`${what} is missing`, hint);
	if (operands.length > most) throw usageError(`unexpected argument "${printable(operands[most] ?? "", 64)}"`, hint);
	return checked(new GivenArguments({ spec, operands, values, env }));
}

const LINK = /^conec:\/\//i;

function nameOf(rawName: string, name: string, specs: OptionSpecs): string | undefined {
	if (rawName.startsWith("--")) return Object.hasOwn(specs, name) ? name : undefined;
	return Object.hasOwn(SHORT_OPTIONS, name) ? SHORT_OPTIONS[name] : undefined;
}
