/**
 * Notices of what happens to a Client or a Coordinator. Each listener has a bounded queue: its oldest notices are dropped and counted.
 *
 * @module
 */

/** Says that notices were dropped because the listener read too slowly. At most 64 are kept for it (`limits.statusEvents`). */
export interface StatusLagged {
	readonly type: "lagged";
	/** How many notices were dropped since the last one that was read. */
	readonly lost: number;
}

/** One source, any number of listeners. A listener hears what happens after it was made. */
export class StatusFeed<T> {
	readonly #capacity: number;
	readonly #listeners: Set<Listener<T>> = new Set();
	#ended = false;

	/** `capacity`: notices kept for each listener. */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** Listeners that have neither left nor come to the end. */
	get listeners(): number {
		return this.#listeners.size;
	}

	/** Tells every listener; never waits. */
	emit(notice: T): void {
		for (const listener of this.#listeners) listener.push(notice);
	}

	/** Ends every listener after what it has not read yet. */
	end(): void {
		this.#ended = true;
		for (const listener of this.#listeners) listener.finish();
		this.#listeners.clear();
	}

	/** A new listener. It first gets `present`. `break` in `for await` removes it. */
	listen(...present: T[]): AsyncIterableIterator<T | StatusLagged> {
		const listener = new Listener<T>(this.#capacity, () => this.#listeners.delete(listener));
		for (const notice of present) listener.push(notice);
		if (this.#ended) listener.finish();
		else this.#listeners.add(listener);
		return listener;
	}
}

class Listener<T> implements AsyncIterableIterator<T | StatusLagged> {
	readonly #ring: T[] = [];
	readonly #capacity: number;
	readonly #release: () => void;
	#oldest = 0;
	#lost = 0;
	#finished = false;
	#waiting: ((result: IteratorResult<T | StatusLagged>) => void)[] = [];

	constructor(capacity: number, release: () => void) {
		this.#capacity = capacity;
		this.#release = release;
	}

	push(notice: T): void {
		if (this.#finished) return;
		const reader = this.#waiting.shift();
		if (reader !== undefined) return reader({ done: false, value: notice });
		if (this.#ring.length < this.#capacity) {
			this.#ring.push(notice);
			return;
		}
		this.#ring[this.#oldest] = notice;
		this.#oldest = (this.#oldest + 1) % this.#capacity;
		this.#lost++;
	}

	finish(): void {
		this.#finished = true;
		for (const reader of this.#waiting.splice(0)) reader({ done: true, value: undefined });
	}

	next(): Promise<IteratorResult<T | StatusLagged>> {
		if (this.#lost > 0) {
			const lost = this.#lost;
			this.#lost = 0;
			return Promise.resolve({ done: false, value: { type: "lagged", lost } });
		}
		if (this.#ring.length > 0) {
			// Straighten the ring first. It is crooked only after a loss, and it is short.
			if (this.#oldest > 0) this.#ring.push(...this.#ring.splice(0, this.#oldest));
			this.#oldest = 0;
			return Promise.resolve({ done: false, value: this.#ring.shift() as T });
		}
		if (this.#finished) return Promise.resolve({ done: true, value: undefined });
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	return(): Promise<IteratorResult<T | StatusLagged>> {
		this.finish();
		this.#ring.length = 0;
		this.#lost = 0;
		this.#release();
		return Promise.resolve({ done: true, value: undefined });
	}

	[Symbol.asyncIterator](): this {
		return this;
	}
}
