/**
 * Checks of option objects, so that a typing mistake in plain JavaScript is reported and not ignored.
 *
 * @module
 */

import { argumentError, optionError } from "../errors.ts";
import { isBytes } from "./bytes.ts";
import { isAbortSignal } from "./signals.ts";

/** What an option may be; `undefined` always may. */
export type OptionKind =
	| "string"
	| "boolean"
	| "pem"
	| "pems"
	| "strings"
	| "string or strings"
	| "port"
	| "interval"
	| "integer"
	| "signal"
	| "object"
	| "boolean or object"
	| "json"
	| "function"
	| "stream id"
	| "priority"
	| "messages"
	| "boolean or object"
	| "suspension"
	| readonly string[];

/**
 * Checks that every option is known and of its kind.
 *
 * @throws TypeError or RangeError with `code` `OPTION_INVALID`
 */
export function checkOptions(options: unknown, kinds: Readonly<Record<string, OptionKind>>): void {
	if (typeof options !== "object" || options === null || Array.isArray(options)) throw argumentError("type", "OPTION_INVALID", "Options must be an object");
	for (const [name, value] of Object.entries(options)) {
		const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
		if (kind === undefined) throw argumentError("type", "OPTION_INVALID", `There is no option ${JSON.stringify(name)}`);
		if (value !== undefined) checkOption(name, value, kind);
	}
}

function checkOption(name: string, value: unknown, kind: OptionKind): void {
	if (typeof kind === "object") {
		if (kind.includes(value as string)) return;
		throw optionError(typeof value === "string" ? "range" : "type", name, `must be one of ${kind.map((one) => JSON.stringify(one)).join(", ")}`);
	}
	const check = KINDS[kind];
	if (!check.type(value)) throw optionError("type", name, `must be ${check.words}`);
	if (check.range !== undefined && !check.range(value as number)) throw optionError("range", name, `must be ${check.words}, not ${String(value)}`);
}

interface KindCheck {
	readonly words: string;
	readonly type: (value: unknown) => boolean;
	readonly range?: (value: number) => boolean;
}

const isString = (value: unknown): boolean => typeof value === "string";
const isPem = (value: unknown): boolean => isString(value) || isBytes(value);
const isNumber = (value: unknown): boolean => typeof value === "number";
const integer =
	(max: number, min: number = 0) =>
	(value: number): boolean =>
		Number.isInteger(value) && value >= min && value <= max;

const KINDS: Readonly<Record<Exclude<OptionKind, readonly string[]>, KindCheck>> = {
	string: { words: "a string", type: isString },
	boolean: { words: "true or false", type: (value) => typeof value === "boolean" },
	pem: { words: "PEM (a string) or DER (a Uint8Array)", type: isPem },
	pems: { words: "PEM or DER, or an array of them", type: (value) => isPem(value) || (Array.isArray(value) && value.every(isPem)) },
	strings: { words: "an array of strings", type: (value) => Array.isArray(value) && value.every(isString) },
	"string or strings": { words: "a string or an array of strings", type: (value) => isString(value) || (Array.isArray(value) && value.every(isString)) },
	port: { words: "a port, 0 to 65535", type: isNumber, range: integer(65_535) },
	interval: { words: "whole milliseconds, 0 to 600000", type: isNumber, range: integer(600_000) },
	integer: { words: "a number", type: isNumber },
	"stream id": { words: "an integer, 0 to 4294967295", type: isNumber, range: integer(0xffff_ffff) },
	priority: { words: "an integer, -100 to 100", type: isNumber, range: integer(100, -100) },
	messages: { words: "an integer, 1 to 1048576", type: isNumber, range: integer(1_048_576, 1) },
	suspension: { words: "whole milliseconds, 1 to 86400000", type: isNumber, range: integer(86_400_000, 1) },
	signal: { words: "an AbortSignal", type: isAbortSignal },
	object: { words: "an object", type: (value) => typeof value === "object" && value !== null },
	"boolean or object": { words: "true, false or an object", type: (value) => typeof value === "boolean" || (typeof value === "object" && value !== null) },
	json: { words: "JSON", type: () => true },
	function: { words: "a function", type: (value) => typeof value === "function" },
};
