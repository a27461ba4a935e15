/**
 * Streams of values instead of bytes.
 *
 * @module
 */

import { abortable, within } from "../../base/signals.ts";
import { Turns } from "../../base/turns.ts";
import { argumentError, ConecError } from "../../errors.ts";
import type { JsonValue } from "../../wire/json.ts";
import type { BroadcastEvent, BroadcastStream } from "../broadcast-stream.ts";
import type { CloseInfo } from "../close-info.ts";
import type { MessageStream } from "../message-stream.ts";
import { readableOf, writableOf } from "../web-streams.ts";
import type { Codec } from "./codec.ts";
import { Coding } from "./coding.ts";
import type { NonBlockingItem } from "./non-blocking.ts";
import { TypedBroadcast, type TypedBroadcastStream } from "./typed-broadcast.ts";
import type { TypedBroadcastEvent } from "./typed-event.ts";
import { TypedIterator, typedItems } from "./typed-iterator.ts";

/**
 * A {@link MessageStream} of values: the same promises, but that messages are `T`. `Sent` differs from `T` only where a schema
 * transforms.
 *
 * It keeps nothing of its own, so the stream below may be used beside it.
 */
export interface TypedStream<T, Sent = T>
	extends Pick<MessageStream, "peer" | "id" | "path" | "metadata" | "protocol" | "close" | "reset" | "stop" | "closed">,
		AsyncIterable<T>,
		AsyncDisposable {
	/**
	 * As `MessageStream.send`. Values go in the order of the calls, also while a schema checks asynchronously; until it has
	 * resolved the value must not change.
	 *
	 * Rejects with a `TypeError` with `ENCODE_FAILED`, and `cause`, if the schema or the codec refuses the value: then nothing
	 * was sent and the stream goes on. `QUEUE_FULL` also when 1_024 calls wait for their schema.
	 */
	send(value: Sent, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/** As `MessageStream.trySend`; also false while earlier values are being checked. Throws `ENCODE_FAILED` too, and always if the schema checks asynchronously. */
	trySend(value: Sent): boolean;
	/**
	 * As `MessageStream.receive`; where `T` has a `null` of its own, `for await` tells it from the end.
	 *
	 * Rejects with `DECODE_FAILED`, and `cause`, if the codec or the schema refuses the message. That message is gone and the
	 * stream goes on: the next call gives the next one. Aborting ends waiting for a message, not checking it, so none is lost.
	 */
	receive(options?: { readonly signal?: AbortSignal }): Promise<T | null>;
	/** `for await` throws `DECODE_FAILED` like any error; another `for await`, or the same iterator's `next`, goes on with the next message. */
	[Symbol.asyncIterator](): AsyncIterator<T, undefined>;
	/** As `MessageStream.readable`, of values. `DECODE_FAILED` ends it, as every error does with Web Streams. */
	readonly readable: ReadableStream<T>;
	/** As `MessageStream.writable`, of values. `ENCODE_FAILED` ends it. */
	readonly writable: WritableStream<Sent>;
}

/**
 * Wraps a stream, a broadcast, or what `nonBlocking` made of one, so that it carries values: `codec` makes messages of them and
 * values of messages, and its schema, if any, checks both ways. See docs/adapters.md.
 *
 * Throws `TypeError` with `OPTION_INVALID` if one of them is not what it should be.
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
		throw argumentError("type", "OPTION_INVALID", "Only a MessageStream, a BroadcastStream or a nonBlocking can be typed");
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
			return Promise.reject(options.signal.reason);
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
			throw this.#coding.unsendable("its schema checks asynchronously, so that only send can wait for it");
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
			return Promise.reject(signal.reason);
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
		return new TypedIterator<T>(this.#stream, this.#decode);
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
			signal?.throwIfAborted();
			handedOver = true;
			return this.#stream.send(message, options);
		});
		if (signal === undefined) {
			return sent;
		}
		return new Promise((resolve, reject) => {
			const onAbort = (): void => {
				// From then on the stream below knows whether it was in time.
				if (!handedOver) {
					reject(signal.reason);
				}
			};
			signal.addEventListener("abort", onAbort, { once: true });
			void sent.then(resolve, reject).then(() => signal.removeEventListener("abort", onAbort));
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
