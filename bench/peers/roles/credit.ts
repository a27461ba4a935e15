/**
 * Flow control for systems that have none of their own: the sender is at most so many bytes ahead of what the receiver has said it has.
 *
 * @module
 */

/** What such a sender may be ahead, and where systems that only report what they queue are told to wait. */
export const HIGH_WATER: number = 512 * 1_024;

/** The sender's side. */
export class Credit {
	#sent = 0;
	#acknowledged = 0;
	#wake: (() => void) | undefined;

	/** So many bytes have been sent. A promise is to be awaited before the next. */
	took(bytes: number): Promise<void> | undefined {
		this.#sent += bytes;
		if (this.#sent - this.#acknowledged < HIGH_WATER) return undefined;
		return new Promise((resolve) => {
			this.#wake = resolve;
		});
	}

	/** The receiver has so many bytes in all. */
	acknowledged(bytes: number): void {
		this.#acknowledged = bytes;
		if (this.#wake !== undefined && this.#sent - this.#acknowledged < HIGH_WATER) {
			this.#wake();
			this.#wake = undefined;
		}
	}
}

/** The receiver's side: says what it has, an eighth of the credit at a time. */
export class Receipts {
	readonly #tell: (bytes: number) => void;
	#bytes = 0;
	#told = 0;

	constructor(tell: (bytes: number) => void) {
		this.#tell = tell;
	}

	got(bytes: number): void {
		this.#bytes += bytes;
		if (this.#bytes - this.#told >= HIGH_WATER / 8) {
			this.#told = this.#bytes;
			this.#tell(this.#bytes);
		}
	}
}
