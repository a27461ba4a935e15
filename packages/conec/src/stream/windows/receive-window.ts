/**
 * What one stream lets come.
 *
 * @module
 */

import { type Asker, type IdentityShare, LEAST_WINDOW_BYTES } from "./receive-share.ts";
import { EARLY_BYTES, type LimitRaised, type ReceiveWindow } from "./seams.ts";

/** An ACK is due when so much was not told, even if the window is larger. */
const MOST_UNTOLD_BYTES = 262_144;
/** Round trips within which half a window must be taken for it to grow. */
const QUICK_ROUND_TRIPS = 2;
/** A time that is never too long: where a round trip takes less than a process takes for its turn, it says nothing about the line. */
const QUICK_MS = 50;
/** The same where a unit was longer than the window: it cost round trips of its own. */
const QUICK_ROUND_TRIPS_ASKED = 16;

/**
 * One stream. Its limit is what was taken and its window, or what was promised before, if that is more. While nothing
 * changes, the window is booked once, and taking is one addition and one comparison.
 */
export class Window implements ReceiveWindow, Asker {
	readonly #share: IdentityShare;
	readonly #raised: LimitRaised;
	#windowBytes = 0;
	ackEveryBytes = 1;
	/** A limit that was promised, whatever was taken. */
	#promisedBytes = EARLY_BYTES;
	#receivedBytes = 0;
	#takenBytes = 0;
	/** The limit that the peer asks for. */
	#askedBytes = 0;
	/** What counts for the share. */
	#heldBytes = 0;
	/** What is lent from the reserve: held, and not counted. */
	#loanBytes = 0;
	/** When so much is taken, there is more to do than to add. */
	#checkAtBytes = 0;
	#waits = false;
	#isSuspended = false;
	#state: "open" | "ended" | "closed" = "open";
	// Growth: what was taken and received at the last look, and when that was.
	#leastRoundTripMs = -1;
	#hasGrown = false;
	#markTakenBytes = 0;
	#markReceivedBytes = 0;
	#markMs: number;

	constructor(share: IdentityShare, raised: LimitRaised) {
		this.#share = share;
		this.#raised = raised;
		share.entered(this);
		this.#markMs = share.budget.now();
		this.#resize(share.windowFor(0));
		this.#plan();
	}

	get limit(): number {
		return Math.max(this.#promisedBytes, this.#takenBytes + this.#windowBytes);
	}

	get unreadBytes(): number {
		return this.#receivedBytes - this.#takenBytes;
	}

	get isSuspended(): boolean {
		return this.#isSuspended;
	}

	get isHungry(): boolean {
		return this.#waits && this.#receivedBytes === this.#takenBytes && !this.#isSuspended;
	}

	get lackBytes(): number {
		if (this.#state !== "open" || this.#isSuspended || this.#fitsWindow(this.#askedBytes)) return 0;
		return Math.min(this.#askedBytes, this.#takenBytes + this.#share.budget.longestCostBytes) - this.limit;
	}

	received(costBytes: number): boolean {
		this.#receivedBytes += costBytes;
		return this.#receivedBytes <= this.#promisedBytes || this.#receivedBytes <= this.#takenBytes + this.#windowBytes;
	}

	taken(costBytes: number): void {
		this.#waits = false;
		this.#takenBytes += costBytes;
		if (this.#takenBytes >= this.#checkAtBytes) this.#check(costBytes);
	}

	waits(yes: boolean): void {
		this.#waits = yes;
		if (yes && this.#askedBytes !== 0) this.#ask();
	}

	asked(cumulativeBytes: number): void {
		if (this.#state !== "open" || cumulativeBytes <= this.limit || cumulativeBytes <= this.#askedBytes || this.#fitsWindow(cumulativeBytes)) return;
		this.#askedBytes = cumulativeBytes;
		const before = this.limit;
		this.#widen();
		if (this.limit > before) this.#raised(true);
		this.#ask();
		this.#plan();
	}

	roundTrip(ms: number): void {
		if (ms >= 0 && (this.#leastRoundTripMs < 0 || ms < this.#leastRoundTripMs)) this.#leastRoundTripMs = ms;
	}

	suspended(yes: boolean): void {
		if (this.#state === "closed" || yes === this.#isSuspended) return;
		this.#isSuspended = yes;
		if (yes) {
			this.#share.withdraw(this);
			this.#share.lostLeg();
			this.#share.released();
		} else {
			this.#ask();
		}
	}

	ended(): void {
		if (this.#state !== "open") return;
		this.#end("ended");
	}

	close(): void {
		if (this.#state === "closed") return;
		this.#end("closed");
		this.#share.left(this);
	}

	raise(bytes: number, loanBytes: number): void {
		this.#promisedBytes = this.limit + bytes;
		this.#loanBytes += loanBytes;
		this.settle();
		this.#plan();
		if (this.limit >= this.#askedBytes) this.#askedBytes = 0;
		this.#raised(true);
	}

	/** See {@link Asker}. A loan goes back as far as what is left of it has room in the budget. */
	settle(): void {
		const bytes = this.#fullBytes();
		if (this.#loanBytes > 0) {
			this.#loanBytes = Math.max(0, Math.min(this.#loanBytes, bytes - this.#heldBytes - Math.max(0, this.#share.roomBytes)));
			if (this.#loanBytes === 0) this.#share.returned(this);
		}
		const more = bytes - this.#loanBytes - this.#heldBytes;
		if (more === 0) return;
		this.#heldBytes += more;
		this.#share.book(more);
	}

	/** A unit that ends there needs no more than the window: it may come when what came before is taken. So a reader that does not read holds its window, and no more. */
	#fitsWindow(cumulativeBytes: number): boolean {
		return cumulativeBytes <= this.#receivedBytes + this.#windowBytes;
	}

	/** What is unread, and what may still come. */
	#fullBytes(): number {
		if (this.#state === "open") return Math.max(this.#promisedBytes - this.#takenBytes, this.#windowBytes);
		return this.#state === "ended" ? this.#receivedBytes - this.#takenBytes : 0;
	}

	#end(state: "ended" | "closed"): void {
		this.#promisedBytes = this.limit;
		this.#windowBytes = 0;
		this.#askedBytes = 0;
		this.#state = state;
		this.#share.withdraw(this);
		this.settle();
		this.#plan();
		this.#share.released();
	}

	/** More was taken, and something changes: less is held, the window grows, or the peer has asked. */
	#check(costBytes: number): void {
		if (this.#state === "closed") return;
		const before = Math.max(this.#promisedBytes, this.#takenBytes - costBytes + this.#windowBytes);
		const heldBefore = this.#heldBytes;
		this.settle();
		if (this.#state === "open") {
			const grew = this.#grow() || this.#widen();
			if (this.limit > before && (grew || this.#askedBytes !== 0)) this.#raised(true);
			this.#ask();
			this.#plan();
		}
		if (this.#heldBytes < heldBefore) this.#share.released();
	}

	/** When to look again: at every unit while that may change what is held, else when half of the window is taken. */
	#plan(): void {
		const always =
			this.#state !== "open" || this.#askedBytes !== 0 || this.#windowBytes < LEAST_WINDOW_BYTES || this.#promisedBytes > this.#takenBytes + this.#windowBytes;
		this.#checkAtBytes = always ? 0 : this.#markTakenBytes + Math.ceil(this.#windowBytes / 2);
	}

	/** Asks its share for what the peer has asked for and does not have. */
	#ask(): void {
		if (this.#askedBytes === 0) return;
		if (this.#askedBytes <= this.limit) this.#askedBytes = 0;
		const lack = this.lackBytes;
		if (lack > 0) this.#share.ask(this, lack);
		else this.#share.withdraw(this);
	}

	#resize(windowBytes: number): void {
		this.#windowBytes = windowBytes;
		this.ackEveryBytes = Math.max(1, Math.min(MOST_UNTOLD_BYTES, Math.floor(windowBytes / 4)));
		this.settle();
	}

	/** Makes up for a window that had no room before. */
	#widen(): boolean {
		if (this.#windowBytes >= LEAST_WINDOW_BYTES || this.#loanBytes > 0 || !this.#share.isEnough) return false;
		const window = this.#share.windowFor(this.#heldBytes);
		if (window <= this.#windowBytes) return false;
		this.#resize(window);
		return true;
	}

	/** Grows if half of the window came and was taken in so short a time that the window, and not the line or the reader, is what holds the peer up. */
	#grow(): boolean {
		const half = this.#windowBytes / 2;
		const amount = this.#takenBytes - this.#markTakenBytes;
		if (amount < half) return false;
		const now = this.#share.budget.now();
		const roundTrips = this.#askedBytes === 0 ? QUICK_ROUND_TRIPS : QUICK_ROUND_TRIPS_ASKED;
		const isQuick =
			this.#leastRoundTripMs >= 0 &&
			this.#receivedBytes - this.#markReceivedBytes >= half &&
			(now - this.#markMs) * half <= Math.max(QUICK_MS, roundTrips * this.#leastRoundTripMs) * amount;
		this.#markMs = now;
		this.#markTakenBytes = this.#takenBytes;
		this.#markReceivedBytes = this.#receivedBytes;
		if (!isQuick || !this.#share.isEnough) return false;
		const wanted = Math.min(this.#windowBytes * (this.#hasGrown ? 2 : 4), this.#share.greatestWindowBytes) - this.#windowBytes;
		const more = Math.min(wanted, this.#share.growthBytes);
		if (more <= 0 || this.#windowBytes < LEAST_WINDOW_BYTES) return false;
		this.#hasGrown = true;
		this.#resize(this.#windowBytes + more);
		return true;
	}
}
