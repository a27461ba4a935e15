/**
 * What a Coordinator allows and keeps for which broadcasts.
 *
 * @module
 */

import { argumentError } from "../../errors.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { isBroadcastName } from "../../wire/ids.ts";
import type { HistoryBounds } from "./history.ts";

/** What is kept of a broadcast for those who join later; all bounds hold at once. It goes with the last member. */
export interface BroadcastHistoryOptions {
	/** Most messages; at most `limits.broadcastHistoryMessages`. */
	readonly messages: number;
	/** Most bytes, framing of about 30 bytes a message included. @default limits.broadcastHistoryBytes, which is also the most */
	readonly bytes?: number;
	/** Oldest message, in milliseconds. @default as long as the broadcast lives */
	readonly ageMs?: number;
}

/** What holds for the broadcasts that a pattern names. */
export interface BroadcastRule {
	/** @default nothing is kept */
	readonly history?: BroadcastHistoryOptions;
	/** Members may join with `slowReader: "block"`, and so make every sender wait, at most 5 s a minute each (`limits.broadcastBlockMs`). @default false */
	readonly block?: boolean;
}

/**
 * Rules by name. A key is a name, or the beginning of names followed by `*`; so `"*"` is all. The longest key that fits
 * holds, alone: rules do not add up.
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
			throw invalid("type", `has a key ${JSON.stringify(key)} that is neither a name nor the beginning of one and *`);
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
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("type", `: what stands for ${JSON.stringify(key)} must be an object`);
	const unknown = Object.keys(value).find((name) => !names.includes(name));
	if (unknown !== undefined) throw invalid("type", `: there is no ${JSON.stringify(unknown)} for ${JSON.stringify(key)}`);
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
