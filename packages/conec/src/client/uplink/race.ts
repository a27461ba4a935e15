/**
 * Dials several addresses of one host so that a dead one costs a quarter of a second, not the deadline (after RFC 8305).
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { abortable, deferred, onAbort, reasonOf, throwIfAborted } from "../../base/signals.ts";
import { ConecError, isConecError } from "../../errors.ts";
import type { HostAddress, Lookup } from "../../session/runtime.ts";

/** Limits of one race. */
export interface RaceOptions {
	/** Wait for an attempt this long before the next one starts beside it. @default 250 */
	readonly staggerMs?: number;
	/** So long after each address had its attempt, and then each time again, an address is dialled anew: the packets of older attempts come ever more seldom. @default each has one attempt */
	readonly againMs?: number;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Gives all attempts up and rejects with its reason. */
	readonly signal: AbortSignal;
}

/**
 * Resolves a name to at most 16 addresses, IPv6 and IPv4 in turn, the resolver's favourite first.
 *
 * @throws ConecError `HOST_UNRESOLVABLE`; `signal.reason` on abort, while the resolver's late answer is dropped
 */
export async function resolveHost(host: string, family: 0 | 4 | 6, lookup: Lookup, signal: AbortSignal): Promise<string[]> {
	throwIfAborted(signal);
	let found: readonly HostAddress[];
	try {
		found = await abortable(lookup(host), signal);
	} catch (error) {
		if (signal.aborted) throw error;
		throw new ConecError("HOST_UNRESOLVABLE", `Cannot resolve "${host}": ${whyNot(error)}`, { cause: error });
	}
	const usable = family === 0 ? found : found.filter((one) => one.family === family);
	if (usable.length === 0) throw new ConecError("HOST_UNRESOLVABLE", `Cannot resolve "${host}": it has no IPv${family === 0 ? "4 or IPv6" : family} address`);
	return interleave(usable).slice(0, MAX_ADDRESSES);
}

/**
 * Dials the addresses, or the hosts, in turn, each when the one before has failed or has not answered for `staggerMs`. The first
 * success wins; the others are aborted, and one that succeeds all the same is handed to `discard`. At most {@link AT_ONCE} are under way:
 * then the oldest makes way for the next one.
 *
 * Rejects with the most telling error of all attempts, or with `signal.reason`.
 */
export function raceDials<T, Place = string>(
	addresses: readonly Place[],
	dial: (address: Place, signal: AbortSignal) => Promise<T>,
	discard: (late: T) => void,
	options: RaceOptions,
): Promise<T> {
	const { signal, staggerMs = 250, againMs, clock = systemClock } = options;
	const { promise, resolve, reject } = deferred<T>();
	/** In the order in which they began. */
	const live = new Map<number, AbortController>();
	let telling: unknown;
	let timer: unknown;
	let started = 0;
	let over = false;
	const settle = (): boolean => {
		if (over) return false;
		over = true;
		clock.clearTimeout(timer);
		for (const attempt of live.values()) attempt.abort();
		return true;
	};
	const makeWay = (): void => {
		const [oldest] = live;
		if (live.size < AT_ONCE || oldest === undefined) return;
		live.delete(oldest[0]);
		oldest[1].abort();
	};
	const start = (): void => {
		clock.clearTimeout(timer);
		const number = started++;
		const address = addresses[number % addresses.length];
		if (address === undefined || over) return;
		makeWay();
		const attempt = new AbortController();
		live.set(number, attempt);
		const nextMs = started < addresses.length ? staggerMs : againMs;
		if (nextMs !== undefined) timer = clock.setTimeout(start, nextMs);
		dial(address, attempt.signal).then(
			// One that has won is not aborted.
			(won) => (live.delete(number) && settle() ? resolve(won) : discard(won)),
			(error: unknown) => {
				if (over || !live.delete(number)) return;
				telling = moreTelling(telling, error);
				if (started < addresses.length) start();
				else if (live.size === 0 && settle()) reject(telling);
			},
		);
	};
	const forget = onAbort(signal, () => {
		if (settle()) reject(reasonOf(signal));
	});
	start();
	return promise.finally(forget);
}

/** Attempts of one race at the same time. */
export const AT_ONCE = 3;

/** A name server that does not answer, within the time that the system gives it, is `EAI_AGAIN`. */
function whyNot(error: unknown): string {
	const { code } = error as { readonly code?: unknown };
	if (code === "ENOTFOUND" || code === "ENODATA") return "the name service does not know it";
	if (code === "ERR_ACCESS_DENIED") return "Node's permission model does not let this process use the network; start Node with --allow-net";
	if (code === "EAI_AGAIN") return "no name server answers, or none has an answer now";
	return `the name service does not know it or does not answer${typeof code === "string" ? ` (${code})` : ""}`;
}

const MAX_ADDRESSES = 16;

function interleave(found: readonly HostAddress[]): string[] {
	const favourite = found[0]?.family;
	const first = found.filter((one) => one.family === favourite);
	const second = found.filter((one) => one.family !== favourite);
	const all = first.flatMap((one, i) => [one, ...second.slice(i, i + 1)]).concat(second.slice(first.length));
	return [...new Set(all.map((one) => one.address))];
}

/** An answer that says no tells more than silence, and silence more than an address this machine cannot reach. */
function moreTelling(best: unknown, error: unknown): unknown {
	return best === undefined || rank(error) > rank(best) ? error : best;
}

function rank(error: unknown): number {
	if (!isConecError(error)) return 0;
	if (error.code === "ADDRESS_UNAVAILABLE" || error.code === "HOST_UNRESOLVABLE") return 1;
	if (error.code === "COORDINATOR_UNREACHABLE") return 2;
	return error.code === "CONNECTION_LOST" ? 3 : 4;
}
