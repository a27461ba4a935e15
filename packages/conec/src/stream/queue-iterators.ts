/**
 * Readers of a queue that get arrays, or values that are made of the messages.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";

/** How `batches` reads. */
export interface BatchOptions {
	/** The most messages that one array has, 1 to 1_048_576. @default no bound but what may wait */
	readonly maxMessages?: number;
}

/** The most messages of an array. Throws `OPTION_INVALID`. */
export function mostMessages(options: BatchOptions): number {
	checkOptions(options, { maxMessages: "messages" });
	return options.maxMessages ?? Number.POSITIVE_INFINITY;
}

/** A stream of this library that decodes what waits for its reader, so that nothing else has to keep it. */
export interface DecodedReads<T> {
	/** @internal */
	decoded<V>(decode: Decode<T, V>): AsyncIterator<V, undefined>;
	/** @internal */
	decodedBatches<V>(decode: Decode<T, V>, most: number): AsyncIterator<V[], undefined>;
}

/** What such a reader needs of its queue. */
export interface ReadFrom<T> {
	/**
	 * Makes the iterator the reader. `undefined`: a message is here. Otherwise it resolves to true when one has come, and to false at the end or
	 * after {@link release}. It rejects with what is read after the last message, or with `ITERATOR_IN_USE`.
	 */
	arrival(reader: object): Promise<boolean> | undefined;
	/** The first message, which stays. */
	peek(): T | undefined;
	/** Takes the first message. */
	take(): T | undefined;
	/** Takes the first `most` messages, or all if there are fewer. */
	takeMany(most: number): T[];
	/** The iterator is done with reading. */
	release(reader: object): void;
	/** `ITERATOR_IN_USE`: an iterator that waits is asked again. */
	inUse(): Error;
}

/** Makes a value of a message. A promise is waited for. */
export type Decode<T, V> = (message: T) => V | Promise<V>;

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Gives what `decode` makes of each message. A message that it refuses rejects one `next`, and is gone. Then the queue is free for any
 * reader, also for this one, because `for await` abandons an iterator that rejects and does not call `return`.
 */
export class DecodingIterator<T, V> implements AsyncIterator<V, undefined> {
	readonly #queue: ReadFrom<T>;
	readonly #decode: Decode<T, V>;
	/** Messages that are taken and still being decoded. */
	#decoding = 0;
	#waits = false;
	#done = false;

	constructor(queue: ReadFrom<T>, decode: Decode<T, V>) {
		this.#queue = queue;
		this.#decode = decode;
	}

	next(): Promise<IteratorResult<V, undefined>> {
		if (this.#done) return Promise.resolve(DONE);
		if (this.#waits) return Promise.reject(this.#queue.inUse());
		const arrival = this.#queue.arrival(this);
		if (arrival === undefined) {
			try {
				return Promise.resolve(this.#take());
			} catch (error) {
				return Promise.reject(error);
			}
		}
		this.#waits = true;
		return arrival.then(this.#arrived, this.#ended);
	}

	return(): Promise<IteratorResult<V, undefined>> {
		this.#done = true;
		this.#queue.release(this);
		return Promise.resolve(DONE);
	}

	readonly #arrived = (isHere: boolean): IteratorResult<V, undefined> | Promise<IteratorResult<V, undefined>> => {
		this.#waits = false;
		if (!isHere || this.#done) return DONE;
		// It may have been dropped meanwhile.
		return this.#queue.peek() === undefined ? this.next() : this.#take();
	};

	readonly #ended = (error: unknown): never => {
		this.#waits = false;
		throw error;
	};

	#take(): IteratorResult<V, undefined> | Promise<IteratorResult<V, undefined>> {
		let value: V | Promise<V>;
		try {
			value = this.#decode(this.#queue.take() as T);
		} catch (error) {
			return this.#refused(error);
		}
		if (!(value instanceof Promise)) return { done: false, value };
		this.#decoding++;
		return value.then(this.#decoded, this.#undecodable);
	}

	readonly #decoded = (value: V): IteratorResult<V, undefined> => {
		this.#decoding--;
		return { done: false, value };
	};

	readonly #undecodable = (error: unknown): never => {
		this.#decoding--;
		return this.#refused(error);
	};

	#refused(error: unknown): never {
		if (this.#decoding === 0) this.#queue.release(this);
		throw error;
	}
}

/**
 * Gives all messages that are here in one array, at most `most`, or what `decode` makes of them. A message is taken when it is decoded. So an
 * array ends before one that is refused: that one rejects the next call, as {@link DecodingIterator} says, and those behind it stay in the queue.
 */
export class BatchIterator<T, V> implements AsyncIterator<V[], undefined> {
	readonly #queue: ReadFrom<T>;
	readonly #most: number;
	readonly #decode: Decode<T, V> | undefined;
	#isBusy = false;
	#done = false;

	/** Without `decode`, `V` is `T`. */
	constructor(queue: ReadFrom<T>, most: number, decode: Decode<T, V> | undefined) {
		this.#queue = queue;
		this.#most = most;
		this.#decode = decode;
	}

	next(): Promise<IteratorResult<V[], undefined>> {
		if (this.#done) return Promise.resolve(DONE);
		if (this.#isBusy) return Promise.reject(this.#queue.inUse());
		const arrival = this.#queue.arrival(this);
		if (arrival === undefined && this.#decode === undefined) return Promise.resolve({ done: false, value: this.#all() });
		return this.#give(arrival);
	}

	return(): Promise<IteratorResult<V[], undefined>> {
		this.#done = true;
		this.#queue.release(this);
		return Promise.resolve(DONE);
	}

	async #give(arrival: Promise<boolean> | undefined): Promise<IteratorResult<V[], undefined>> {
		this.#isBusy = true;
		try {
			for (let waiting = arrival; ; waiting = this.#queue.arrival(this)) {
				if (waiting !== undefined && !(await waiting)) return DONE;
				const value = this.#decode === undefined ? this.#all() : await this.#decoded(this.#decode);
				if (value.length > 0) return { done: false, value };
				// What came was dropped meanwhile, or this reader has left.
				if (this.#done) return DONE;
			}
		} finally {
			this.#isBusy = false;
		}
	}

	#all(): V[] {
		// Without `decode`, V is T.
		return this.#queue.takeMany(this.#done ? 0 : this.#most) as unknown[] as V[];
	}

	/** What the messages that are here decode to, up to one that is refused. Throws if that is the first one. */
	async #decoded(decode: Decode<T, V>): Promise<V[]> {
		const values: V[] = [];
		while (values.length < this.#most && !this.#done) {
			const message = this.#queue.peek();
			if (message === undefined) break;
			let value: V;
			try {
				const decoded = decode(message);
				value = decoded instanceof Promise ? await decoded : decoded;
			} catch (error) {
				if (values.length > 0) break;
				if (this.#queue.peek() === message) this.#queue.take();
				this.#queue.release(this);
				throw error;
			}
			// The stream may have been stopped, or its reader may have left.
			if (this.#done || this.#queue.peek() !== message) break;
			this.#queue.take();
			values.push(value);
		}
		return values;
	}
}
