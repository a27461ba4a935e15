/**
 * What `conec coordinator --limit` and `limits` in its configuration file say. Limits of the command line, the environment and the file add up;
 * of one limit the nearest counts.
 *
 * @module
 */

import { type CoordinatorLimits, resolveLimits } from "../../../index.ts";
import { type Arguments, parseBytes, type Source, suggestion } from "../../command-line/index.ts";
import { usageError } from "../../outcome/index.ts";
import { printable, quoted } from "../../text/index.ts";

/** Names of all limits that the command has. */
export function limitNames(): string[] {
	return Object.keys(resolveLimits(undefined, "coordinator")).filter((name) => name !== FIXED);
}

/** The limits that are given. Throws a usage error that says where a wrong one comes from. */
export function limitsOf(args: Arguments): Partial<CoordinatorLimits> {
	const limits: Record<string, number> = {};
	for (const source of args.sources("limit")) {
		const seen = new Set<string>();
		for (const text of partsOf(source)) {
			const [name, value] = limitOf(text, source);
			if (seen.has(name)) throw usageError(`${source.place} names ${quoted(name)} twice`);
			seen.add(name);
			limits[name] = value;
		}
	}
	return limits;
}

/** Where the value of each limit comes from. */
export function limitPlaces(args: Arguments): ReadonlyMap<string, string> {
	const places = new Map<string, string>();
	for (const source of args.sources("limit")) {
		for (const text of partsOf(source)) {
			const name = (text.split("=")[0] ?? "").trim();
			places.set(name, source.places?.get(name) ?? source.place);
		}
	}
	return places;
}

function partsOf({ value }: Source): string[] {
	return String(value)
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
}

/** Of no use here: the command takes no streams. */
const FIXED = "incomingStreams";

function limitOf(text: string, source: Source): [name: string, value: number] {
	const match = /^([^=]*)=(.*)$/.exec(text);
	if (match === null) throw usageError(`${source.place} must be NAME=N, such as clients=500, not ${quoted(text)}`, HINT);
	const [name, given] = [(match[1] as string).trim(), (match[2] as string).trim()];
	const place = source.places?.get(name) ?? source.place;
	if (name === FIXED) throw usageError(`${place}: conec coordinator has no limit ${quoted(name)}, since it takes no streams`, "Leave it out.");
	const names = limitNames();
	if (!names.includes(name)) throw usageError(`${place}: a Coordinator has no limit ${quoted(name)}`, suggestion(name, names, "") ?? HINT);
	const value = numberOf(name, given);
	if (value === undefined) throw usageError(`${place}: ${name} must be ${wordsFor(name)}, not ${quoted(given)}`, HINT);
	try {
		resolveLimits({ [name]: value }, "coordinator");
	} catch (error) {
		throw usageError(`${place}: ${printable((error as Error).message)}`, HINT);
	}
	return [name, value];
}

/** The number that a text stands for, as the limit is a size, a time or a count. */
function numberOf(name: string, text: string): number | undefined {
	if (name.endsWith("Bytes")) return parseBytes(text);
	const match = (name.endsWith("Ms") ? /^(\d{1,15})(ms|s|min|h|d)?$/ : /^(\d{1,15})()$/).exec(text);
	return match === null ? undefined : Number(match[1]) * (UNITS_MS[match[2] || "ms"] ?? Number.NaN);
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

function wordsFor(name: string): string {
	if (name.endsWith("Bytes")) return "a number of bytes such as 500000 or 4M";
	return name.endsWith("Ms") ? "a time such as 500 (milliseconds), 30s, 5min, 12h or 1d" : "a whole number";
}

const HINT = "All limits and their ranges are in docs/limits.md.";
