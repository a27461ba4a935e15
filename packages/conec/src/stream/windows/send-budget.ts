/**
 * What may be on its way over one connection.
 *
 * @module
 */

import { Purse, type PurseShare } from "./purse.ts";
import type { SendShare, SendShares } from "./seams.ts";

/** What a {@link SendBudget} is made with. */
export interface SendBudgetOptions {
	/** `connectionWindowBytes` of the other side: QUIC's window of the connection. */
	readonly connectionWindowBytes: number;
	/** Whether streams to several peers go over it, as through a Coordinator. One peer then gets a quarter of what the others leave. */
	readonly severalPeers: boolean;
}

/** Written before the answer to OPEN, over all streams of a connection. */
const EARLY_OF_ALL_BYTES = 1_048_576;

/**
 * See the module. What is written and not acknowledged costs three quarters of the other side's connection window at most:
 * QUIC announces its window in steps of an eighth, and an eighth is left for the control stream. So that always has credit.
 */
export class SendBudget implements SendShares {
	/** Called when a leg is over. */
	onFewerLegs: (() => void) | undefined = undefined;
	readonly #onItsWay: Purse;
	#legs = 0;
	readonly #early: Purse = new Purse({ totalBytes: EARLY_OF_ALL_BYTES, quarters: false, oneBeyond: false });

	constructor({ connectionWindowBytes, severalPeers }: SendBudgetOptions) {
		this.#onItsWay = new Purse({ totalBytes: Math.floor((connectionWindowBytes * 3) / 4), quarters: severalPeers, oneBeyond: false });
	}

	/** The cost of what is written on all legs and not acknowledged. */
	get onItsWayBytes(): number {
		return this.#onItsWay.heldBytes;
	}

	get legs(): number {
		return this.#legs;
	}

	open(peer: string, early: boolean, room: () => void, priority = 0): SendShare {
		this.#legs++;
		const closed = (): void => {
			this.#legs--;
			this.onFewerLegs?.();
		};
		return new LegShare(this.#onItsWay, this.#onItsWay.open(peer, room, priority), early ? this.#early.open("", room, priority) : undefined, closed);
	}
}

class LegShare implements SendShare {
	readonly #purse: Purse;
	readonly #onItsWay: PurseShare;
	#early: PurseShare | undefined;
	/** Called once, when the share is closed. */
	#closed: (() => void) | undefined;

	constructor(purse: Purse, onItsWay: PurseShare, early: PurseShare | undefined, closed: () => void) {
		this.#purse = purse;
		this.#onItsWay = onItsWay;
		this.#early = early;
		this.#closed = closed;
	}

	get greatestBytes(): number {
		return this.#purse.greatestBytes;
	}

	admits(costBytes: number): boolean {
		return (this.#early === undefined || this.#early.admits(costBytes)) && this.#onItsWay.admits(costBytes);
	}

	wrote(costBytes: number): void {
		this.#onItsWay.add(costBytes);
		if (this.#early !== undefined) this.#early.add(costBytes);
	}

	bookAhead(costBytes: number): boolean {
		if (this.#early !== undefined || !this.#onItsWay.isPlenty(costBytes)) return false;
		this.#onItsWay.add(costBytes);
		return true;
	}

	acked(costBytes: number): void {
		this.#onItsWay.remove(costBytes);
	}

	answered(): void {
		const early = this.#early;
		this.#early = undefined;
		early?.close();
	}

	cancel(): void {
		this.#early?.cancel();
		this.#onItsWay.cancel();
	}

	close(): void {
		this.answered();
		this.#onItsWay.close();
		this.#closed?.();
		this.#closed = undefined;
	}
}
