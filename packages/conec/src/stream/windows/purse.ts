/**
 * A number of bytes that several accounts share, and turns for those who wait for some of them.
 *
 * @module
 */

/** How a {@link Purse} is shared. */
export interface PurseOptions {
	/** All that may be held at once. */
	readonly totalBytes: number;
	/** Whether an account may hold no more than a quarter of what the other accounts leave. The first of an account may be as long as anything that is free. */
	readonly quarters: boolean;
	/** Whether an account that holds nothing may always hold one unit, even beyond the total. */
	readonly oneBeyond: boolean;
}

/** So much one share may hold more in its turn while others wait, and the rest of the unit that reaches it. */
const TURN_BYTES = 65_536;

/**
 * While somebody waits for the total, others hold this much at most: less where there are many of them. That leaves room to
 * who waits, and they still go on if what it waits for is never released.
 */
const SMALL_BYTES = { least: 16_384, most: 131_072 };

/** The shares of one account, of which some wait. */
interface Account {
	readonly key: string;
	heldBytes: number;
	shares: number;
	/** In the order in which they began to wait. */
	readonly waiting: Set<PurseShare>;
}

/**
 * See the module. Accounts that wait are served in turn, and so are the shares of one account. A unit that fits its account but
 * not the total holds up the others until there is room, but for a little each: no long unit starves behind short ones.
 */
export class Purse {
	readonly options: PurseOptions;
	readonly #accounts = new Map<string, Account>();
	/** Accounts with shares that wait. Who was served goes to the end. */
	readonly #turns = new Set<Account>();
	/** How many shares of each priority wait. */
	readonly #levels = new Map<number, number>();
	/** No share that waits fits while less is free. A lower bound. */
	#leastNeedBytes = Number.POSITIVE_INFINITY;
	/** Somebody waits for room in the total. */
	#blocked = false;
	#serving: { readonly share: PurseShare; readonly untilBytes: number } | undefined;
	#again = false;
	/** All that is held. Shares change it. */
	heldBytes = 0;
	/** Shares that wait. */
	waiting = 0;

	constructor(options: PurseOptions) {
		this.options = options;
	}

	/** A share of that account. `room` is called once when its turn has come after it had to wait. Those with a higher priority have theirs first. */
	open(key: string, room: () => void, priority = 0): PurseShare {
		let account = this.#accounts.get(key);
		if (account === undefined) {
			account = { key, heldBytes: 0, shares: 0, waiting: new Set() };
			this.#accounts.set(key, account);
		}
		account.shares++;
		return new PurseShare(this, account, room, priority);
	}

	/** The longest unit that can ever be held. */
	get greatestBytes(): number {
		return this.options.oneBeyond ? Number.POSITIVE_INFINITY : this.options.totalBytes;
	}

	/** Whether a unit of that cost fits an account now, whoever waits. */
	fits(account: Account, costBytes: number): boolean {
		const free = this.options.totalBytes - this.heldBytes;
		if (account.heldBytes === 0) return costBytes <= free || this.options.oneBeyond;
		return this.options.quarters ? 4 * (account.heldBytes + costBytes) <= free + account.heldBytes : costBytes <= free;
	}

	/** Whether those who wait do so for room in other accounts only, and half of everything is free beside a unit of that cost. */
	isPlenty(account: Account, costBytes: number): boolean {
		return account.waiting.size === 0 && !this.#blocked && 2 * (this.heldBytes + costBytes) <= this.options.totalBytes && this.fits(account, costBytes);
	}

	/** Whether a share may go on although others wait: it is its turn, they have a lower priority, or they wait for room in other accounts only. */
	mayPass(share: PurseShare, account: Account, costBytes: number): boolean {
		if (this.#serving?.share === share) return share.heldBytes < this.#serving.untilBytes;
		if (this.#comesFirst(share)) return true;
		return account.waiting.size === 0 && (!this.#blocked || this.#isSmall(account, costBytes));
	}

	#comesFirst(share: PurseShare): boolean {
		for (const priority of this.#levels.keys()) if (priority >= share.priority) return false;
		return true;
	}

	#isSmall(account: Account, costBytes: number): boolean {
		const even = this.options.totalBytes / (8 * this.#accounts.size);
		return account.heldBytes + costBytes <= Math.max(SMALL_BYTES.least, Math.min(SMALL_BYTES.most, even));
	}

	/** A share waits for room for a unit of that cost. It keeps its place if it has one. */
	wait(share: PurseShare, account: Account, costBytes: number): void {
		if (!account.waiting.has(share)) {
			account.waiting.add(share);
			this.#turns.add(account);
			this.#waits(share);
		}
		this.#notice(account, costBytes);
	}

	/** A share waits no more. */
	cancel(share: PurseShare, account: Account): void {
		if (!account.waiting.delete(share)) return;
		this.#waitsNoMore(share);
		if (account.waiting.size === 0) this.#turns.delete(account);
		// It may have held others up, those too that do not wait yet.
		this.#serve();
	}

	/** There is more room. */
	released(): void {
		if (this.waiting > 0 && this.options.totalBytes - this.heldBytes >= this.#leastNeedBytes) this.#serve();
	}

	/** An account holds less: it needs less that is free. */
	lowered(account: Account): void {
		for (const share of account.waiting) {
			this.#leastNeedBytes = Math.min(this.#leastNeedBytes, this.#needOf(account, share.waitsForBytes));
			// Of one priority, the first comes first.
			if (this.#levels.size === 1) return;
		}
	}

	/** A share is gone. */
	left(account: Account): void {
		if (--account.shares === 0) this.#accounts.delete(account.key);
	}

	#serve(): void {
		if (this.#serving !== undefined) {
			this.#again = true;
			return;
		}
		do {
			this.#again = false;
			this.#blocked = false;
			this.#leastNeedBytes = Number.POSITIVE_INFINITY;
			// An account that is served comes to the end of the set, and so again while it fits.
			for (const priority of this.#levels.size > 1 ? [...this.#levels.keys()].sort((a, b) => b - a) : this.#levels.keys()) {
				for (const account of this.#turns) this.#serveOne(account, priority);
			}
		} while (this.#again);
	}

	/** The first of an account that waits with that priority has its turn, if it fits. */
	#serveOne(account: Account, priority: number): void {
		for (const share of account.waiting) {
			if (share.priority !== priority) continue;
			if (!this.fits(account, share.waitsForBytes) || (this.#blocked && !this.#isSmall(account, share.waitsForBytes))) {
				this.#notice(account, share.waitsForBytes);
				return;
			}
			account.waiting.delete(share);
			this.#waitsNoMore(share);
			this.#turns.delete(account);
			if (account.waiting.size > 0) this.#turns.add(account);
			this.#serving = { share, untilBytes: share.heldBytes + TURN_BYTES };
			try {
				share.room();
			} finally {
				this.#serving = undefined;
			}
			return;
		}
	}

	#waits({ priority }: PurseShare): void {
		this.waiting++;
		this.#levels.set(priority, (this.#levels.get(priority) ?? 0) + 1);
	}

	#waitsNoMore({ priority }: PurseShare): void {
		this.waiting--;
		const left = (this.#levels.get(priority) ?? 0) - 1;
		if (left > 0) this.#levels.set(priority, left);
		else this.#levels.delete(priority);
	}

	/** Remembers what one that waits needs. */
	#notice(account: Account, costBytes: number): void {
		const { totalBytes, quarters, oneBeyond } = this.options;
		this.#leastNeedBytes = Math.min(this.#leastNeedBytes, this.#needOf(account, costBytes));
		if (!oneBeyond && (account.heldBytes === 0 || !quarters) && costBytes > totalBytes - this.heldBytes) this.#blocked = true;
	}

	/** How much must be free for a unit to fit, while its account holds what it holds now: {@link fits}, solved for what is free. */
	#needOf(account: Account, costBytes: number): number {
		return account.heldBytes === 0 || !this.options.quarters ? costBytes : 3 * account.heldBytes + 4 * costBytes;
	}
}

/** What one stream or leg holds of a {@link Purse}. */
export class PurseShare {
	readonly #purse: Purse;
	readonly #account: Account;
	/** Its turn has come. */
	readonly room: () => void;
	readonly priority: number;
	#heldBytes = 0;
	#waitsForBytes = 0;
	#closed = false;

	constructor(purse: Purse, account: Account, room: () => void, priority: number) {
		this.#purse = purse;
		this.#account = account;
		this.room = room;
		this.priority = priority;
	}

	get heldBytes(): number {
		return this.#heldBytes;
	}

	/** The cost of the unit that it waits for. */
	get waitsForBytes(): number {
		return this.#waitsForBytes;
	}

	/** What all shares of its account hold. */
	get accountBytes(): number {
		return this.#account.heldBytes;
	}

	/** Whether shares of its account wait. */
	get accountWaits(): boolean {
		return this.#account.waiting.size > 0;
	}

	/** Whether there is room for a unit of that cost, whoever waits. */
	fits(costBytes: number): boolean {
		return this.#purse.fits(this.#account, costBytes);
	}

	/** See {@link Purse.isPlenty}. */
	isPlenty(costBytes: number): boolean {
		return !this.#closed && this.#purse.isPlenty(this.#account, costBytes);
	}

	/** Whether it may hold a unit of that cost now. If not it waits, unless no room could ever do. */
	admits(costBytes: number): boolean {
		if (this.#purse.waiting === 0 && this.#purse.fits(this.#account, costBytes)) return !this.#closed;
		return this.#admitsAmongOthers(costBytes);
	}

	#admitsAmongOthers(costBytes: number): boolean {
		const [purse, account] = [this.#purse, this.#account];
		if (this.#closed || costBytes > purse.greatestBytes) return false;
		// What it waited for is not what it wants now: it must not hold itself up.
		if (costBytes < this.#waitsForBytes) this.cancel();
		if (purse.fits(account, costBytes) && purse.mayPass(this, account, costBytes)) return true;
		this.#waitsForBytes = costBytes;
		purse.wait(this, account, costBytes);
		return false;
	}

	/** It holds more. */
	add(bytes: number): void {
		if (this.#closed) return;
		this.#heldBytes += bytes;
		this.#account.heldBytes += bytes;
		this.#purse.heldBytes += bytes;
	}

	/** It holds less, at most all that it holds. */
	remove(bytes: number): void {
		const less = Math.min(bytes, this.#heldBytes);
		if (less <= 0) return;
		this.#heldBytes -= less;
		this.#account.heldBytes -= less;
		this.#purse.heldBytes -= less;
		if (this.#purse.waiting === 0) return;
		this.#purse.lowered(this.#account);
		this.#purse.released();
	}

	/** It waits no more. */
	cancel(): void {
		this.#waitsForBytes = 0;
		this.#purse.cancel(this, this.#account);
	}

	/** It holds nothing any more, and never will. Idempotent. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.cancel();
		this.remove(this.#heldBytes);
		this.#purse.left(this.#account);
	}
}
