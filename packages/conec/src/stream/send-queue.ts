/**
 * Messages on their way out, and the calls of `send` that wait for room.
 *
 * @module
 */

import { isBytes } from "../base/bytes.ts";
import { Fifo } from "../base/fifo.ts";
import { onAbort, reasonOf } from "../base/signals.ts";
import { argumentError, ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { encodeText, keepable } from "./text-bytes.ts";

/** What a queue needs of the stream it belongs to. */
export interface SendHost {
	/** Writes a message, and gives the bytes now queued below, or -1 when it cannot go now; then {@link SendQueue.drained} is called when it may. */
	write(message: Uint8Array): number;
	/** Bytes queued below. */
	readonly queuedBytes: number;
	/** The longest message that the other side takes. It can become less. */
	readonly messageBytes: number;
	/** Every waiting call has been served. Called only after there were some. */
	emptied(): void;
	/** For error messages: `stream 7 to "bob"`. */
	readonly describe: string;
}

/** A call of `send` that waits. */
interface WaitingSend {
	readonly bytes: Uint8Array;
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
	/** Its signal does not matter any more. */
	forget: (() => void) | undefined;
}

const SENT: Promise<void> = Promise.resolve();

/** Keeps calls in order and less than `limits.sendHighWaterBytes` plus one message in the queue below. */
export class SendQueue {
	readonly #host: SendHost;
	readonly #mostBytes: number;
	readonly #highWaterBytes: number;
	readonly #waitingSends: number;
	readonly #waiting: Fifo<WaitingSend> = new Fifo();
	/** What the transport had queued when last asked. It only shrinks without us, so below the mark means room. */
	#queuedBytes = 0;
	/** Why nothing more can be sent. */
	#error: ConecError | undefined = undefined;
	/** Makes {@link #error}. Most streams end and are sent nothing more, and an error with its trace costs as much as a message. */
	#newError: (() => ConecError) | undefined = undefined;

	constructor(host: SendHost, limits: Limits) {
		this.#host = host;
		this.#mostBytes = limits.messageBytes;
		this.#highWaterBytes = limits.sendHighWaterBytes;
		this.#waitingSends = limits.waitingSends;
	}

	/** Calls that wait. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/** Why sending has failed; `undefined`: it has not. What {@link end} was given is no failure. */
	get failure(): ConecError | undefined {
		return this.#error;
	}

	/** See `MessageStream.send`. */
	send(message: Uint8Array | string, signal: AbortSignal | undefined): Promise<void> {
		if (signal?.aborted) {
			return Promise.reject(reasonOf(signal));
		}
		let bytes: Uint8Array;
		try {
			bytes = this.#admit(message);
		} catch (error) {
			return Promise.reject(error);
		}
		if (this.#write(bytes)) {
			return SENT;
		}
		if (this.#waiting.length >= this.#waitingSends) {
			return Promise.reject(new ConecError("QUEUE_FULL", `Cannot send on ${this.#host.describe}: ${this.#waiting.length} calls wait already. Await each send`));
		}
		return this.#wait(bytes, signal);
	}

	/** See `MessageStream.trySend`. */
	trySend(message: Uint8Array | string): boolean {
		return this.#write(this.#admit(message));
	}

	/** The transport has room again. */
	drained(): void {
		this.#queuedBytes = this.#host.queuedBytes;
		if (this.#waiting.length === 0) {
			return;
		}
		while (this.#waiting.length > 0 && this.#queuedBytes < this.#highWaterBytes) {
			const { bytes } = this.#waiting.peek() as WaitingSend;
			if (bytes.length > this.#longest) {
				// The other side has said meanwhile that it takes less.
				const refused = this.#waiting.shift() as WaitingSend;
				refused.forget?.();
				refused.reject(this.#tooLong());
				continue;
			}
			const queuedBytes = this.#host.write(bytes);
			if (queuedBytes < 0) {
				// There is no room for it, or this direction is over. The host says so when it changes.
				return;
			}
			this.#queuedBytes = queuedBytes;
			const served = this.#waiting.shift() as WaitingSend;
			served.forget?.();
			served.resolve();
		}
		if (this.#waiting.length === 0) {
			this.#host.emptied();
		}
	}

	/** Later calls reject with what `newError` makes, once; those that wait are still served. The first error stays. */
	end(newError: () => ConecError): void {
		this.#newError ??= newError;
	}

	/** All calls reject with `error`, those that wait too. */
	fail(error: ConecError): void {
		this.#error = error;
		for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
			next.forget?.();
			next.reject(error);
		}
	}

	/** The bytes of a message that may be sent; throws otherwise. Those of a text are to be written, or copied, before the next call. */
	#admit(message: Uint8Array | string): Uint8Array {
		this.#error ??= this.#newError?.();
		if (this.#error !== undefined) {
			throw this.#error;
		}
		if (isBytes(message) && message.length <= this.#mostBytes && message.length <= this.#host.messageBytes) return message;
		// A string has at least as many bytes as units: so the longest ones are not even encoded.
		if (typeof message === "string" && message.length <= this.#mostBytes) {
			return this.#fitting(encodeText(message));
		}
		if (typeof message !== "string" && !isBytes(message)) {
			throw argumentError("type", "OPTION_INVALID", "A message must be a Uint8Array or a string");
		}
		return this.#fitting(message as Uint8Array);
	}

	#fitting(message: Uint8Array): Uint8Array {
		if (message.length > this.#longest) throw this.#tooLong();
		return message;
	}

	get #longest(): number {
		return Math.min(this.#mostBytes, this.#host.messageBytes);
	}

	#tooLong(): ConecError {
		return new ConecError("MESSAGE_TOO_LONG", `Cannot send on ${this.#host.describe}: the message is longer than ${this.#longest} bytes. Send it in parts`);
	}

	/** Queues a message if it is its turn and there is room. */
	#write(bytes: Uint8Array): boolean {
		if (this.#waiting.length > 0) {
			return false;
		}
		if (this.#queuedBytes >= this.#highWaterBytes) {
			this.#queuedBytes = this.#host.queuedBytes;
			if (this.#queuedBytes >= this.#highWaterBytes) {
				return false;
			}
		}
		const queuedBytes = this.#host.write(bytes);
		if (queuedBytes < 0) {
			return false;
		}
		this.#queuedBytes = queuedBytes;
		return true;
	}

	#wait(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
		return new Promise((resolve, reject) => {
			const call: WaitingSend = { bytes: keepable(bytes), resolve, reject, forget: undefined };
			this.#waiting.push(call);
			if (signal === undefined) return;
			call.forget = onAbort(signal, () => {
				this.#waiting.remove(call);
				reject(reasonOf(signal));
				if (this.#waiting.length === 0) {
					this.#host.emptied();
				}
			});
		});
	}
}
