/**
 * A MessageStream as a pair of Web Streams. Neither buffers beside the queues that the stream has anyway.
 *
 * @module
 */

import type { MessageStream } from "./message-stream.ts";

/** The messages of `stream`, each pulled when it is asked for. */
export function readableOf(stream: Pick<MessageStream, "stop"> & AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
	const messages = stream[Symbol.asyncIterator]();
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				const next = await messages.next();
				if (next.done === true) {
					controller.close();
				} else {
					controller.enqueue(next.value);
				}
			},
			cancel() {
				stream.stop(0);
			},
		},
		{ highWaterMark: 0 },
	);
}

/** Sends every chunk on `stream`. */
export function writableOf(stream: Pick<MessageStream, "send" | "close" | "reset">): WritableStream<Uint8Array> {
	return new WritableStream<Uint8Array>({
		write: (chunk) => stream.send(chunk),
		close: () => stream.close(),
		abort: () => stream.reset(0),
	});
}
