/**
 * How many challenges may be sent to one IP address: a forged packet can name anybody, and a household, an office or a carrier has
 * thousands of Clients behind one address, which move together when its router gets another one.
 *
 * So an answer gives back what was taken, and only those without one add up. It is not the budget of attempts: whoever names an address
 * there is not to keep those who have moved to it from being found. Pure: takes the time.
 *
 * @module
 */

import { Allowance } from "../../base/allowance.ts";
import type { CoordinatorLimits } from "../../limits.ts";

/** The bounds of a {@link ChallengeBudget}. */
export type ChallengeLimits = Pick<CoordinatorLimits, "challengesPerMinute" | "punchAddresses">;

/** See the module. */
export class ChallengeBudget {
	readonly #limits: ChallengeLimits;
	/** By IP address; the first is the one to which nothing has been sent for the longest time. */
	readonly #addresses: Map<string, { readonly allowance: Allowance; atMs: number }> = new Map();

	constructor(limits: ChallengeLimits) {
		this.#limits = limits;
	}

	/** Addresses that are kept. */
	get size(): number {
		return this.#addresses.size;
	}

	/** Whether one may be sent there now; then it is counted. */
	take(ip: string, nowMs: number): boolean {
		this.sweep(nowMs);
		const known = this.#addresses.get(ip);
		if (known === undefined && this.#addresses.size >= this.#limits.punchAddresses) return false;
		const entry = known ?? { allowance: new Allowance(this.#limits.challengesPerMinute, nowMs), atMs: nowMs };
		if (entry.allowance.take(nowMs).type === "refused") return false;
		entry.atMs = nowMs;
		this.#addresses.delete(ip);
		this.#addresses.set(ip, entry);
		return true;
	}

	/** One has been answered from there. */
	answered(ip: string): void {
		this.#addresses.get(ip)?.allowance.giveBack();
	}

	/** Forgets those to which nothing was sent for a minute: all of their allowance is there again. */
	sweep(nowMs: number): void {
		for (const [ip, { atMs }] of this.#addresses) {
			if (nowMs < atMs + MINUTE_MS) return;
			this.#addresses.delete(ip);
		}
	}

	/** Forgets everything. */
	clear(): void {
		this.#addresses.clear();
	}
}

const MINUTE_MS = 60_000;
