/**
 * Iterating over values whose messages may be undecodable.
 *
 * @module
 */

import { isBytes } from "../../base/bytes.ts";
import type { BroadcastEvent } from "../broadcast-stream.ts";
import { type BatchOptions, type Decode, type DecodedReads, mostMessages } from "../queue-iterators.ts";
import type { Coding } from "./coding.ts";
import type { NonBlockingItem } from "./non-blocking.ts";
import { decodeEvent, type TypedBroadcastEvent } from "./typed-event.ts";

/** Iterates over the values of a stream. See {@link TypedIterator} for what a message does that cannot be decoded. */
export function valuesOf<T, M>(stream: AsyncIterable<M>, decode: Decode<M, T>): AsyncIterator<T, undefined> {
	return isOurs(stream) ? stream.decoded(decode) : new TypedIterator(stream, decode);
}

/** The same in arrays of the values that are here. Throws `OPTION_INVALID`. */
export function valueBatchesOf<T, M>(stream: AsyncIterable<M>, decode: Decode<M, T>, options: BatchOptions): AsyncIterable<T[]> {
	const most = mostMessages(options);
	return { [Symbol.asyncIterator]: () => (isOurs(stream) ? stream.decodedBatches(decode, most) : new SingleBatches(new TypedIterator(stream, decode))) };
}

function isOurs<M>(stream: AsyncIterable<M>): stream is AsyncIterable<M> & DecodedReads<M> {
	return typeof (stream as Partial<DecodedReads<M>>).decodedBatches === "function";
}

/** Arrays of one value each: nobody knows what waits in a stream that is not of this library. */
class SingleBatches<T> implements AsyncIterator<T[], undefined> {
	readonly #values: AsyncIterator<T, undefined>;

	constructor(values: AsyncIterator<T, undefined>) {
		this.#values = values;
	}

	async next(): Promise<IteratorResult<T[], undefined>> {
		const next = await this.#values.next();
		return next.done === true ? next : { done: false, value: [next.value] };
	}

	async return(): Promise<IteratorResult<T[], undefined>> {
		await this.#values.return?.();
		return { done: true, value: undefined };
	}
}

/**
 * Iterates over the values of a stream that is not of this library. A message that cannot be decoded rejects its `next`. Then the stream is free for any reader, also
 * for this one, because `for await` abandons an iterator that rejects and does not call `return`. An async generator would end at the
 * first error.
 */
class TypedIterator<T, M> implements AsyncIterator<T, undefined> {
	readonly #stream: AsyncIterable<M>;
	readonly #decode: (message: M) => T | Promise<T>;
	#messages: AsyncIterator<M>;
	#pending = 0;
	#done = false;

	constructor(stream: AsyncIterable<M>, decode: (message: M) => T | Promise<T>) {
		this.#stream = stream;
		this.#decode = decode;
		this.#messages = stream[Symbol.asyncIterator]();
	}

	next(): Promise<IteratorResult<T, undefined>> {
		if (this.#done) {
			return Promise.resolve({ done: true, value: undefined });
		}
		this.#pending++;
		return this.#messages.next().then(this.#taken, this.#failed);
	}

	async return(): Promise<IteratorResult<T, undefined>> {
		this.#done = true;
		await this.#messages.return?.();
		return { done: true, value: undefined };
	}

	readonly #taken = (result: IteratorResult<M>): IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>> => {
		if (result.done === true) {
			this.#pending--;
			return { done: true, value: undefined };
		}
		let value: T | Promise<T>;
		try {
			value = this.#decode(result.value);
		} catch (error) {
			return this.#undecodable(error);
		}
		if (value instanceof Promise) {
			return value.then(this.#decoded, this.#undecodable);
		}
		this.#pending--;
		return { done: false, value };
	};

	readonly #decoded = (value: T): IteratorResult<T, undefined> => {
		this.#pending--;
		return { done: false, value };
	};

	readonly #failed = (error: unknown): never => {
		this.#pending--;
		throw error;
	};

	readonly #undecodable = (error: unknown): never => {
		this.#pending--;
		if (this.#pending === 0 && !this.#done) {
			void this.#messages.return?.();
			this.#messages = this.#stream[Symbol.asyncIterator]();
		}
		throw error;
	};
}

/** The same for a `nonBlocking`, which any iterator may read from. */
export function typedItems<T, Sent>(
	source: AsyncIterable<NonBlockingItem<Uint8Array | BroadcastEvent>>,
	coding: Coding<T, Sent>,
): AsyncIterable<NonBlockingItem<T | TypedBroadcastEvent<T>>> {
	return {
		[Symbol.asyncIterator](): AsyncIterator<NonBlockingItem<T | TypedBroadcastEvent<T>>, undefined> {
			const items = source[Symbol.asyncIterator]();
			const decode = (message: Uint8Array | BroadcastEvent): T | TypedBroadcastEvent<T> | Promise<T | TypedBroadcastEvent<T>> =>
				isBytes(message) ? coding.decode(message) : decodeEvent(message, coding);
			return {
				async next() {
					const next = await items.next();
					if (next.done === true) {
						return { done: true, value: undefined };
					}
					if (next.value.type !== "message") {
						return { done: false, value: next.value };
					}
					return { done: false, value: { type: "message", message: await decode(next.value.message) } };
				},
				async return() {
					await items.return?.();
					return { done: true, value: undefined };
				},
			};
		},
	};
}
