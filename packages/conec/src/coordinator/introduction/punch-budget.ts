/**
 * How many raw datagrams Clients may send to an address, over all attempts of all Clients: an address that nobody has proven
 * to be a consenting Client's must never be flooded, however many ask for it. Pure: takes the time.
 *
 * An attempt is granted more than it will need, and what was not sent is given back, by the word of the one that was to send it. So nobody
 * can give back what another was granted; and whoever lies about itself could have sent whatever it likes without asking anybody.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";

/** The bounds of a {@link PunchBudget}. */
export type PunchLimits = Pick<
	CoordinatorLimits,
	"punchPacketsPerMinute" | "punchPacketsPerAttempt" | "punchReflexivePerMinute" | "birthdayPerMinute" | "punchAddresses"
>;

/** Datagrams to one host candidate in one attempt. */
export const HOST_PACKETS = 6;

/** What the two parts of the birthday method may send beside: `easy` to random ports of the other's address, `hard` from many sockets, twice each. */
export const BIRTHDAY_PACKETS = { easy: 2048, hard: 512 } as const;

const MINUTE_MS = 60_000;

/** One requester gets one part in so many of what may be sent to one address. */
const SHARES = 4;

/** Fewer make no attempt to a validated address worth it. */
const LEAST_PACKETS = 16;

/** Where attempts are under way that will give something back. */
const SOON_MS = 1000;

/** Datagrams that somebody may send. */
export interface Grant {
	/** At most so many; 0 is none at all. */
	readonly packets: number;
	/** It has sent so many of them, and sends no more. */
	settle(sent: number, nowMs: number): void;
	/** They may be sent until then at least. */
	extend(nowMs: number, lifeMs: number): void;
}

/** What may be sent to which address, and has been granted lately. */
export class PunchBudget {
	readonly #limits: PunchLimits;
	readonly #unvalidated: Ledger;
	/** Addresses of connected Clients only, so as bounded as they are. */
	readonly #validated: Ledger;
	/** Of those, what one Client has asked for, by it and the address: many are behind one address, and none may use it up for all. */
	readonly #shares: Ledger;
	readonly #birthdays: Ledger;

	constructor(limits: PunchLimits) {
		this.#limits = limits;
		this.#unvalidated = new Ledger(limits.punchPacketsPerMinute, limits.punchAddresses);
		this.#validated = new Ledger(limits.punchReflexivePerMinute, Number.POSITIVE_INFINITY);
		this.#shares = new Ledger(Math.ceil(limits.punchReflexivePerMinute / SHARES), Number.POSITIVE_INFINITY);
		this.#birthdays = new Ledger(limits.birthdayPerMinute, Number.POSITIVE_INFINITY);
	}

	/** Entries that are kept. */
	get size(): number {
		return this.#unvalidated.size + this.#validated.size + this.#shares.size + this.#birthdays.size;
	}

	/** Datagrams to an address that is not validated, at most `wanted`. They may be sent for `lifeMs` from now. `keptBack`: the part of what a minute allows that is for others. */
	grantUnvalidated(key: string, wanted: number, nowMs: number, lifeMs: number, keptBack: number = 0): Grant {
		return this.#unvalidated.grant(key, Math.min(wanted, this.#unvalidated.left(key, nowMs) - keptBack * this.#limits.punchPacketsPerMinute), nowMs, lifeMs);
	}

	/** Datagrams to the validated address of a Client that consents to this attempt, which `requester` has asked for. Loopback is the Coordinator's own machine: only the attempt is bounded. `keptBack` as in {@link grantUnvalidated}. */
	grantValidated(key: string, requester: string, nowMs: number, lifeMs: number, loopback: boolean = false, keptBack: number = 0): Grant {
		const wanted = this.#limits.punchPacketsPerAttempt;
		if (loopback) return { packets: wanted, settle: () => undefined, extend: () => undefined };
		const share = `${requester} ${key}`;
		const forThis = Math.floor(this.#validated.left(key, nowMs) - keptBack * this.#limits.punchReflexivePerMinute);
		const left = Math.min(wanted, this.#shares.left(share, nowMs), forThis);
		if (left < Math.min(wanted, LEAST_PACKETS)) return NOTHING;
		const grants = [this.#validated.grant(key, left, nowMs, lifeMs), this.#shares.grant(share, left, nowMs, lifeMs)];
		return {
			packets: left,
			settle: (sent, atMs) => {
				for (const grant of grants) grant.settle(sent, atMs);
			},
			extend: (atMs, ms) => {
				for (const grant of grants) grant.extend(atMs, ms);
			},
		};
	}

	/** When there may be enough again for an attempt to this address that {@link grantValidated} had nothing left for. */
	validatedAfterMs(key: string, requester: string, nowMs: number, keptBack: number = 0): number {
		const least = Math.min(this.#limits.punchPacketsPerAttempt, LEAST_PACKETS);
		return Math.max(
			this.#validated.afterMs(key, least + keptBack * this.#limits.punchReflexivePerMinute, nowMs),
			this.#shares.afterMs(`${requester} ${key}`, least, nowMs),
		);
	}

	/** The same of an address that is not validated. */
	unvalidatedAfterMs(key: string, nowMs: number): number {
		return this.#unvalidated.afterMs(key, 1, nowMs);
	}

	/** One use of the birthday method between two addresses: both count, or none. */
	grantBirthday(keys: readonly [string, string], nowMs: number, lifeMs: number): boolean {
		const distinct = [...new Set(keys)];
		if (distinct.some((key) => this.#birthdays.left(key, nowMs) < 1)) return false;
		// Never given back.
		for (const key of distinct) this.#birthdays.grant(key, 1, nowMs, lifeMs).settle(1, nowMs + lifeMs);
		return true;
	}

	/** Forgets what is more than a minute ago. */
	sweep(nowMs: number): void {
		for (const ledger of [this.#unvalidated, this.#validated, this.#shares, this.#birthdays]) ledger.sweep(nowMs);
	}

	/** Forgets everything. */
	clear(): void {
		for (const ledger of [this.#unvalidated, this.#validated, this.#shares, this.#birthdays]) ledger.sweep(Number.POSITIVE_INFINITY);
	}
}

/** Grants by key, each counted from when it is given until a minute after the last moment at which it may be used, or was. */
class Ledger {
	readonly #perMinute: number;
	readonly #maxKeys: number;
	readonly #entries: Map<string, Entry[]> = new Map();

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

	grant(key: string, wanted: number, nowMs: number, lifeMs: number): Grant {
		const amount = Math.min(Math.floor(wanted), this.left(key, nowMs));
		const before = this.#entries.get(key);
		if (amount <= 0 || (before === undefined && this.#entries.size >= this.#maxKeys)) return NOTHING;
		const entry: Entry = { amount, untilMs: nowMs + lifeMs + MINUTE_MS, open: true };
		const live = (before ?? []).filter((one) => one.untilMs > nowMs && one.amount > 0);
		live.push(entry);
		this.#entries.set(key, live);
		return {
			packets: amount,
			settle: (sent, atMs) => {
				if (!entry.open) return;
				entry.open = false;
				entry.amount = Math.min(amount, Math.max(0, Math.ceil(sent)));
				entry.untilMs = Math.min(entry.untilMs, atMs + MINUTE_MS);
			},
			extend: (atMs, ms) => {
				if (entry.open) entry.untilMs = Math.max(entry.untilMs, atMs + ms + MINUTE_MS);
			},
		};
	}

	/** When `wanted` may be left. */
	afterMs(key: string, wanted: number, nowMs: number): number {
		const live = (this.#entries.get(key) ?? []).filter((one) => one.untilMs > nowMs).sort((a, b) => a.untilMs - b.untilMs);
		let left = this.#perMinute - live.reduce((sum, { amount }) => sum + amount, 0);
		if (left >= wanted) return 0;
		const open = live.reduce((sum, one) => sum + (one.open ? one.amount : 0), 0);
		const soonMs = left + open >= wanted ? SOON_MS : Number.POSITIVE_INFINITY;
		for (const { amount, untilMs } of live) {
			left += amount;
			if (left >= wanted) return Math.ceil(Math.min(soonMs, untilMs - nowMs));
		}
		return MINUTE_MS;
	}

	sweep(nowMs: number): void {
		for (const [key, grants] of this.#entries) if (grants.every(({ untilMs, amount }) => untilMs <= nowMs || amount === 0)) this.#entries.delete(key);
	}
}

interface Entry {
	amount: number;
	untilMs: number;
	/** It may yet be given back. */
	open: boolean;
}

const NOTHING: Grant = { packets: 0, settle: () => undefined, extend: () => undefined };
