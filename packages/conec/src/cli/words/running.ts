/**
 * What a Client of this command line says about itself: which command it runs, and since when. Others may say anything.
 *
 * @module
 */

import type { JsonValue } from "../../index.ts";

/** A running command. */
export interface Running {
	readonly command: string;
	/** By the clock of its machine, in milliseconds since 1970; `undefined`: it does not say. */
	readonly sinceMs: number | undefined;
}

/** The metadata of a Client that runs a command. */
export function runningMetadata(command: string, since: Date): JsonValue {
	return { conec: { command, since: since.toISOString() } };
}

/** What a peer's metadata says of this, and the rest of the metadata, if there is any. It is untrusted: only a name that a command can have is taken for one. */
export function runningOf(metadata: JsonValue | undefined): { readonly running: Running | undefined; readonly rest: JsonValue | undefined } {
	if (!isObject(metadata)) return { running: undefined, rest: metadata };
	const { conec, ...rest } = metadata;
	if (!isObject(conec)) return { running: undefined, rest: metadata };
	const { command, since } = conec;
	if (typeof command !== "string" || !/^[a-z]{1,16}$/.test(command)) return { running: undefined, rest: metadata };
	const sinceMs = typeof since === "string" ? Date.parse(since) : Number.NaN;
	return {
		running: { command, sinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs },
		rest: Object.keys(rest).length === 0 ? undefined : rest,
	};
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
