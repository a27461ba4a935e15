/**
 * How many raw datagrams Clients may send to an address, over all attempts of all Clients: an address that nobody has proven
 * to be a consenting Client's must never be flooded, however many ask for it. Pure: takes the time.
 *
 * @module
 */

import type { Limits } from "../options.ts";

/** The bounds of a {@link PunchBudget}. */
export type PunchLimits = Pick<Limits, "punchPacketsPerMinute" | "punchPacketsPerAttempt" | "punchReflexivePerMinute" | "birthdayPerMinute" | "punchAddresses">;

/** Datagrams to one host candidate in one attempt. */
export const HOST_PACKETS = 6;

/** What the two parts of the birthday method may send beside: `easy` to random ports of the other's address, `hard` from many sockets, twice each. */
export const BIRTHDAY_PACKETS = { easy: 2048, hard: 512 } as const;

const MINUTE_MS = 60_000;

/** What may be sent to which address, and has been granted lately. */
export class PunchBudget {
	readonly #limits: PunchLimits;
	readonly #unvalidated: Ledger;
	/** Addresses of connected Clients only, so as bounded as they are. */
	readonly #validated: Ledger;
	readonly #birthdays: Ledger;

	constructor(limits: PunchLimits) {
		this.#limits = limits;
		this.#unvalidated = new Ledger(limits.punchPacketsPerMinute, limits.punchAddresses);
		this.#validated = new Ledger(limits.punchReflexivePerMinute, Number.POSITIVE_INFINITY);
		this.#birthdays = new Ledger(limits.birthdayPerMinute, Number.POSITIVE_INFINITY);
	}

	/** Entries that are kept. */
	get size(): number {
		return this.#unvalidated.size + this.#validated.size + this.#birthdays.size;
	}

	/** Datagrams to an address that is not validated, at most `wanted`; 0 is none at all. They may be sent for `lifeMs` from now. */
	grantUnvalidated(key: string, wanted: number, nowMs: number, lifeMs: number): number {
		return this.#unvalidated.grant(key, wanted, nowMs, lifeMs);
	}

	/** Datagrams to the validated address of a Client that consents to this attempt. Loopback is the Coordinator's own machine: only the attempt is bounded. */
	grantValidated(key: string, nowMs: number, lifeMs: number, loopback: boolean = false): number {
		if (loopback) return this.#limits.punchPacketsPerAttempt;
		return this.#validated.grant(key, this.#limits.punchPacketsPerAttempt, nowMs, lifeMs);
	}

	/** One use of the birthday method between two addresses: both count, or none. */
	grantBirthday(keys: readonly [string, string], nowMs: number, lifeMs: number): boolean {
		const distinct = [...new Set(keys)];
		if (distinct.some((key) => this.#birthdays.left(key, nowMs) < 1)) return false;
		for (const key of distinct) this.#birthdays.grant(key, 1, nowMs, lifeMs);
		return true;
	}

	/** Forgets what is more than a minute ago. */
	sweep(nowMs: number): void {
		for (const ledger of [this.#unvalidated, this.#validated, this.#birthdays]) ledger.sweep(nowMs);
	}

	/** Forgets everything. */
	clear(): void {
		for (const ledger of [this.#unvalidated, this.#validated, this.#birthdays]) ledger.sweep(Number.POSITIVE_INFINITY);
	}
}

/** Grants by key, each counted from when it is given until a minute after the last moment at which it may be used. */
class Ledger {
	readonly #perMinute: number;
	readonly #maxKeys: number;
	readonly #entries: Map<string, { readonly amount: number; readonly untilMs: number }[]> = new Map();

	constructor(perMinute: number, maxKeys: number) {
		this.#perMinute = perMinute;
		this.#maxKeys = maxKeys;
	}

	get size(): number {
		return this.#entries.size;
	}

	left(key: string, nowMs: number): number {
		let left = this.#perMinute;
		for (const { amount, untilMs } of this.#entries.get(key) ?? []) if (untilMs > nowMs) left -= amount;
		return Math.max(0, left);
	}

	grant(key: string, wanted: number, nowMs: number, lifeMs: number): number {
		const amount = Math.min(wanted, this.left(key, nowMs));
		if (amount === 0) return 0;
		const before = this.#entries.get(key);
		if (before === undefined && this.#entries.size >= this.#maxKeys) return 0;
		const live = (before ?? []).filter(({ untilMs }) => untilMs > nowMs);
		live.push({ amount, untilMs: nowMs + lifeMs + MINUTE_MS });
		this.#entries.set(key, live);
		return amount;
	}

	sweep(nowMs: number): void {
		for (const [key, grants] of this.#entries) if (grants.every(({ untilMs }) => untilMs <= nowMs)) this.#entries.delete(key);
	}
}
