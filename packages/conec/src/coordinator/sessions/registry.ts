/**
 * Which id is held by which identity, now. Knows nothing of connections: a holder is any value.
 *
 * @module
 */

import { FairPool, type PoolKeys } from "../../base/fair-pool.ts";

/** Who asks for an id. */
export interface Claim {
	readonly id: string;
	/** What must be equal for two connections to be the same identity: the key in open mode, the id itself in CA mode. */
	readonly identity: string;
	/** To whom its place among all holders counts. @default the identity */
	readonly keys?: PoolKeys;
}

/** What is to be done about a claim. Nothing has changed yet; {@link Registry.hold} does it. */
export type Verdict<T> =
	| { readonly type: "free" }
	/** The same identity holds it: the newcomer takes over. */
	| { readonly type: "supersedes"; readonly holder: T }
	/** Another identity holds it. */
	| { readonly type: "taken"; readonly holder: T }
	/** The same identity took over too often: two processes fight for it. */
	| { readonly type: "contended"; readonly retryAfterMs: number }
	/** There are as many holders as there may be. */
	| { readonly type: "full" }
	/** There are nearly as many, and the rest is for those from elsewhere. */
	| { readonly type: "crowded" };

/** Bounds of a {@link Registry}. */
export interface RegistryLimits {
	readonly clients: number;
	readonly contentionSwaps: number;
	readonly contentionWindowMs: number;
}

/** Ids and their holders. */
export class Registry<T> {
	readonly #limits: RegistryLimits;
	readonly #entries: Map<string, Entry<T>> = new Map();
	readonly #places: FairPool;

	constructor(limits: RegistryLimits) {
		this.#limits = limits;
		this.#places = new FairPool(limits.clients);
	}

	/** Ids that are held. */
	get size(): number {
		return this.#entries.size;
	}

	/** Every holder, in the order in which their ids were first held. */
	*holders(): Generator<T, void> {
		for (const entry of this.#entries.values()) yield entry.holder;
	}

	/** Who holds an id. */
	find(id: string): T | undefined {
		return this.#entries.get(id)?.holder;
	}

	/** Judges a claim at `nowMs` (monotonic). */
	judge(claim: Claim, nowMs: number): Verdict<T> {
		const entry = this.#entries.get(claim.id);
		if (entry === undefined) return { type: this.#places.judge(keysOf(claim)) };
		if (entry.identity !== claim.identity) {
			// An authority's word for this id: the holder came in before there was one.
			return claim.identity === claim.id ? { type: "supersedes", holder: entry.holder } : { type: "taken", holder: entry.holder };
		}
		const recent = entry.swaps.filter((at) => nowMs - at < this.#limits.contentionWindowMs);
		const oldest = recent[0];
		if (oldest !== undefined && recent.length >= this.#limits.contentionSwaps)
			return { type: "contended", retryAfterMs: Math.ceil(oldest + this.#limits.contentionWindowMs - nowMs) };
		return { type: "supersedes", holder: entry.holder };
	}

	/** Gives the id to a holder, whoever had it before. */
	hold(claim: Claim, holder: T, nowMs: number): void {
		const before = this.#entries.get(claim.id);
		const swaps = before?.identity === claim.identity ? [...before.swaps, nowMs].slice(-this.#limits.contentionSwaps) : [];
		const keys = keysOf(claim);
		if (before !== undefined) this.#places.giveBack(before.keys);
		this.#places.take(keys);
		this.#entries.set(claim.id, { identity: claim.identity, holder, swaps, keys });
	}

	/** The holder that was superseded at `atMs` had left by itself, and its end was on its way: nobody fought for the id. */
	leftBefore(id: string, atMs: number): void {
		const entry = this.#entries.get(id);
		if (entry === undefined) return;
		const at = entry.swaps.lastIndexOf(atMs);
		if (at >= 0) this.#entries.set(id, { ...entry, swaps: entry.swaps.toSpliced(at, 1) });
	}

	/** Frees the id, if it is still held by this holder. */
	free(id: string, holder: T): boolean {
		const entry = this.#entries.get(id);
		if (entry?.holder !== holder) return false;
		this.#places.giveBack(entry.keys);
		return this.#entries.delete(id);
	}
}

interface Entry<T> {
	readonly identity: string;
	readonly holder: T;
	/** When the same identity took over, the latest ones only. */
	readonly swaps: readonly number[];
	readonly keys: PoolKeys;
}

function keysOf({ identity, keys = [identity] }: Claim): PoolKeys {
	return keys;
}
