/**
 * Reading that never makes the sender wait.
 *
 * @module
 */

import { systemClock } from "../../base/clock.ts";
import { Fifo } from "../../base/fifo.ts";
import { argumentError, ConecError, isConecError } from "../../errors.ts";

/** What a {@link nonBlocking} reader gets. */
export type NonBlockingItem<T> =
	| { readonly type: "message"; readonly message: T }
	/** So many messages, which came before the next one, were dropped. */
	| { readonly type: "lagged"; readonly lost: number };

/** Most messages that can be kept. */
const CAPACITY_MAX = 1_048_576;
/** Reads after which the event loop has its turn, in case the source always has more. */
const READS_PER_TURN = 1_024;

/**
 * Reads `source` eagerly, from now on, and keeps the last `capacity` messages for a reader that may be slow: the oldest are
 * dropped, and the next read says how many. So the sender never waits for the reader, which needs memory for `capacity`
 * messages of `limits.messageBytes` at worst.
 *
 * The end of the source, or its error, comes after what is kept. An undecodable message (`DECODE_FAILED`, from `typed`) takes
 * the place of a message and rejects one `next`. There is one reader at a time (`ITERATOR_IN_USE`). `break`, or `return()`,
 * drops what is kept and releases the source, once and for all.
 *
 * Throws `TypeError` or `RangeError` with `OPTION_INVALID` if `source` cannot be iterated or `capacity` is not an integer from
 * 1 to 1_048_576.
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
			return Promise.reject(new ConecError("ITERATOR_IN_USE", "Cannot read a nonBlocking: another reader is at it"));
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
				// The same one again is a source that is over, and says so every time.
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
			// Not waited for: a generator returns only when the read that is under way has come back, which may be never.
			void Promise.resolve(this.#source.return?.()).catch(() => {});
		}
	}
}
