/**
 * Messages, or events of a broadcast, that have arrived and wait for the application.
 *
 * @module
 */

import { Fifo } from "../base/fifo.ts";
import { ConecError } from "../errors.ts";

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
 * One reader at a time: an iterator from its first `next` to its end, or one call of `receive`.
 *
 * It is bounded by the credit of the stream: the peer may only send what `consumed` has made room for. What arrived
 * before an end or an error is delivered before it.
 */
export class ReceiveQueue<T> {
	readonly #host: ReceiveHost<T>;
	readonly #messages: Fifo<T> = new Fifo();
	/** `undefined` while more may come; `null` after the end. */
	#outcome: ConecError | null | undefined = undefined;
	/** The iterator that reads. */
	#reader: object | undefined = undefined;
	// The one that waits: an iterator (resolveResult) or a call of receive (resolveMessage).
	#resolveResult: ((result: IteratorResult<T, undefined>) => void) | undefined = undefined;
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
		if (this.#resolveResult !== undefined) {
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
			this.#messages.push(message);
		}
	}

	/** No more will come: `null` for the peer's end, or the error to report after what waits. The first outcome stays. */
	finish(outcome: ConecError | null): void {
		if (this.#outcome !== undefined) {
			return;
		}
		this.#outcome = outcome;
		const { resolveResult, resolveMessage, reject } = { resolveResult: this.#resolveResult, resolveMessage: this.#resolveMessage, reject: this.#reject };
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
			resolveMessage?.(null);
		}
	}

	/** Drops what waits, as the application wants no more; what is read from now on is this outcome. */
	discard(outcome: ConecError | null): void {
		this.#messages.clear();
		this.#outcome = undefined;
		this.finish(outcome);
	}

	/** A new reader, which reads from its first `next` on. Its `next` rejects with `ITERATOR_IN_USE` while another is at it. */
	iterate(): AsyncIterator<T, undefined> {
		return new QueueIterator(this);
	}

	/** The next message for a call of `receive`; `null` at the end. Aborting takes nothing out. */
	receive(signal: AbortSignal | undefined): Promise<T | null> {
		if (signal?.aborted) {
			return Promise.reject(signal.reason);
		}
		if (this.#reader !== undefined || this.#reject !== undefined) {
			return Promise.reject(this.#inUse());
		}
		const message = this.#take();
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
		if (this.#reader !== reader) {
			if (this.#reader !== undefined || this.#reject !== undefined) {
				return Promise.reject(this.#inUse());
			}
			this.#reader = reader;
		}
		if (this.#messages.length > 0) {
			return Promise.resolve({ done: false, value: this.#take() as T });
		}
		if (this.#outcome !== undefined) {
			this.#reader = undefined;
			return this.#outcome === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(this.#outcome);
		}
		if (this.#reject !== undefined) {
			return Promise.reject(this.#inUse());
		}
		return new Promise((resolve, reject) => {
			this.#resolveResult = resolve;
			this.#reject = reject;
			this.#host.waits?.(true);
		});
	}

	/** An iterator is done with reading; another reader may go on where it was. */
	release(reader: object): void {
		if (this.#reader !== reader) {
			return;
		}
		this.#reader = undefined;
		const resolve = this.#resolveResult;
		if (resolve !== undefined) {
			this.#forget();
			this.#host.waits?.(false);
			resolve({ done: true, value: undefined });
		}
	}

	#take(): T | undefined {
		const message = this.#messages.shift();
		if (message !== undefined) {
			this.#host.consumed(message);
		}
		return message;
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
		const onAbort = (): void => {
			if (this.#reject === reject) {
				this.#forget();
				this.#host.waits?.(false);
			}
			reject?.(signal.reason);
		};
		signal.addEventListener("abort", onAbort, { once: true });
		try {
			return await waiting;
		} finally {
			signal.removeEventListener("abort", onAbort);
		}
	}

	#forget(): void {
		this.#resolveResult = undefined;
		this.#resolveMessage = undefined;
		this.#reject = undefined;
	}

	#inUse(): ConecError {
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
