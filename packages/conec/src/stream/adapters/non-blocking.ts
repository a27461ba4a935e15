/**
 * Reading that never makes a sender wait.
 *
 * @module
 */

import { systemClock } from "../../base/clock.ts";
import { Fifo } from "../../base/fifo.ts";
import { argumentError, ConecError, isConecError } from "../../errors.ts";

/** What a {@link nonBlocking} reader gets. */
export type NonBlockingItem<T> =
	/** The next message that was kept. */
	| { readonly type: "message"; readonly message: T }
	/** `lost` messages were dropped here, because the reader was too slow. */
	| { readonly type: "lagged"; readonly lost: number };

/** Most messages that can be kept. */
const CAPACITY_MAX = 1_048_576;
/** Reads after which the event loop has its turn, in case the source always has more. */
const READS_PER_TURN = 1_024;

/**
 * Reads `source` eagerly from now on, so that its sender never waits for a slow reader. It keeps the last `capacity` messages. If more
 * come, the oldest are dropped, and the next read says how many. At worst it holds `capacity` messages of `limits.messageBytes` each.
 *
 * - The end of the source, or its error, comes after the messages that are kept.
 * - A message that `typed` cannot decode takes the place of a message, and rejects one `next` with `DECODE_FAILED`.
 * - There is one reader at a time; another gets `ITERATOR_IN_USE`.
 * - `break` or `return()` drops what is kept and releases the source for good.
 *
 * @throws TypeError `OPTION_INVALID` if `source` is not an async iterable or `capacity` is not an integer
 * @throws RangeError `OPTION_INVALID` if `capacity` is not between 1 and 1_048_576
 */
export function nonBlocking<T>(source: AsyncIterable<T>, capacity: number): AsyncIterable<NonBlockingItem<T>> {
	const given: Partial<AsyncIterable<T>> | null | undefined = source;
	if (typeof given?.[Symbol.asyncIterator] !== "function") {
		throw argumentError("type", "OPTION_INVALID", "The source of nonBlocking must be an async iterable");
	}
	if (typeof capacity !== "number" || !Number.isInteger(capacity)) {
		throw argumentError("type", "OPTION_INVALID", "The capacity of nonBlocking must be an integer");
	}
	if (capacity < 1 || capacity > CAPACITY_MAX) {
		throw argumentError("range", "OPTION_INVALID", `The capacity of nonBlocking must be between 1 and ${CAPACITY_MAX}, not ${capacity}`);
	}
	return new NonBlocking(source[Symbol.asyncIterator](), capacity);
}

type Result<T> = IteratorResult<NonBlockingItem<T>, undefined>;
type Kept<T> = { readonly type: "message"; readonly message: T } | { readonly type: "undecodable"; readonly error: ConecError };

class NonBlocking<T> implements AsyncIterable<NonBlockingItem<T>> {
	readonly #source: AsyncIterator<T>;
	readonly #capacity: number;
	readonly #kept: Fifo<Kept<T>> = new Fifo();
	#lost = 0;
	/** `undefined` while more may come. */
	#outcome: { readonly type: "end" } | { readonly type: "error"; readonly error: unknown } | { readonly type: "released" } | undefined = undefined;
	#waiting: { readonly resolve: (result: Result<T>) => void; readonly reject: (error: unknown) => void } | undefined = undefined;

	constructor(source: AsyncIterator<T>, capacity: number) {
		this.#source = source;
		this.#capacity = capacity;
		void this.#read();
	}

	[Symbol.asyncIterator](): AsyncIterator<NonBlockingItem<T>, undefined> {
		return {
			next: () => this.#next(),
			return: () => {
				this.#release();
				return Promise.resolve({ done: true, value: undefined });
			},
		};
	}

	#next(): Promise<Result<T>> {
		if (this.#waiting !== undefined) {
			return Promise.reject(new ConecError("ITERATOR_IN_USE", "Cannot read: another reader waits for this nonBlocking already"));
		}
		if (this.#lost > 0) {
			const lost = this.#lost;
			this.#lost = 0;
			return Promise.resolve({ done: false, value: { type: "lagged", lost } });
		}
		const kept = this.#kept.shift();
		if (kept !== undefined) {
			return kept.type === "message" ? Promise.resolve({ done: false, value: kept }) : Promise.reject(kept.error);
		}
		if (this.#outcome !== undefined) {
			return this.#outcome.type === "error" ? Promise.reject(this.#outcome.error) : Promise.resolve({ done: true, value: undefined });
		}
		return new Promise((resolve, reject) => {
			this.#waiting = { resolve, reject };
		});
	}

	/** Never rejects. */
	async #read(): Promise<void> {
		let last: unknown;
		for (let count = 1; this.#outcome === undefined; count++) {
			try {
				const next = await this.#source.next();
				if (next.done === true) {
					this.#end({ type: "end" });
				} else {
					this.#add({ type: "message", message: next.value });
				}
			} catch (error) {
				// If the same error comes again, the source is over and says so every time.
				if (isConecError(error) && error.code === "DECODE_FAILED" && error !== last) {
					last = error;
					this.#add({ type: "undecodable", error });
				} else {
					this.#end({ type: "error", error });
				}
			}
			if (count % READS_PER_TURN === 0) {
				await new Promise<void>((resolve) => systemClock.soon(resolve));
			}
		}
	}

	#add(item: Kept<T>): void {
		if (this.#outcome !== undefined) {
			return;
		}
		const waiting = this.#waiting;
		if (waiting !== undefined) {
			this.#waiting = undefined;
			if (item.type === "message") {
				waiting.resolve({ done: false, value: item });
			} else {
				waiting.reject(item.error);
			}
			return;
		}
		if (this.#kept.length === this.#capacity) {
			this.#kept.shift();
			this.#lost++;
		}
		this.#kept.push(item);
	}

	#end(outcome: { readonly type: "end" } | { readonly type: "error"; readonly error: unknown }): void {
		if (this.#outcome !== undefined) {
			return;
		}
		this.#outcome = outcome;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		if (outcome.type === "error") {
			waiting?.reject(outcome.error);
		} else {
			waiting?.resolve({ done: true, value: undefined });
		}
	}

	#release(): void {
		const over = this.#outcome !== undefined;
		this.#outcome = { type: "released" };
		this.#kept.clear();
		this.#lost = 0;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		waiting?.resolve({ done: true, value: undefined });
		if (!over) {
			// This is not awaited: a generator returns only after the read that is under way, which may never end.
			void Promise.resolve(this.#source.return?.()).catch(() => {});
		}
	}
}
