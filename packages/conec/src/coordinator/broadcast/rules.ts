/**
 * What a Coordinator allows in each broadcast, and what it keeps of it.
 *
 * @module
 */

import { argumentError } from "../../errors.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { isBroadcastName } from "../../wire/ids.ts";
import type { HistoryBounds } from "./history.ts";

/** The history of a broadcast, which is kept for members that join later. All its bounds hold at once. It is dropped when the last member leaves. */
export interface BroadcastHistoryOptions {
	/** How many messages are kept. 0 to `limits.broadcastHistoryMessages`. */
	readonly messages: number;
	/** How many bytes are kept. Framing of about 30 bytes a message counts too. At most the default. @default limits.broadcastHistoryBytes */
	readonly bytes?: number;
	/** How long a message is kept, in milliseconds. @default as long as the broadcast lives */
	readonly ageMs?: number;
}

/** A rule for the broadcasts that a pattern names. */
export interface BroadcastRule {
	/** What is kept for members that join later. @default nothing */
	readonly history?: BroadcastHistoryOptions;
	/** Whether members may join with `slowReader: "block"`. Each such member may make senders wait for at most 5 s a minute (`limits.broadcastBlockMs`). @default false */
	readonly block?: boolean;
}

/**
 * Rules by pattern. A pattern is the name of a broadcast, or the beginning of names followed by `*`. So `"*"` names all broadcasts.
 * Only the rule of the longest pattern that fits a name counts: rules do not add up.
 */
export type BroadcastRules = Readonly<Record<string, BroadcastRule>>;

/** A checked rule. */
export interface ResolvedBroadcastRule {
	readonly history: HistoryBounds;
	readonly block: boolean;
}

/** The rule for each name. Throws TypeError or RangeError `OPTION_INVALID`. */
export function resolveBroadcastRules(rules: BroadcastRules | undefined, limits: CoordinatorLimits): (name: string) => ResolvedBroadcastRule {
	const resolved: { readonly prefix: string; readonly exact: boolean; readonly rule: ResolvedBroadcastRule }[] = [];
	for (const [key, rule] of Object.entries(rules ?? {})) {
		const exact = !key.endsWith("*");
		const prefix = exact ? key : key.slice(0, -1);
		if (prefix === "" ? exact : !isBroadcastName(prefix))
			throw invalid("type", `has a key ${JSON.stringify(key)}: it must be the name of a broadcast, or the beginning of names followed by *`);
		resolved.push({ prefix, exact, rule: resolveRule(key, rule, limits) });
	}
	// A whole name fits better than any beginning of it.
	resolved.sort((a, b) => Number(b.exact) - Number(a.exact) || b.prefix.length - a.prefix.length);
	return (name) => resolved.find(({ prefix, exact }) => (exact ? name === prefix : name.startsWith(prefix)))?.rule ?? NO_RULE;
}

const NO_RULE: ResolvedBroadcastRule = { history: { messages: 0, bytes: 0, ageMs: Number.POSITIVE_INFINITY }, block: false };

function resolveRule(key: string, rule: unknown, limits: CoordinatorLimits): ResolvedBroadcastRule {
	const { history, block = false } = checkedObject(key, rule, ["history", "block"]);
	if (typeof block !== "boolean") throw invalid("type", `: block of ${JSON.stringify(key)} must be true or false`);
	if (history === undefined) return { history: NO_RULE.history, block };
	const given = checkedObject(key, history, ["messages", "bytes", "ageMs"]);
	const bounds: HistoryBounds = {
		messages: checkedInteger(key, "messages", given["messages"], limits.broadcastHistoryMessages),
		bytes: given["bytes"] === undefined ? limits.broadcastHistoryBytes : checkedInteger(key, "bytes", given["bytes"], limits.broadcastHistoryBytes),
		ageMs: given["ageMs"] === undefined ? Number.POSITIVE_INFINITY : checkedInteger(key, "ageMs", given["ageMs"], Number.MAX_SAFE_INTEGER),
	};
	return { history: bounds, block };
}

function checkedObject(key: string, value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw invalid("type", `: the rule for ${JSON.stringify(key)}, and its history, must be objects`);
	const unknown = Object.keys(value).find((name) => !names.includes(name));
	if (unknown !== undefined) throw invalid("type", `: the rule for ${JSON.stringify(key)} has an unknown field ${JSON.stringify(unknown)}`);
	return value as Record<string, unknown>;
}

function checkedInteger(key: string, name: string, value: unknown, max: number): number {
	if (typeof value !== "number" || !Number.isInteger(value)) throw invalid("type", `: history.${name} of ${JSON.stringify(key)} must be an integer`);
	if (value < 0 || value > max) throw invalid("range", `: history.${name} of ${JSON.stringify(key)} must be between 0 and ${max}, not ${value}`);
	return value;
}

function invalid(kind: "type" | "range", words: string): Error {
	return argumentError(kind, "OPTION_INVALID", `Option "broadcasts"${words.startsWith(":") ? words : ` ${words}`}`);
}
