/**
 * Broadcasts of values instead of bytes.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import { throwIfAborted } from "../../base/signals.ts";
import { Turns } from "../../base/turns.ts";
import { ConecError } from "../../errors.ts";
import type { BroadcastEvent, BroadcastStream } from "../broadcast-stream.ts";
import type { BatchOptions } from "../queue-iterators.ts";
import type { Coding } from "./coding.ts";
import { decodeEvent, type TypedBroadcastEvent } from "./typed-event.ts";
import { valueBatchesOf, valuesOf } from "./typed-iterator.ts";

/** A {@link BroadcastStream} that carries values. What is not said here is as it is there. `T` is what is received, `Sent` is what may be sent. They differ only if a schema transforms values. */
export interface TypedBroadcastStream<T, Sent = T>
	extends Pick<BroadcastStream, "name" | "epoch" | "recovered" | "lagging" | "finish" | "close" | "closed">,
		AsyncIterable<TypedBroadcastEvent<T>>,
		AsyncDisposable {
	/** Sends a value to all members, with the errors of `BroadcastStream.send`, `ENCODE_FAILED` and `QUEUE_FULL`; see `TypedStream.send`. */
	send(value: Sent, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Like `TypedStream.trySend`. */
	trySend(value: Sent): boolean;
	/** A message that cannot be decoded rejects one `next` with `DECODE_FAILED`. Another `for await` goes on with the next event. */
	[Symbol.asyncIterator](): AsyncIterator<TypedBroadcastEvent<T>, undefined>;
	/** Like `BroadcastStream.batches`, with decoded messages. A message that is refused is treated as in `TypedStream.batches`. */
	batches(options?: { readonly maxMessages?: number }): AsyncIterable<TypedBroadcastEvent<T>[]>;
}

/** Sends that wait for an asynchronous schema on one stream. */
const WAITING_SENDS = 1_024;

/** Made by `typed`. */
export class TypedBroadcast<T, Sent> implements TypedBroadcastStream<T, Sent> {
	readonly name: string;
	readonly epoch: string;
	readonly recovered: boolean | undefined;
	readonly closed: Promise<CloseInfo>;
	readonly #stream: BroadcastStream;
	readonly #coding: Coding<T, Sent>;
	readonly #sends: Turns = new Turns();

	constructor(stream: BroadcastStream, coding: Coding<T, Sent>) {
		this.name = stream.name;
		this.epoch = stream.epoch;
		this.recovered = stream.recovered;
		this.closed = stream.closed;
		this.#stream = stream;
		this.#coding = coding;
	}

	get lagging(): readonly string[] {
		return this.#stream.lagging;
	}

	async send(value: Sent, options?: { readonly signal?: AbortSignal }): Promise<void> {
		throwIfAborted(options?.signal);
		if (this.#sends.waiting >= WAITING_SENDS) {
			throw new ConecError("QUEUE_FULL", `Cannot send to broadcast "${this.name}": ${this.#sends.waiting} calls wait for their schema already`);
		}
		const encoded = this.#coding.encode(value);
		if (this.#sends.waiting === 0 && !(encoded instanceof Promise)) {
			return await this.#stream.send(encoded, options);
		}
		await this.#sends.take(Promise.resolve(encoded), (message) => this.#stream.send(message, options));
	}

	trySend(value: Sent): boolean {
		const encoded = this.#coding.encode(value);
		if (encoded instanceof Promise) {
			encoded.catch(() => undefined);
			throw this.#coding.unsendable("its schema checks asynchronously. Use send, which waits for it");
		}
		return this.#sends.waiting === 0 && this.#stream.trySend(encoded);
	}

	finish(): Promise<void> {
		return this.#sends.waiting === 0 ? this.#stream.finish() : this.#sends.take(Promise.resolve(), () => this.#stream.finish());
	}

	close(): Promise<void> {
		return this.#sends.waiting === 0 ? this.#stream.close() : this.#sends.take(Promise.resolve(), () => this.#stream.close());
	}

	[Symbol.asyncIterator](): AsyncIterator<TypedBroadcastEvent<T>, undefined> {
		return valuesOf(this.#stream, this.#decode);
	}

	batches(options: BatchOptions = {}): AsyncIterable<TypedBroadcastEvent<T>[]> {
		return valueBatchesOf(this.#stream, this.#decode, options);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#stream[Symbol.asyncDispose]();
	}

	readonly #decode = (event: BroadcastEvent): TypedBroadcastEvent<T> | Promise<TypedBroadcastEvent<T>> => decodeEvent(event, this.#coding);
}
