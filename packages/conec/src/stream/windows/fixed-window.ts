/**
 * A window that does not change.
 *
 * @module
 */

import { FRAME_BYTES } from "../../wire/frames.ts";
import { EARLY_BYTES, type ReceiveWindow, type ReceiveWindows, UNIT_COST_BYTES } from "./seams.ts";

/** Every unit that is no message fits into it. */
const LEAST_WINDOW_BYTES = FRAME_BYTES + UNIT_COST_BYTES;

/**
 * Windows of so many bytes, for streams that carry no messages, and of which there are few. They take no part in a budget. What every
 * stream begins with may come in any case, and so may one unit of the greatest length.
 */
export function fixedWindows(windowBytes: number): ReceiveWindows {
	return { open: () => new FixedWindow(Math.max(windowBytes, LEAST_WINDOW_BYTES)) };
}

class FixedWindow implements ReceiveWindow {
	readonly ackEveryBytes: number;
	readonly #windowBytes: number;
	#receivedBytes = 0;
	#takenBytes = 0;

	constructor(windowBytes: number) {
		this.#windowBytes = windowBytes;
		this.ackEveryBytes = Math.floor(windowBytes / 4);
	}

	get limit(): number {
		return Math.max(EARLY_BYTES, this.#takenBytes + this.#windowBytes);
	}

	get unreadBytes(): number {
		return this.#receivedBytes - this.#takenBytes;
	}

	received(costBytes: number): boolean {
		this.#receivedBytes += costBytes;
		return this.#receivedBytes <= this.limit;
	}

	taken(costBytes: number): void {
		this.#takenBytes += costBytes;
	}

	ended(): void {}
	waits(): void {}
	asked(): void {}
	roundTrip(): void {}
	suspended(): void {}
	close(): void {}
}
