/**
 * `--timeout`: how long a command waits for the Coordinator.
 *
 * @module
 */

import type { Arguments } from "../command-line/index.ts";
import { usageError } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";

/** Reads `--timeout`: seconds, or a number with `ms`, `s` or `m`. `undefined` if it is not given. Throws a usage error. */
export function timeoutMs(args: Pick<Arguments, "named" | "text">): number | undefined {
	const text = args.text("timeout");
	if (text === undefined) return undefined;
	const match = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text);
	const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * UNITS[(match[2] ?? "s") as keyof typeof UNITS]);
	if (ms >= LEAST_MS && ms <= MOST_MS) return ms;
	throw usageError(`${args.named("timeout")} must be seconds from 0.1 to 600, or a time such as 500ms or 2m, not ${quoted(text.slice(0, 64))}`);
}

const UNITS = { ms: 1, s: 1_000, m: 60_000 } as const;

const LEAST_MS = 100;

/** The most that `limits.requestTimeoutMs` can be. */
const MOST_MS = 600_000;
