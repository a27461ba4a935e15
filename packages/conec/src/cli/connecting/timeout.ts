/**
 * `--timeout`: how long a command waits for the Coordinator. `--give-up-after`: how long it tries to come back to it, and to a peer.
 *
 * @module
 */

import type { ClientOptions } from "../../index.ts";
import type { Arguments } from "../command-line/index.ts";
import { usageError } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";

/** Reads `--timeout`: seconds, or a number with `ms`, `s` or `m`. `undefined` if it is not given. Throws a usage error. */
export function timeoutMs(args: Pick<Arguments, "named" | "text">): number | undefined {
	const text = args.text("timeout");
	if (text === undefined) return undefined;
	const ms = durationMs(text);
	if (ms >= LEAST_MS && ms <= MOST_MS) return ms;
	throw usageError(`${args.named("timeout")} must be seconds from 0.1 to 600, or a time such as 500ms or 2m, not ${quoted(text.slice(0, 64))}`);
}

/** Reads `--give-up-after`, for a command that lives through the loss of its Coordinator: for ever unless it is given. With 0 it does not come back. Throws a usage error. */
export function comingBack(args: Pick<Arguments, "named" | "text">): NonNullable<ClientOptions["reconnect"]> {
	const ms = giveUpAfterMs(args);
	return ms === undefined ? true : ms === 0 ? false : { giveUpAfterMs: ms };
}

/** How long a stream to a peer may be without a way, in milliseconds: as `--give-up-after` says, or else 10 minutes. 0: not at all. Throws a usage error. */
export function survivalMs(args: Pick<Arguments, "named" | "text">): number {
	return giveUpAfterMs(args) ?? SURVIVAL_MS;
}

function giveUpAfterMs(args: Pick<Arguments, "named" | "text">): number | undefined {
	return secondsMs(args, "give-up-after", MOST_AWAY_MS);
}

/** Reads an option that is 0 or a time of at least 0.1 s and at most `mostMs`, in milliseconds. `undefined` if it is not given. Throws a usage error. */
export function secondsMs(args: Pick<Arguments, "named" | "text">, option: string, mostMs: number): number | undefined {
	const text = args.text(option);
	if (text === undefined) return undefined;
	const ms = durationMs(text);
	if (ms === 0 || (ms >= LEAST_MS && ms <= mostMs)) return ms;
	const what = `must be 0, seconds from 0.1 to ${mostMs / 1_000}, or a time such as 500ms or 10m`;
	throw usageError(`${args.named(option)} ${what}, not ${quoted(text.slice(0, 64))}`);
}

function durationMs(text: string): number {
	const match = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text);
	return match === null ? Number.NaN : Math.round(Number(match[1]) * UNITS[(match[2] ?? "s") as keyof typeof UNITS]);
}

const UNITS = { ms: 1, s: 1_000, m: 60_000 } as const;

const LEAST_MS = 100;

/** The most that `limits.requestTimeoutMs` can be. */
const MOST_MS = 600_000;

const MOST_AWAY_MS = 86_400_000;

/** The help says it. */
const SURVIVAL_MS = 600_000;
