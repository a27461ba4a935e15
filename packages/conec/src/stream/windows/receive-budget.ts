/**
 * What all streams of a process let come.
 *
 * @module
 */

import { type Budget, IdentityShare } from "./receive-share.ts";
import { Window } from "./receive-window.ts";
import { type LimitRaised, type ReceiveWindow, type ReceiveWindows, UNIT_COST_BYTES } from "./seams.ts";

/** The limits of a {@link ReceiveBudget}. */
export interface ReceiveLimits {
	/** Unread and granted, over all streams. */
	readonly receiveBytes: number;
	/** The greatest window of a stream. */
	readonly streamWindowBytes: number;
	/** The longest message that is taken. */
	readonly messageBytes: number;
}

/**
 * See the module. One identity may hold a quarter of what the others leave, so that there is always something for
 * another. Beyond the budget there is what every stream begins with, and one message for each identity at most.
 */
export class ReceiveBudget implements ReceiveWindows, Budget {
	readonly #receiveBytes: number;
	readonly streamWindowBytes: number;
	readonly longestCostBytes: number;
	readonly now: () => number;
	readonly #identities = new Map<string, IdentityShare>();
	/** Those that could not be given all that was asked, in the order in which that began. */
	readonly #lacking = new Set<IdentityShare>();
	/** None of them can be given anything while less is free. A lower bound. */
	#leastNeedBytes = Number.POSITIVE_INFINITY;
	#heldBytes = 0;
	#serving = false;

	/** `now` gives milliseconds of a clock that never goes back. */
	constructor({ receiveBytes, streamWindowBytes, messageBytes }: ReceiveLimits, now: () => number) {
		this.#receiveBytes = receiveBytes;
		this.streamWindowBytes = streamWindowBytes;
		this.longestCostBytes = messageBytes + UNIT_COST_BYTES;
		this.now = now;
	}

	/** What is unread or granted, without what is lent. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	/** What has come for each identity and is not taken. It looks at every stream. */
	unread(): ReadonlyMap<string, number> {
		return new Map(Array.from(this.#identities.values(), ({ identity, unreadBytes }) => [identity, unreadBytes]));
	}

	open(identity: string, raised: LimitRaised): ReceiveWindow {
		let share = this.#identities.get(identity);
		if (share === undefined) {
			share = new IdentityShare(identity, this);
			this.#identities.set(identity, share);
		}
		return new Window(share, raised);
	}

	shareOf(ownBytes: number): number {
		return Math.floor((this.#receiveBytes - this.#heldBytes + ownBytes) / 4);
	}

	book(bytes: number): void {
		this.#heldBytes += bytes;
	}

	lacks(share: IdentityShare, needBytes: number): void {
		this.#lacking.add(share);
		this.#leastNeedBytes = Math.min(this.#leastNeedBytes, needBytes);
	}

	released(): void {
		if (this.#serving) return;
		this.#serving = true;
		while (this.#lacking.size > 0 && this.#receiveBytes - this.#heldBytes >= this.#leastNeedBytes) {
			this.#leastNeedBytes = Number.POSITIVE_INFINITY;
			for (const share of this.#lacking) {
				share.serve();
				if (share.isEnough) this.#lacking.delete(share);
				else this.#leastNeedBytes = Math.min(this.#leastNeedBytes, share.needBytes);
			}
		}
		this.#serving = false;
	}

	left(share: IdentityShare): void {
		this.#lacking.delete(share);
		this.#identities.delete(share.identity);
	}
}
