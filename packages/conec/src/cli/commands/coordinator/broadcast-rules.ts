/**
 * What `conec coordinator --history` and `--block` make of broadcasts.
 *
 * @module
 */

import type { BroadcastRule } from "../../../index.ts";
import { usageError } from "../../outcome/index.ts";
import { quoted } from "../../text/index.ts";

/**
 * The rules for `PATTERN=N` and `PATTERN`. A pattern is a name, or the beginning of names and `*`. Of each kind the longest
 * pattern that fits holds, independently of the other kind; a Coordinator's rules do not add up, so they are merged here.
 * Throws a usage error. `named`: how an option was given.
 */
export function broadcastRules(
	history: readonly string[],
	block: readonly string[],
	named: (option: string) => string = (option) => `--${option}`,
): Record<string, BroadcastRule> {
	const kept = new Map<string, number>();
	for (const text of history) {
		const match = /^([^=]*)=(\d{1,9})$/.exec(text);
		if (match === null) throw usageError(`${named("history")} must be PATTERN=N, such as news=100 or chat.*=50, not ${quoted(text)}`);
		const pattern = checked(named("history"), match[1] as string);
		if (kept.has(pattern)) throw usageError(`${named("history")} names ${quoted(pattern)} twice`);
		kept.set(pattern, Number(match[2]));
	}
	const blocking = block.map((pattern) => checked(named("block"), pattern));
	const rules = [...kept.keys(), ...blocking].map((key): [string, BroadcastRule] => {
		const messages = kept.get(longest([...kept.keys()].filter((pattern) => covers(pattern, key))) ?? "");
		const allowed = blocking.some((pattern) => covers(pattern, key));
		return [key, { ...(messages === undefined ? {} : { history: { messages } }), ...(allowed ? { block: true } : {}) }];
	});
	// Not by assignment: __proto__ is a name like others.
	return Object.fromEntries(rules);
}

function checked(option: string, pattern: string): string {
	if (/^(\*|[a-z0-9._-]{1,128}\*?)$/.test(pattern)) return pattern;
	throw usageError(`${option} must be the name of a broadcast, or the beginning of names and *, not ${quoted(pattern)}`);
}

/** Whether every name that `key` stands for fits `pattern`. */
function covers(pattern: string, key: string): boolean {
	return pattern === key || (pattern.endsWith("*") && key.startsWith(pattern.slice(0, -1)));
}

/** A whole name before any beginning. */
function longest(patterns: readonly string[]): string | undefined {
	const weight = (pattern: string): number => (pattern.endsWith("*") ? pattern.length : Number.POSITIVE_INFINITY);
	return patterns.reduce<string | undefined>((best, pattern) => (best === undefined || weight(pattern) > weight(best) ? pattern : best), undefined);
}
