/**
 * Where a reader of a walk waits while it is told not to read.
 *
 * @module
 */

import { deferred } from "../../src/base/signals.ts";

/** See the module. */
export class ReadingGate {
	#closed: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

	/** Whether it is closed. */
	get paused(): boolean {
		return this.#closed !== undefined;
	}

	pause(): void {
		if (this.#closed !== undefined) return;
		const { promise, resolve } = deferred<void>();
		this.#closed = { opened: promise, open: resolve };
	}

	resume(): void {
		this.#closed?.open();
		this.#closed = undefined;
	}

	/** What a reader waits for before it goes on; `undefined` while it may. */
	get opened(): Promise<void> | undefined {
		return this.#closed?.opened;
	}
}
