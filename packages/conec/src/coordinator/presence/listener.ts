/**
 * A watch of the peers in the Coordinator's own process.
 *
 * @module
 */

import type { PresenceEvent } from "../../session/presence-event.ts";
import type { PresenceCursor, PresenceLog } from "./log.ts";

/** Reads the log only when it is asked. So it holds only a position and the changes of one frame. */
export class PresenceListener implements AsyncIterableIterator<PresenceEvent> {
	readonly #log: PresenceLog;
	readonly #release: (listener: PresenceListener) => void;
	readonly #cursor: PresenceCursor;
	#read: readonly PresenceEvent[] = [];
	#index = 0;
	#waiting: ((result: IteratorResult<PresenceEvent, undefined>) => void)[] = [];
	#over = false;

	/** `release` is called once, at the end. */
	constructor(log: PresenceLog, release: (listener: PresenceListener) => void) {
		this.#log = log;
		this.#release = release;
		this.#cursor = log.open();
	}

	/** The log has changed. */
	wake(): void {
		while (this.#waiting.length > 0 && !this.#over) {
			const event = this.#take();
			if (event === undefined) return;
			this.#waiting.shift()?.({ done: false, value: event });
		}
	}

	/** Ends the watch: nothing follows. */
	end(): void {
		if (this.#over) return;
		this.#over = true;
		this.#log.close();
		this.#release(this);
		for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
	}

	next(): Promise<IteratorResult<PresenceEvent, undefined>> {
		if (this.#over) return Promise.resolve({ done: true, value: undefined });
		return new Promise((resolve) => {
			this.#waiting.push(resolve);
			this.wake();
		});
	}

	return(): Promise<IteratorResult<PresenceEvent, undefined>> {
		this.end();
		return Promise.resolve({ done: true, value: undefined });
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	#take(): PresenceEvent | undefined {
		if (this.#index === this.#read.length) {
			this.#read = this.#log.readEvents(this.#cursor);
			this.#index = 0;
			if (this.#read.length === 0) return undefined;
		}
		return this.#read[this.#index++];
	}
}
