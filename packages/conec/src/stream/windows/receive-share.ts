/**
 * The windows of one identity: what each may let come, and their turns when there is not enough for all.
 *
 * @module
 */

import { UNIT_COST_BYTES } from "./seams.ts";

const KiB = 1024;
/** What unit costs add to a window, so that four messages of 64 KiB, or two of the longest, fit into windows of round numbers. */
const HEADS_BYTES = 16 * UNIT_COST_BYTES;
/** Where windows start. */
const FULL_WINDOW_BYTES = 256 * KiB + HEADS_BYTES;
/** The least window where there is room. */
export const LEAST_WINDOW_BYTES: number = 16 * KiB;

/** What the windows of an identity need of the budget they are part of. */
export interface Budget {
	/** How much an identity that holds `ownBytes` may hold in all. */
	shareOf(ownBytes: number): number;
	/** An identity holds so much more. */
	book(bytes: number): void;
	/** An identity holds less than it did. */
	released(): void;
	/** An identity could not be given all that was asked. It needs so much to be free. */
	lacks(share: IdentityShare, needBytes: number): void;
	/** An identity has no windows any more. */
	left(share: IdentityShare): void;
	/** The longest message that is taken, in cost. This much of each share is a reserve. */
	readonly longestCostBytes: number;
	/** The limit of that name. */
	readonly streamWindowBytes: number;
	/** Milliseconds of a clock that never goes back. */
	now(): number;
}

/** What a share does with the windows that ask for more than they have. */
export interface Asker {
	/** What has come and is not taken. */
	readonly unreadBytes: number;
	/** How much the limit is below what was asked and can be given, after what is taken. */
	readonly lackBytes: number;
	/** Everything is taken, and the application waits for more. */
	readonly isHungry: boolean;
	/** No leg carries its stream. */
	readonly isSuspended: boolean;
	/** The limit goes up by so much, of which some is lent. */
	raise(bytes: number, loanBytes: number): void;
	/** Books what it holds now, and gives back what it need not borrow. */
	settle(): void;
}

/**
 * What one identity holds. All of its share but one longest message is for windows and for what is asked beyond them.
 * That one message is the reserve. It is lent to one window at a time, whose application waits for the next unit.
 */
export class IdentityShare {
	readonly identity: string;
	readonly budget: Budget;
	readonly #windows = new Set<Asker>();
	#heldBytes = 0;
	/** Windows whose peer has asked for more than there was room for, in the order in which it did. */
	readonly #asking = new Set<Asker>();
	/** None of them can be given anything while there is less room. A lower bound. */
	#leastLackBytes = Number.POSITIVE_INFINITY;
	/** Who has the reserve. */
	#borrower: Asker | undefined;
	/** Who had it, and no leg carries it now. It may still use it: that is one message beyond the budget. */
	#former: Asker | undefined;
	#reserveIsBack = false;
	#serving = false;

	constructor(identity: string, budget: Budget) {
		this.identity = identity;
		this.budget = budget;
	}

	/** What is unread or granted, without what is lent. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	/** How much more may be granted. Below 0 where early units took more than there was. */
	get roomBytes(): number {
		return this.budget.shareOf(this.#heldBytes) - this.budget.longestCostBytes - this.#heldBytes;
	}

	/** Nobody was refused anything. */
	get isEnough(): boolean {
		return this.#asking.size === 0;
	}

	/** There is one more window. */
	entered(window: Asker): void {
		this.#windows.add(window);
	}

	/** What has come on all its windows and is not taken. */
	get unreadBytes(): number {
		let bytes = 0;
		for (const window of this.#windows) bytes += window.unreadBytes;
		return bytes;
	}

	/** The window of a stream that holds so much: full while less than a quarter of the share is granted, then less and less. */
	windowFor(ownBytes: number): number {
		const share = this.budget.shareOf(this.#heldBytes);
		const usable = share - this.budget.longestCostBytes;
		const held = this.#heldBytes - ownBytes;
		const crowded = usable - share / 4;
		const wanted = 4 * held < share ? FULL_WINDOW_BYTES : crowded <= 0 ? 0 : Math.floor((FULL_WINDOW_BYTES * (usable - held)) / crowded);
		return Math.max(0, Math.min(Math.max(wanted, LEAST_WINDOW_BYTES), FULL_WINDOW_BYTES, this.greatestWindowBytes, this.roomBytes + ownBytes));
	}

	get greatestWindowBytes(): number {
		return this.budget.streamWindowBytes + HEADS_BYTES;
	}

	/** How much windows may grow. Half of the share is for those that have not grown. */
	get growthBytes(): number {
		return Math.min(this.roomBytes, Math.floor(this.budget.shareOf(this.#heldBytes) / 2) - this.#heldBytes);
	}

	/** A window holds so much more, or less. Who frees something calls {@link serve} after it. */
	book(bytes: number): void {
		this.#heldBytes += bytes;
		this.budget.book(bytes);
	}

	/** A window could use `lackBytes` more than it has: from the budget, or from the reserve, or when its turn has come. */
	ask(window: Asker, lackBytes: number): void {
		if (this.#give(window, lackBytes)) {
			this.#asking.delete(window);
		} else {
			this.#asking.add(window);
			this.#leastLackBytes = Math.min(this.#leastLackBytes, lackBytes);
			this.budget.lacks(this, this.needBytes);
		}
	}

	/** What must be free in the budget for somebody who asks to be given something: {@link roomBytes}, solved for what is free. */
	get needBytes(): number {
		return 3 * this.#heldBytes + 4 * (this.#leastLackBytes + this.budget.longestCostBytes);
	}

	/** A window asks no more. */
	withdraw(window: Asker): void {
		this.#asking.delete(window);
	}

	/** A window has given back what was lent to it. */
	returned(window: Asker): void {
		if (this.#former === window) this.#former = undefined;
		if (this.#borrower === window) this.#borrower = undefined;
		this.lostLeg();
		this.#reserveIsBack ||= this.#borrower === undefined;
	}

	/** If no leg carries who has the reserve, somebody else may have it. That happens once, until the former has used it or is over. */
	lostLeg(): void {
		if (this.#borrower === undefined || !this.#borrower.isSuspended || this.#former !== undefined) return;
		this.#former = this.#borrower;
		this.#borrower = undefined;
		this.#reserveIsBack = true;
	}

	/** Something may have been freed: those that ask have their turn. */
	released(): void {
		this.serve();
		if (this.#asking.size > 0) this.budget.lacks(this, this.needBytes);
		this.budget.released();
	}

	/** Gives what can be given to those that ask, in turn. */
	serve(): void {
		if (this.#serving) return;
		this.#serving = true;
		this.#borrower?.settle();
		this.#former?.settle();
		while (this.#asking.size > 0 && (this.#reserveIsBack || this.roomBytes >= this.#leastLackBytes)) {
			this.#reserveIsBack = false;
			this.#leastLackBytes = Number.POSITIVE_INFINITY;
			for (const window of this.#asking) {
				const lack = window.lackBytes;
				if (lack <= 0 || this.#give(window, lack)) this.#asking.delete(window);
				else this.#leastLackBytes = Math.min(this.#leastLackBytes, lack);
			}
		}
		this.#serving = false;
	}

	/** A window is gone. */
	left(window: Asker): void {
		this.#windows.delete(window);
		if (this.#windows.size === 0) this.budget.left(this);
	}

	#give(window: Asker, lackBytes: number): boolean {
		const room = this.roomBytes;
		if (lackBytes <= room) {
			window.raise(lackBytes, 0);
			return true;
		}
		if (!window.isHungry) return false;
		// Who has borrowed for a unit that did not come may borrow the rest for another. It is one message at most in all.
		if (window !== this.#borrower && window !== this.#former) {
			if (this.#borrower !== undefined) return false;
			this.#borrower = window;
		}
		window.raise(lackBytes, lackBytes - Math.max(0, room));
		return true;
	}
}
