/**
 * When one end of a connection of the memory network last heard something of the other. It works out what QUIC would send beside
 * the data: acknowledgements and keep-alive packets. Neither is an event here.
 *
 * @module
 */

/** See the module. Times are those of the network's clock. */
export class Hearing {
	#heardAt: number;
	/** When the acknowledgement comes of what this end sent. */
	#answerAt: number | undefined = undefined;
	/** Nothing has come since then, and nothing will. */
	#deafSince: number | undefined = undefined;

	constructor(now: number) {
		this.#heardAt = now;
	}

	/** Something came. */
	heard(now: number): void {
		this.#heardAt = now;
	}

	/** What this end sent has reached the other one, `delayMs` from here. Of several answers on their way, only the first is kept. */
	reached(now: number, delayMs: number): void {
		this.#takeAnswer(now);
		this.#answerAt ??= now + delayMs;
	}

	/** Nothing comes any more. `keepAliveMs` is how often something has come until now; 0 is never. */
	deaf(now: number, keepAliveMs: number): void {
		if (this.#deafSince !== undefined) return;
		this.#heardAt = now - this.silentMs(now, keepAliveMs);
		this.#answerAt = undefined;
		this.#deafSince = now;
	}

	/** Things come again, beginning with what was sent meanwhile. */
	again(now: number): void {
		this.#deafSince = undefined;
		this.#heardAt = now;
	}

	silentMs(now: number, keepAliveMs: number): number {
		this.#takeAnswer(now);
		const silentMs = Math.max(0, now - this.#heardAt);
		return keepAliveMs === 0 || this.#deafSince !== undefined ? silentMs : silentMs % keepAliveMs;
	}

	#takeAnswer(now: number): void {
		if (this.#answerAt === undefined || this.#answerAt > now) return;
		this.#heardAt = Math.max(this.#heardAt, this.#answerAt);
		this.#answerAt = undefined;
	}
}
