/**
 * What resumable streams keep until it is acknowledged.
 *
 * @module
 */

import { Purse, type PurseShare } from "./purse.ts";
import type { KeptEvents, KeptShare, KeptShares } from "./seams.ts";

/** The limit of a {@link KeptBudget}. */
export interface KeptLimits {
	/** What all resumable streams may keep. */
	readonly keptBytes: number;
}

/**
 * See the module. One identity gets a quarter of what the others leave, and can always keep one unit.
 *
 * Streams without a leg may keep half of all, and half of what their identity keeps while another of its streams has to
 * wait. Those that are suspended longest fail first.
 */
export class KeptBudget implements KeptShares {
	readonly #purse: Purse;
	readonly #mostSuspendedBytes: number;
	/** The streams that no leg carries, in the order in which they lost it. */
	readonly #suspended = new Set<StreamShare>();
	#suspendedBytes = 0;
	/** The part of each identity that has one. */
	readonly #suspendedOf = new Map<string, number>();

	constructor({ keptBytes }: KeptLimits) {
		this.#purse = new Purse({ totalBytes: keptBytes, quarters: true, oneBeyond: true });
		this.#mostSuspendedBytes = Math.floor(keptBytes / 2);
	}

	/** What all streams keep. */
	get keptBytes(): number {
		return this.#purse.heldBytes;
	}

	/** What suspended streams keep. */
	get suspendedBytes(): number {
		return this.#suspendedBytes;
	}

	open(identity: string, events: KeptEvents): KeptShare {
		return new StreamShare(this, identity, this.#purse.open(identity, events.room), events);
	}

	/** A stream lost its last leg. Then too much may be kept for streams without one. */
	suspend(share: StreamShare): void {
		this.#suspended.add(share);
		this.#count(share.identity, share.keptBytes);
		for (const oldest of this.#suspended) {
			if (this.#suspendedBytes <= this.#mostSuspendedBytes) break;
			oldest.expel();
		}
		if (share.othersWait) this.makeRoom(share);
	}

	/** A stream has a leg again, or is over. */
	resume(share: StreamShare): void {
		if (this.#suspended.delete(share)) this.#count(share.identity, -share.keptBytes);
	}

	/** A suspended stream keeps less: its peer had more than was known. */
	lower(share: StreamShare, bytes: number): void {
		if (this.#suspended.has(share)) this.#count(share.identity, -bytes);
	}

	/** Some stream of that identity has to wait. Those that no leg carries keep no more than half of what all of them keep. */
	makeRoom({ identity, identityBytes }: StreamShare): void {
		const isTooMuch = (): boolean => 2 * (this.#suspendedOf.get(identity) ?? 0) > identityBytes;
		if (!isTooMuch()) return;
		for (const oldest of this.#suspended) {
			if (oldest.identity === identity) oldest.expel();
			if (!isTooMuch()) return;
		}
	}

	#count(identity: string, bytes: number): void {
		this.#suspendedBytes += bytes;
		const sum = (this.#suspendedOf.get(identity) ?? 0) + bytes;
		if (sum === 0) this.#suspendedOf.delete(identity);
		else this.#suspendedOf.set(identity, sum);
	}
}

class StreamShare implements KeptShare {
	readonly identity: string;
	readonly #budget: KeptBudget;
	readonly #share: PurseShare;
	readonly #events: KeptEvents;
	#isSuspended = false;

	constructor(budget: KeptBudget, identity: string, share: PurseShare, events: KeptEvents) {
		this.identity = identity;
		this.#budget = budget;
		this.#share = share;
		this.#events = events;
	}

	get keptBytes(): number {
		return this.#share.heldBytes;
	}

	/** What all streams of its identity keep. */
	get identityBytes(): number {
		return this.#share.accountBytes;
	}

	/** Some stream of its identity waits for room. */
	get othersWait(): boolean {
		return this.#share.accountWaits;
	}

	admits(costBytes: number): boolean {
		if (!this.#share.fits(costBytes) && !this.#isSuspended) this.#budget.makeRoom(this);
		return this.#share.admits(costBytes);
	}

	kept(costBytes: number): void {
		this.#share.add(costBytes);
	}

	bookAhead(costBytes: number): boolean {
		if (this.#isSuspended || !this.#share.isPlenty(costBytes)) return false;
		this.#share.add(costBytes);
		return true;
	}

	released(costBytes: number): void {
		if (this.#isSuspended) this.#budget.lower(this, Math.min(costBytes, this.#share.heldBytes));
		this.#share.remove(costBytes);
	}

	suspended(yes: boolean): void {
		if (yes === this.#isSuspended) return;
		this.#isSuspended = yes;
		if (yes) {
			this.cancel();
			this.#budget.suspend(this);
		} else {
			this.#budget.resume(this);
		}
	}

	cancel(): void {
		this.#share.cancel();
	}

	close(): void {
		this.suspended(false);
		this.#share.close();
	}

	/** Its stream fails. */
	expel(): void {
		this.close();
		this.#events.expelled();
	}
}
