/**
 * Accepted streams that wait for the application to take them.
 *
 * @module
 */

import { FairQueue } from "../base/fair-queue.ts";
import { ConecError } from "../errors.ts";
import type { RESET_CODES } from "../wire/codes.ts";
import type { FramedStream } from "./framed-stream.ts";
import type { MessageStream } from "./message-stream.ts";

/**
 * The queue behind `incomingStreams`: one consumer at a time, `break` leaves the rest to the next. Whoever fills it asks for room first.
 * Peers have their turn one after the other, so the many streams of one do not stand before the first of another.
 */
export class IncomingStreams implements AsyncIterable<MessageStream> {
	readonly #capacity: number;
	readonly #streams: FairQueue<string | null, FramedStream> = new FairQueue(Number.POSITIVE_INFINITY);
	#reader: object | undefined = undefined;
	#waiting: { readonly resolve: (result: IteratorResult<MessageStream, undefined>) => void; readonly reject: (error: unknown) => void } | undefined = undefined;
	/** `undefined` while more may come; `null` after `close`, the error after `destroy`. */
	#outcome: ConecError | null | undefined = undefined;

	readonly #onRoom: () => void;

	/**
	 * @param capacity `limits.incomingStreams`
	 * @param onRoom called each time that there is room for a stream which was not there before
	 */
	constructor(capacity: number, onRoom: () => void = () => {}) {
		this.#capacity = capacity;
		this.#onRoom = onRoom;
	}

	/** Whether another stream may be accepted. */
	get hasRoom(): boolean {
		return this.#outcome === undefined && (this.#waiting !== undefined || this.#streams.length < this.#capacity);
	}

	/** Streams that wait. */
	get length(): number {
		return this.#streams.length;
	}

	/** Hands over an accepted stream; there must be room. */
	push(stream: FramedStream): void {
		const waiting = this.#waiting;
		if (waiting !== undefined) {
			this.#waiting = undefined;
			waiting.resolve({ done: false, value: stream });
			return;
		}
		this.#streams.push(stream.peer, stream);
		// One that broke before anything of it could be read must not take the place of a live one.
		void stream.closed.then((info) => {
			if (info.code !== undefined && stream.waitingMessages === 0) {
				if (this.#streams.remove(stream.peer, stream)) this.#onRoom();
			}
		});
	}

	/** Ends the iteration and resets the streams that nobody has taken; `reason` here, `wireCode` (one of `RESET_CODES`) at their peers. */
	close(reason: ConecError, wireCode: (typeof RESET_CODES)[keyof typeof RESET_CODES]): void {
		this.#end(null, reason, wireCode);
	}

	/** The same, but the iteration ends with the error. */
	destroy(error: ConecError, wireCode: (typeof RESET_CODES)[keyof typeof RESET_CODES]): void {
		this.#end(error, error, wireCode);
	}

	/** Throws `ITERATOR_IN_USE`, at the first `next`, while another consumer is at it. */
	[Symbol.asyncIterator](): AsyncIterator<MessageStream, undefined> {
		let done = false;
		const iterator: AsyncIterator<MessageStream, undefined> = {
			next: () => (done ? Promise.resolve({ done: true, value: undefined }) : this.#next(iterator)),
			return: () => {
				done = true;
				this.#release(iterator);
				return Promise.resolve({ done: true, value: undefined });
			},
		};
		return iterator;
	}

	#next(reader: object): Promise<IteratorResult<MessageStream, undefined>> {
		if ((this.#reader !== undefined && this.#reader !== reader) || this.#waiting !== undefined) {
			return Promise.reject(new ConecError("ITERATOR_IN_USE", "Cannot take incoming streams: another consumer iterates them. End that one first"));
		}
		this.#reader = reader;
		const stream = this.#streams.shift();
		if (stream !== undefined) {
			this.#onRoom();
			return Promise.resolve({ done: false, value: stream });
		}
		if (this.#outcome !== undefined) {
			this.#reader = undefined;
			return this.#outcome === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(this.#outcome);
		}
		return new Promise((resolve, reject) => {
			this.#waiting = { resolve, reject };
			this.#onRoom();
		});
	}

	#release(reader: object): void {
		if (this.#reader !== reader) {
			return;
		}
		this.#reader = undefined;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		waiting?.resolve({ done: true, value: undefined });
	}

	#end(outcome: ConecError | null, error: ConecError, wireCode: number): void {
		if (this.#outcome !== undefined) {
			return;
		}
		this.#outcome = outcome;
		for (let stream = this.#streams.shift(); stream !== undefined; stream = this.#streams.shift()) {
			stream.destroy(error, wireCode);
		}
		this.#reader = undefined;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		if (outcome === null) {
			waiting?.resolve({ done: true, value: undefined });
		} else {
			waiting?.reject(outcome);
		}
	}
}
