/**
 * Two ends of a `MessageStream` in memory with a bounded window, for tests of what runs on top of streams.
 *
 * @module
 */

import { ConecError } from "../../packages/conec/src/errors.ts";
import type { CloseInfo, MessageStream } from "../../packages/conec/src/index.ts";

/** Bytes that one direction holds before `send` waits. */
const WINDOW_BYTES = 256 * 1_024;

/** A connected pair. */
export function streamPair(): [MessageStream, MessageStream] {
	const forward = new Direction();
	const backward = new Direction();
	return [endOf(forward, backward, "bob"), endOf(backward, forward, "alice")];
}

class Direction {
	readonly messages: Uint8Array[] = [];
	bytes = 0;
	ended = false;
	failure: ConecError | undefined;
	readonly #waiting = new Set<() => void>();

	changed(): void {
		for (const wake of this.#waiting) wake();
		this.#waiting.clear();
	}

	wait(): Promise<void> {
		return new Promise((resolve) => {
			this.#waiting.add(resolve);
		});
	}

	fail(error: ConecError): void {
		if (this.failure !== undefined) return;
		this.failure = error;
		this.messages.length = 0;
		this.changed();
	}
}

function endOf(out: Direction, incoming: Direction, peer: string): MessageStream {
	async function send(message: Uint8Array | string): Promise<void> {
		while (out.bytes >= WINDOW_BYTES && out.failure === undefined) await out.wait();
		if (out.failure !== undefined) throw out.failure;
		if (out.ended) throw new ConecError("STREAM_CLOSED", "Cannot send: this side has ended");
		const copy = typeof message === "string" ? new TextEncoder().encode(message) : message.slice();
		out.messages.push(copy);
		out.bytes += copy.length;
		out.changed();
	}
	async function receive(): Promise<Uint8Array | null> {
		for (;;) {
			if (incoming.failure !== undefined) throw incoming.failure;
			const message = incoming.messages.shift();
			if (message !== undefined) {
				incoming.bytes -= message.length;
				incoming.changed();
				return message;
			}
			if (incoming.ended) return null;
			await incoming.wait();
		}
	}
	async function close(): Promise<void> {
		out.ended = true;
		out.changed();
		while (out.messages.length > 0 && out.failure === undefined) await out.wait();
		if (out.failure !== undefined) throw out.failure;
	}
	const stream = {
		peer,
		id: 0,
		path: "proxied" as const,
		metadata: undefined,
		send,
		receive,
		close,
		trySend: (): boolean => false,
		reset: (code = 0) => out.fail(new ConecError("STREAM_RESET", "Cannot receive: the peer reset the stream", { closeCode: code })),
		stop: (code = 0) => incoming.fail(new ConecError("STREAM_STOPPED", "Cannot send: the peer stopped the stream", { closeCode: code })),
		closed: new Promise<CloseInfo>(() => {}),
		async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
			for (let message = await receive(); message !== null; message = await receive()) yield message;
		},
		[Symbol.asyncDispose]: close,
	};
	return stream as unknown as MessageStream;
}
