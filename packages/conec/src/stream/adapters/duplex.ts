/**
 * Streams as Node streams.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { argumentError, ConecError, isConecError } from "../../errors.ts";
import type { MessageStream } from "../message-stream.ts";
import { isTyped, type TypedStream } from "./typed.ts";

/** Bytes written at once travel in messages of at most this length. */
const PIECE_BYTES = 65_536;

/**
 * Makes a Node `Duplex` of a stream, for `pipeline`, `node:tls`, `node:http` and other code that takes one. From then on, only the
 * Duplex reads and writes the stream.
 *
 * - Of a {@link MessageStream} it carries bytes, all of them and in order. Message boundaries mean nothing: one write goes in messages of
 *   at most 64 KiB.
 * - Of a {@link TypedStream} it is in object mode, and each chunk is a value. In Node streams `null` is the end, so it is an error to
 *   receive `null` as a value.
 * - **Backpressure** is that of the stream: nothing is read ahead of the reader.
 * - **`end()`** is `close()`. "finish" says that everything is in the peer's process. The other direction goes on; set `allowHalfOpen`
 *   to false to end both.
 * - **`destroy()`** resets and stops with code 0 what is not over.
 * - **Errors** of the stream are emitted as "error" by the next write, or by the next read after the messages that came whole.
 *
 * @throws TypeError `OPTION_INVALID` if `stream` is neither of the two
 */
export function toDuplex<T, Sent>(stream: MessageStream | TypedStream<T, Sent>): Duplex {
	const given: Partial<MessageStream> | null | undefined = stream as Partial<MessageStream>;
	if (typeof given?.send !== "function" || typeof given.receive !== "function") {
		throw argumentError("type", "OPTION_INVALID", "Cannot make a Duplex: toDuplex takes a MessageStream or a TypedStream");
	}
	return isTyped(stream) ? new ValueDuplex(stream as TypedStream<unknown, unknown>) : new ByteDuplex(stream as MessageStream);
}

/** What both kinds have in common. */
abstract class StreamDuplex extends Duplex {
	readonly #stream: Pick<MessageStream, "close" | "reset" | "stop">;

	constructor(stream: Pick<MessageStream, "close" | "reset" | "stop">, objectMode: boolean) {
		// With a mark of 0, Node reads only when a reader waits. What it had read ahead would be lost when the stream fails.
		super({ objectMode, readableHighWaterMark: 0 });
		this.#stream = stream;
	}

	/** Pushes the next chunk, or `null`. */
	protected abstract pull(): Promise<void>;
	protected abstract transmit(chunk: unknown): Promise<void>;

	override _read(): void {
		this.pull().catch((error: Error) => this.destroy(error));
	}

	override _write(chunk: unknown, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
		this.transmit(chunk).then(() => callback(), callback);
	}

	override _final(callback: (error?: Error | null) => void): void {
		this.#stream.close().then(() => callback(), callback);
	}

	override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
		if (!this.writableFinished) {
			this.#stream.reset(0);
		}
		this.#stream.stop(0);
		callback(error);
	}
}

class ByteDuplex extends StreamDuplex {
	readonly #stream: MessageStream;
	#pieceBytes = PIECE_BYTES;

	constructor(stream: MessageStream) {
		super(stream, false);
		this.#stream = stream;
	}

	protected override async pull(): Promise<void> {
		let message = await this.#stream.receive();
		while (message?.length === 0) {
			message = await this.#stream.receive();
		}
		this.push(message);
	}

	protected override async transmit(chunk: Uint8Array): Promise<void> {
		for (let at = 0; at < chunk.length; ) {
			const piece = chunk.subarray(at, at + this.#pieceBytes);
			try {
				await this.#stream.send(piece);
				at += piece.length;
			} catch (error) {
				// `limits.messageBytes` may be less than a piece.
				if (!isConecError(error) || error.code !== "MESSAGE_TOO_LONG" || piece.length === 1) {
					throw error;
				}
				this.#pieceBytes = Math.ceil(piece.length / 2);
			}
		}
	}
}

class ValueDuplex extends StreamDuplex {
	readonly #values: AsyncIterator<unknown>;
	readonly #stream: TypedStream<unknown, unknown>;

	constructor(stream: TypedStream<unknown, unknown>) {
		super(stream, true);
		this.#stream = stream;
		this.#values = stream[Symbol.asyncIterator]();
	}

	protected override async pull(): Promise<void> {
		const next = await this.#values.next();
		if (next.done !== true && (next.value === null || next.value === undefined)) {
			throw new ConecError("DECODE_FAILED", `Cannot pass on ${next.value}: in a Duplex it means the end of the stream`);
		}
		this.push(next.done === true ? null : next.value);
	}

	protected override transmit(value: unknown): Promise<void> {
		return this.#stream.send(value);
	}
}
