/**
 * Messages, or events of a broadcast, that have arrived and wait for the application.
 *
 * @module
 */

import { Fifo } from "../base/fifo.ts";
import { onAbort, reasonOf } from "../base/signals.ts";
import { ConecError } from "../errors.ts";
import { BatchIterator, type Decode, DecodingIterator, type ReadFrom } from "./queue-iterators.ts";

/** What a queue needs of the stream it belongs to. */
export interface ReceiveHost<T> {
	/** The application has taken one: in the order in which they came, each once, but for those that are discarded. */
	consumed(message: T): void;
	/** A reader waits and nothing is there, or has given that up. */
	waits?(yes: boolean): void;
	/** For error messages: `stream 7 from "bob"`. */
	readonly describe: string;
}

/**
 * One reader at a time: an iterator, of messages or of batches, from its first `next` to its end, or one call of `receive`.
 *
 * It is bounded by the credit of the stream: the peer may only send what `consumed` has made room for. What arrived
 * before an end or an error is delivered before it.
 */
export class ReceiveQueue<T> implements ReadFrom<T> {
	readonly #host: ReceiveHost<T>;
	readonly #messages: Fifo<T> = new Fifo();
	/** `undefined` while more may come; `null` after the end. */
	#outcome: ConecError | null | undefined = undefined;
	/** The iterator that reads. */
	#reader: object | undefined = undefined;
	// The one that waits: an iterator (resolveResult, resolveArrival) or a call of receive (resolveMessage).
	#resolveResult: ((result: IteratorResult<T, undefined>) => void) | undefined = undefined;
	#resolveArrival: ((isHere: boolean) => void) | undefined = undefined;
	#resolveMessage: ((message: T | null) => void) | undefined = undefined;
	#reject: ((error: unknown) => void) | undefined = undefined;

	constructor(host: ReceiveHost<T>) {
		this.#host = host;
	}

	/** Messages that wait. */
	get length(): number {
		return this.#messages.length;
	}

	/** A reader waits, and nothing is there. */
	get waiting(): boolean {
		return this.#reject !== undefined;
	}

	/** The error that is read after what waits. `undefined`: more may come, or the end is the peer's. */
	get failure(): ConecError | undefined {
		return this.#outcome ?? undefined;
	}

	/** One more message. */
	push(message: T): void {
		if (this.#reject === undefined) {
			this.#messages.push(message);
		} else if (this.#resolveResult !== undefined) {
			const resolve = this.#resolveResult;
			this.#forget();
			this.#host.consumed(message);
			resolve({ done: false, value: message });
		} else if (this.#resolveMessage !== undefined) {
			const resolve = this.#resolveMessage;
			this.#forget();
			this.#host.consumed(message);
			resolve(message);
		} else {
			// The transport hands over all that it has in one turn. Promises settle when the turn ends, so the reader finds all of it.
			const resolve = this.#resolveArrival;
			this.#forget();
			this.#messages.push(message);
			resolve?.(true);
		}
	}

	/** No more will come: `null` for the peer's end, or the error to report after what waits. The first outcome stays. */
	finish(outcome: ConecError | null): void {
		if (this.#outcome !== undefined) {
			return;
		}
		this.#outcome = outcome;
		const [resolveResult, resolveArrival, resolveMessage, reject] = [this.#resolveResult, this.#resolveArrival, this.#resolveMessage, this.#reject];
		this.#forget();
		// An iterator that has heard the end, or an error, says no more that it is done.
		if (reject !== undefined) {
			this.#reader = undefined;
		}
		if (outcome !== null) {
			reject?.(outcome);
		} else if (resolveResult !== undefined) {
			resolveResult({ done: true, value: undefined });
		} else {
			resolveArrival?.(false);
			resolveMessage?.(null);
		}
	}

	/** Drops what waits, as the application wants no more; what is read from now on is this outcome. */
	discard(outcome: ConecError | null): void {
		this.#messages.clear();
		this.#outcome = undefined;
		this.finish(outcome);
	}

	/** Keeps the first `most` of those that wait. The others are dropped, and `consumed` is not called for them. */
	keep(most: number): void {
		this.#messages.truncate(most);
	}

	/** A new reader, which reads from its first `next` on. Its `next` rejects with `ITERATOR_IN_USE` while another is at it. */
	iterate(): AsyncIterator<T, undefined> {
		return new QueueIterator(this);
	}

	/** The same for a reader of values that `decode` makes of the messages. See {@link DecodingIterator}. */
	iterateDecoded<V>(decode: Decode<T, V>): AsyncIterator<V, undefined> {
		return new DecodingIterator(this, decode);
	}

	/** The same for a reader of batches: arrays of the messages that are here, or of what `decode` makes of them, at least one and at most `mostMessages`. */
	iterateBatches(mostMessages: number): AsyncIterator<T[], undefined>;
	iterateBatches<V>(mostMessages: number, decode: Decode<T, V>): AsyncIterator<V[], undefined>;
	iterateBatches<V>(mostMessages: number, decode?: Decode<T, V>): AsyncIterator<(T | V)[], undefined> {
		return new BatchIterator<T, T | V>(this, mostMessages, decode);
	}

	/** The next message for a call of `receive`; `null` at the end. Aborting takes nothing out. */
	receive(signal: AbortSignal | undefined): Promise<T | null> {
		if (signal?.aborted) {
			return Promise.reject(reasonOf(signal));
		}
		if (this.#reader !== undefined || this.#reject !== undefined) {
			return Promise.reject(this.inUse());
		}
		const message = this.take();
		if (message !== undefined) {
			return Promise.resolve(message);
		}
		if (this.#outcome !== undefined) {
			return this.#outcome === null ? Promise.resolve(null) : Promise.reject(this.#outcome);
		}
		return signal === undefined ? this.#wait() : this.#waitWith(signal);
	}

	/** The next result for an iterator. */
	next(reader: object): Promise<IteratorResult<T, undefined>> {
		if (!this.#claim(reader)) {
			return Promise.reject(this.inUse());
		}
		if (this.#messages.length > 0) {
			return Promise.resolve({ done: false, value: this.take() as T });
		}
		if (this.#outcome !== undefined) {
			// It has heard the end, or an error, and is the reader no more.
			this.#reader = undefined;
			return this.#outcome === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(this.#outcome);
		}
		return new Promise((resolve, reject) => {
			this.#resolveResult = resolve;
			this.#reject = reject;
			this.#host.waits?.(true);
		});
	}

	arrival(reader: object): Promise<boolean> | undefined {
		if (!this.#claim(reader)) {
			return Promise.reject(this.inUse());
		}
		if (this.#messages.length > 0) {
			return undefined;
		}
		if (this.#outcome !== undefined) {
			this.#reader = undefined;
			return this.#outcome === null ? Promise.resolve(false) : Promise.reject(this.#outcome);
		}
		return new Promise((resolve, reject) => {
			this.#resolveArrival = resolve;
			this.#reject = reject;
			this.#host.waits?.(true);
		});
	}

	peek(): T | undefined {
		return this.#messages.peek();
	}

	take(): T | undefined {
		const message = this.#messages.shift();
		if (message !== undefined) {
			this.#host.consumed(message);
		}
		return message;
	}

	takeMany(most: number): T[] {
		const batch = this.#messages.take(most);
		for (const message of batch) this.#host.consumed(message);
		return batch;
	}

	/** An iterator is done with reading; another reader may go on where it was. */
	release(reader: object): void {
		if (this.#reader !== reader) {
			return;
		}
		this.#reader = undefined;
		const [resolveResult, resolveArrival] = [this.#resolveResult, this.#resolveArrival];
		if (this.#reject !== undefined) {
			this.#forget();
			this.#host.waits?.(false);
			resolveResult?.({ done: true, value: undefined });
			resolveArrival?.(false);
		}
	}

	/** Makes an iterator the reader, unless another reader has the stream or this one waits already. */
	#claim(reader: object): boolean {
		if (this.#reject !== undefined || (this.#reader !== reader && this.#reader !== undefined)) {
			return false;
		}
		this.#reader = reader;
		return true;
	}

	#wait(): Promise<T | null> {
		return new Promise((resolve, reject) => {
			this.#resolveMessage = resolve;
			this.#reject = reject;
			this.#host.waits?.(true);
		});
	}

	async #waitWith(signal: AbortSignal): Promise<T | null> {
		const waiting = this.#wait();
		const reject = this.#reject;
		const forget = onAbort(signal, () => {
			if (this.#reject === reject) {
				this.#forget();
				this.#host.waits?.(false);
			}
			reject?.(reasonOf(signal));
		});
		try {
			return await waiting;
		} finally {
			forget();
		}
	}

	#forget(): void {
		this.#resolveResult = undefined;
		this.#resolveArrival = undefined;
		this.#resolveMessage = undefined;
		this.#reject = undefined;
	}

	inUse(): ConecError {
		return new ConecError("ITERATOR_IN_USE", `Cannot receive on ${this.#host.describe}: another reader has it. End that one first`);
	}
}

/** Not an async generator: those add several promises to every message. */
class QueueIterator<T> implements AsyncIterator<T, undefined> {
	readonly #queue: ReceiveQueue<T>;
	#done = false;

	constructor(queue: ReceiveQueue<T>) {
		this.#queue = queue;
	}

	next(): Promise<IteratorResult<T, undefined>> {
		return this.#done ? Promise.resolve({ done: true, value: undefined }) : this.#queue.next(this);
	}

	return(): Promise<IteratorResult<T, undefined>> {
		this.#done = true;
		this.#queue.release(this);
		return Promise.resolve({ done: true, value: undefined });
	}
}
