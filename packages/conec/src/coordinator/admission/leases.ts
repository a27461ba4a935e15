/**
 * Leases: an id stays with the kept key that had it, for a while after its last connection. Open mode only. Knows nothing
 * of connections or files, and is told the time: that of a clock which only ever goes forward, such as `performance.now()`, as a
 * step of the wall clock must neither free an id nor hold it for longer.
 *
 * @module
 */

import { FairPool, type PoolKeys } from "../../base/fair-pool.ts";
import { SpareItems } from "../../base/spare-items.ts";
import { sourceKeys } from "../sessions/index.ts";

/** One lease. */
export interface Lease {
	readonly id: string;
	/** The key that has it, as its fingerprint. */
	readonly identity: string;
	/** To whom it counts: an IPv4 address or an IPv6 /64. */
	readonly source: string;
	/** When it ends, on the clock of this process; `undefined` while its key is connected. */
	readonly untilMs: number | undefined;
}

/** A lease as it outlives the process. */
export interface KeptLease extends Omit<Lease, "untilMs"> {
	/** How long it still lasts; `undefined`: its key was connected. */
	readonly leftMs: number | undefined;
}

/** Bounds of {@link Leases}. */
export interface LeaseLimits {
	/** How long a lease lasts after the connection; 0: there are none. */
	readonly leaseMs: number;
	readonly leases: number;
	readonly leasesPerSource: number;
}

/** Who has a lease on which id. */
export class Leases {
	readonly #limits: LeaseLimits;
	readonly #onChange: () => void;
	readonly #entries: Map<string, Lease> = new Map();
	/** To whom leases count: key, source, network. */
	readonly #places: FairPool;
	/** Ids of leases whose keys are not connected, by network. */
	readonly #spare: SpareItems<unknown, string> = new SpareItems();
	readonly #perSource: Map<string, number> = new Map();
	#nextPruneMs = Number.NEGATIVE_INFINITY;

	/** `kept` are those of an earlier run. Those that were connected when it ended last from now on; none lasts longer than a new one would. */
	constructor(limits: LeaseLimits, onChange: () => void, kept: Iterable<KeptLease>, nowMs: number) {
		this.#limits = limits;
		this.#onChange = onChange;
		this.#places = new FairPool(limits.leases);
		for (const { id, identity, source, leftMs } of kept) {
			const lastsMs = Math.min(leftMs ?? limits.leaseMs, limits.leaseMs);
			if (lastsMs > 0) this.#add({ id, identity, source, untilMs: nowMs + lastsMs });
		}
	}

	/** Leases that are held or not yet pruned. */
	get size(): number {
		return this.#entries.size;
	}

	/** All that are not over, to be kept. */
	kept(nowMs: number): KeptLease[] {
		const kept: KeptLease[] = [];
		for (const lease of this.#entries.values()) {
			const { id, identity, source, untilMs } = lease;
			if (!isOver(lease, nowMs)) kept.push({ id, identity, source, leftMs: untilMs === undefined ? undefined : Math.ceil(untilMs - nowMs) });
		}
		return kept;
	}

	/** The lease on an id, if there is one now. */
	find(id: string, nowMs: number): Lease | undefined {
		const lease = this.#entries.get(id);
		return lease === undefined || isOver(lease, nowMs) ? undefined : lease;
	}

	/**
	 * The key is connected under this id: it gets a lease, or keeps the one it has. False when it gets none: another key has
	 * one, or there are as many as there may be, in all or from this source, or nearly as many and most of them from its network.
	 */
	hold(id: string, identity: string, source: string, nowMs: number): boolean {
		const before = this.#entries.get(id);
		if (before?.identity === identity) {
			if (before.untilMs !== undefined) this.#set({ ...before, untilMs: undefined });
			return true;
		}
		if (before !== undefined) {
			if (!isOver(before, nowMs)) return false;
			this.#remove(before);
		}
		if (this.#limits.leaseMs === 0 || !this.#makeRoom(identity, source, nowMs)) return false;
		this.#add({ id, identity, source, untilMs: undefined });
		this.#onChange();
		return true;
	}

	/** The key's connection under this id is over: from now on its lease runs. */
	release(id: string, identity: string, nowMs: number): void {
		const lease = this.#entries.get(id);
		if (lease?.identity === identity && lease.untilMs === undefined) this.#set({ ...lease, untilMs: nowMs + this.#limits.leaseMs });
	}

	/** Ends all leases of keys that are not welcome any more. */
	revoke(unwelcome: (identity: string) => boolean): void {
		for (const lease of this.#entries.values()) {
			if (!unwelcome(lease.identity)) continue;
			this.#remove(lease);
			this.#onChange();
		}
	}

	#makeRoom(identity: string, source: string, nowMs: number): boolean {
		const keys = sourceKeys(identity, source);
		const sourceHasRoom = (): boolean => (this.#perSource.get(source) ?? 0) < this.#limits.leasesPerSource;
		const may = (): boolean => sourceHasRoom() && this.#places.takes(keys);
		if (may()) return true;
		// Looking at all of them for every newcomer would be a gift to a flood.
		if (nowMs >= this.#nextPruneMs) {
			this.#nextPruneMs = nowMs + PRUNE_INTERVAL_MS;
			for (const lease of this.#entries.values()) if (isOver(lease, nowMs)) this.#remove(lease);
			if (may()) return true;
		}
		if (!sourceHasRoom() || !this.#places.full) return false;
		const held = (network: unknown): number => this.#places.heldBy(network);
		const victim = this.#entries.get(this.#spare.victim(held, Math.max(held(networkOf(keys)) + 1, this.#limits.leases / MUCH)) ?? "");
		if (victim === undefined) return false;
		this.#remove(victim);
		return true;
	}

	#set(lease: Lease): void {
		this.#entries.set(lease.id, lease);
		this.#note(lease);
		this.#onChange();
	}

	#add(lease: Lease): void {
		this.#entries.set(lease.id, lease);
		this.#perSource.set(lease.source, (this.#perSource.get(lease.source) ?? 0) + 1);
		this.#places.take(sourceKeys(lease.identity, lease.source));
		this.#note(lease);
	}

	/** One whose key is connected is never given up. */
	#note({ id, identity, source, untilMs }: Lease): void {
		const network = networkOf(sourceKeys(identity, source));
		if (untilMs === undefined) this.#spare.delete(network, id);
		else this.#spare.add(network, id);
	}

	#remove({ id, identity, source }: Lease): void {
		const keys = sourceKeys(identity, source);
		this.#entries.delete(id);
		this.#spare.delete(networkOf(keys), id);
		this.#places.giveBack(keys);
		const left = (this.#perSource.get(source) ?? 1) - 1;
		if (left === 0) this.#perSource.delete(source);
		else this.#perSource.set(source, left);
	}
}

const PRUNE_INTERVAL_MS = 1_000;

/** A network that holds more than this part of all leases holds much, and may lose one whose key is away. */
const MUCH = 100;

function networkOf(keys: PoolKeys): unknown {
	return keys.at(-1);
}

function isOver({ untilMs }: Lease, nowMs: number): boolean {
	return untilMs !== undefined && untilMs <= nowMs;
}
