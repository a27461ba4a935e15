/**
 * Events of a broadcast that wait for the application.
 *
 * @module
 */

import { ConecError } from "../errors.ts";
import type { BroadcastEvent } from "../stream/broadcast-stream.ts";
import { Fifo } from "../stream/fifo.ts";

type Result = IteratorResult<BroadcastEvent, undefined>;

/** What a queue needs of its stream. */
export interface EventsHost {
	/** The application has taken an event that came in that many bytes. */
	consumed(bytes: number): unknown;
	/** For error messages: `broadcast "news"`. */
	readonly describe: string;
}

/** One reader at a time. It is bounded by the credit of the stream. What came before an end or an error is delivered before it. */
export class BroadcastEvents {
	readonly #host: EventsHost;
	readonly #events: Fifo<BroadcastEvent> = new Fifo();
	/** What each came in, in the same order. */
	readonly #sizes: Fifo<number> = new Fifo();
	/** `undefined` while more may come; `null` after the end. */
	#outcome: ConecError | null | undefined;
	#reader: object | undefined;
	#resolve: ((result: Result) => void) | undefined;
	#reject: ((error: unknown) => void) | undefined;

	constructor(host: EventsHost) {
		this.#host = host;
	}

	/** One more event. */
	push(event: BroadcastEvent, bytes: number): void {
		const resolve = this.#resolve;
		if (resolve === undefined) {
			this.#events.push(event);
			this.#sizes.push(bytes);
			return;
		}
		this.#resolve = undefined;
		this.#reject = undefined;
		this.#host.consumed(bytes);
		resolve({ done: false, value: event });
	}

	/** No more will come: `null` for the end, or the error to report after what waits. The first outcome stays. */
	finish(outcome: ConecError | null): void {
		if (this.#outcome !== undefined) return;
		this.#outcome = outcome;
		const { resolve, reject } = { resolve: this.#resolve, reject: this.#reject };
		this.#resolve = undefined;
		this.#reject = undefined;
		if (outcome === null) resolve?.({ done: true, value: undefined });
		else reject?.(outcome);
	}

	/** Drops what waits and ends. */
	discard(): void {
		for (let bytes = this.#sizes.shift(); bytes !== undefined; bytes = this.#sizes.shift()) this.#host.consumed(bytes);
		this.#events.clear();
		this.finish(null);
	}

	/** A new reader. Its `next` rejects with `ITERATOR_IN_USE` while another is at it. */
	iterate(): AsyncIterator<BroadcastEvent, undefined> {
		let done = false;
		const iterator: AsyncIterator<BroadcastEvent, undefined> = {
			next: () => (done ? Promise.resolve(DONE) : this.#next(iterator)),
			return: () => {
				done = true;
				this.#release(iterator);
				return Promise.resolve(DONE);
			},
		};
		return iterator;
	}

	#next(reader: object): Promise<Result> {
		if (this.#reader !== reader) {
			if (this.#reader !== undefined) return Promise.reject(this.#inUse());
			this.#reader = reader;
		}
		const event = this.#events.shift();
		if (event !== undefined) {
			this.#host.consumed(this.#sizes.shift() as number);
			return Promise.resolve({ done: false, value: event });
		}
		if (this.#outcome !== undefined) {
			this.#reader = undefined;
			return this.#outcome === null ? Promise.resolve(DONE) : Promise.reject(this.#outcome);
		}
		if (this.#resolve !== undefined) return Promise.reject(this.#inUse());
		return new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
	}

	#release(reader: object): void {
		if (this.#reader !== reader) return;
		this.#reader = undefined;
		const resolve = this.#resolve;
		this.#resolve = undefined;
		this.#reject = undefined;
		resolve?.(DONE);
	}

	#inUse(): ConecError {
		return new ConecError("ITERATOR_IN_USE", `Cannot read ${this.#host.describe}: another reader is at it`);
	}
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
