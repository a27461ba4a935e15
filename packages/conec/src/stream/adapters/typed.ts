/**
 * Streams of values instead of bytes.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import { abortable, onAbort, reasonOf, throwIfAborted, within } from "../../base/signals.ts";
import { Turns } from "../../base/turns.ts";
import { argumentError, ConecError } from "../../errors.ts";
import type { JsonValue } from "../../wire/json.ts";
import type { BroadcastEvent, BroadcastStream } from "../broadcast-stream.ts";
import type { MessageStream } from "../message-stream.ts";
import type { BatchOptions } from "../queue-iterators.ts";
import { readableOf, writableOf } from "../web-streams.ts";
import type { Codec } from "./codec.ts";
import { Coding } from "./coding.ts";
import type { NonBlockingItem } from "./non-blocking.ts";
import { TypedBroadcast, type TypedBroadcastStream } from "./typed-broadcast.ts";
import type { TypedBroadcastEvent } from "./typed-event.ts";
import { typedItems, valueBatchesOf, valuesOf } from "./typed-iterator.ts";

/**
 * A {@link MessageStream} that carries values. What is not said here is as it is there. `T` is what is received, `Sent` is what
 * may be sent. They differ only if a schema transforms values.
 *
 * It keeps no messages of its own, so the stream below it may still be used.
 */
export interface TypedStream<T, Sent = T>
	extends Pick<MessageStream, "peer" | "id" | "path" | "metadata" | "protocol" | "close" | "reset" | "stop" | "closed">,
		AsyncIterable<T>,
		AsyncDisposable {
	/**
	 * Sends a value as `MessageStream.send` sends a message. Values keep the order of the calls, also if a schema checks
	 * asynchronously. The value must not change before it resolves.
	 *
	 * If it rejects, nothing was sent. Besides the errors of `MessageStream.send` it rejects with:
	 *
	 * - a `TypeError` `ENCODE_FAILED`, with a `cause`: the schema or the codec refuses the value. The stream goes on.
	 * - `QUEUE_FULL`: 1_024 calls wait for their schema already
	 */
	send(value: Sent, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** Like `MessageStream.trySend`. It also returns false while earlier values are being checked. It throws `ENCODE_FAILED` for a refused value, and always if the schema checks asynchronously. */
	trySend(value: Sent): boolean;
	/**
	 * Receives a value as `MessageStream.receive` receives a message. If values can be `null`, use `for await`, which tells such a value
	 * from the end.
	 *
	 * It also rejects with `DECODE_FAILED`, and a `cause`, if the codec or the schema refuses a message. That message is gone. The stream
	 * goes on, and the next call returns the next value. An abort ends the wait for a message but not its check, so no message is lost.
	 */
	receive(options?: { readonly signal?: AbortSignal }): Promise<T | null>;
	/** `for await` throws `DECODE_FAILED` for a refused message. Another `for await`, or `next` of the same iterator, goes on with the next message. */
	[Symbol.asyncIterator](): AsyncIterator<T, undefined>;
	/**
	 * Like `MessageStream.batches`, but of values. A message that is refused ends the array before it. The next step throws `DECODE_FAILED` for
	 * it, and another reader goes on with the message behind it. Nothing is decoded ahead: what was not given waits in the stream below.
	 */
	batches(options?: { readonly maxMessages?: number }): AsyncIterable<T[]>;
	/** Like `MessageStream.readable`, but of values. Every error ends a Web Stream, so `DECODE_FAILED` does too. */
	readonly readable: ReadableStream<T>;
	/** Like `MessageStream.writable`, but of values. `ENCODE_FAILED` ends it. */
	readonly writable: WritableStream<Sent>;
}

/**
 * Wraps a stream, a broadcast, or what `nonBlocking` made of one, so that it carries values. `codec` turns values into messages and
 * messages into values. If it has a schema, the schema checks both directions. See docs/adapters.md.
 *
 * @throws TypeError `OPTION_INVALID` if an argument is of another kind
 */
export function typed<T, Sent = T>(stream: MessageStream, codec: Codec<T, Sent>): TypedStream<T, Sent>;
export function typed<T, Sent = T>(stream: BroadcastStream, codec: Codec<T, Sent>): TypedBroadcastStream<T, Sent>;
export function typed<T, Sent = T>(source: AsyncIterable<NonBlockingItem<Uint8Array>>, codec: Codec<T, Sent>): AsyncIterable<NonBlockingItem<T>>;
export function typed<T, Sent = T>(
	source: AsyncIterable<NonBlockingItem<BroadcastEvent>>,
	codec: Codec<T, Sent>,
): AsyncIterable<NonBlockingItem<TypedBroadcastEvent<T>>>;
export function typed<T, Sent = T>(
	stream: MessageStream | BroadcastStream | AsyncIterable<NonBlockingItem<Uint8Array>> | AsyncIterable<NonBlockingItem<BroadcastEvent>>,
	codec: Codec<T, Sent>,
): TypedStream<T, Sent> | TypedBroadcastStream<T, Sent> | AsyncIterable<NonBlockingItem<T | TypedBroadcastEvent<T>>> {
	const given: Partial<MessageStream> | null | undefined = stream as Partial<MessageStream>;
	if (typeof given?.[Symbol.asyncIterator] !== "function") {
		throw argumentError("type", "OPTION_INVALID", "Cannot make a typed stream: typed takes a MessageStream, a BroadcastStream or a nonBlocking");
	}
	if (isMessageStream(stream)) {
		const peer = stream.peer === null ? "the Coordinator" : JSON.stringify(stream.peer);
		return new TypedMessageStream(stream, new Coding(codec, `a message on stream ${stream.id} with ${peer}`, stream.peer));
	}
	if (isBroadcastStream(stream)) {
		return new TypedBroadcast(stream, new Coding(codec, `a message of broadcast "${stream.name}"`, null));
	}
	return typedItems(stream as AsyncIterable<NonBlockingItem<Uint8Array | BroadcastEvent>>, new Coding(codec, "a message", null));
}

/** Whether a stream carries values. */
export function isTyped(stream: object): boolean {
	return BRAND in stream;
}

const BRAND = Symbol.for("conec.TypedStream");
/** Sends that wait for an asynchronous schema on one stream. */
const WAITING_SENDS = 1_024;
/** How long disposing waits for them. */
const LINGER_MS = 2_000;

class TypedMessageStream<T, Sent> implements TypedStream<T, Sent> {
	readonly peer: string | null;
	readonly id: number;
	readonly path: "direct" | "proxied";
	readonly metadata: JsonValue | undefined;
	readonly protocol: string | undefined;
	readonly closed: Promise<CloseInfo>;
	readonly [BRAND]: true = true;
	readonly #stream: MessageStream;
	readonly #coding: Coding<T, Sent>;
	readonly #sends = new Turns();
	readonly #receives = new Turns();
	#readable: ReadableStream<T> | undefined = undefined;
	#writable: WritableStream<Sent> | undefined = undefined;

	constructor(stream: MessageStream, coding: Coding<T, Sent>) {
		this.peer = stream.peer;
		this.id = stream.id;
		this.path = stream.path;
		this.metadata = stream.metadata;
		this.protocol = stream.protocol;
		this.closed = stream.closed;
		this.#stream = stream;
		this.#coding = coding;
	}

	send(value: Sent, options?: { readonly signal?: AbortSignal }): Promise<void> {
		if (options?.signal?.aborted) {
			return Promise.reject(reasonOf(options.signal));
		}
		if (this.#sends.waiting >= WAITING_SENDS) {
			return Promise.reject(new ConecError("QUEUE_FULL", `Cannot send on stream ${this.id}: ${this.#sends.waiting} calls wait for their schema already`));
		}
		let encoded: Uint8Array | string | Promise<Uint8Array | string>;
		try {
			encoded = this.#coding.encode(value);
		} catch (error) {
			return Promise.reject(error);
		}
		if (this.#sends.waiting === 0 && !(encoded instanceof Promise)) {
			return this.#stream.send(encoded, options);
		}
		return this.#sendInTurn(Promise.resolve(encoded), options);
	}

	trySend(value: Sent): boolean {
		const encoded = this.#coding.encode(value);
		if (encoded instanceof Promise) {
			encoded.catch(() => {});
			throw this.#coding.unsendable("its schema checks asynchronously. Use send, which waits for it");
		}
		return this.#sends.waiting === 0 && this.#stream.trySend(encoded);
	}

	receive(options?: { readonly signal?: AbortSignal }): Promise<T | null> {
		return this.#stream.receive(options).then(this.#decode);
	}

	close(options?: { readonly signal?: AbortSignal }): Promise<void> {
		if (this.#sends.waiting === 0) {
			return this.#stream.close(options);
		}
		const signal = options?.signal;
		if (signal?.aborted) {
			return Promise.reject(reasonOf(signal));
		}
		const closed = this.#sends.take(Promise.resolve(), () => this.#stream.close());
		return signal === undefined ? closed : abortable(closed, signal);
	}

	reset(code?: number): void {
		this.#stream.reset(code);
	}

	stop(code?: number): void {
		this.#stream.stop(code);
	}

	get readable(): ReadableStream<T> {
		this.#readable ??= readableOf<T>(this);
		return this.#readable;
	}

	get writable(): WritableStream<Sent> {
		this.#writable ??= writableOf<Sent>(this);
		return this.#writable;
	}

	[Symbol.asyncIterator](): AsyncIterator<T, undefined> {
		return valuesOf<T, Uint8Array>(this.#stream, this.#decode);
	}

	batches(options: BatchOptions = {}): AsyncIterable<T[]> {
		return valueBatchesOf<T, Uint8Array>(this.#stream, this.#decode, options);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#sends.waiting > 0) {
			await within(LINGER_MS, this.#sends.idle);
		}
		await this.#stream[Symbol.asyncDispose]();
	}

	#sendInTurn(encoded: Promise<Uint8Array | string>, options: { readonly signal?: AbortSignal } | undefined): Promise<void> {
		const signal = options?.signal;
		let handedOver = false;
		const sent = this.#sends.take(signal === undefined ? encoded : abortable(encoded, signal), (message) => {
			throwIfAborted(signal);
			handedOver = true;
			return this.#stream.send(message, options);
		});
		if (signal === undefined) {
			return sent;
		}
		return new Promise((resolve, reject) => {
			const forget = onAbort(signal, () => {
				// From then on the stream below knows whether it was in time.
				if (!handedOver) {
					reject(reasonOf(signal));
				}
			});
			void sent.then(resolve, reject).then(forget);
		});
	}

	/** In the order in which the messages came, also if some take longer to check. */
	readonly #decode: Decode<T> = ((message: Uint8Array | null): T | null | Promise<T | null> => {
		if (this.#receives.waiting > 0) {
			return this.#receives.take(new Promise<T | null>((resolve) => resolve(message === null ? null : this.#coding.decode(message))), identity);
		}
		if (message === null) {
			return null;
		}
		const value = this.#coding.decode(message);
		return value instanceof Promise ? this.#receives.take(value, identity) : value;
	}) as Decode<T>;
}

interface Decode<T> {
	(message: Uint8Array): T | Promise<T>;
	(message: Uint8Array | null): T | null | Promise<T | null>;
}

function identity<V>(value: V): V {
	return value;
}

function isBroadcastStream(stream: BroadcastStream | AsyncIterable<unknown>): stream is BroadcastStream {
	return "send" in stream && "finish" in stream;
}

function isMessageStream(stream: MessageStream | AsyncIterable<unknown>): stream is MessageStream {
	return "send" in stream && "receive" in stream;
}
