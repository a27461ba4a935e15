/**
 * A stream of messages or values as a pair of Web Streams. Neither buffers beside the queues that the stream has anyway.
 *
 * @module
 */

import type { MessageStream } from "./message-stream.ts";

/** What comes on `stream`, each pulled when it is asked for. */
export function readableOf<T>(stream: Pick<MessageStream, "stop"> & AsyncIterable<T>): ReadableStream<T> {
	const messages = stream[Symbol.asyncIterator]();
	return new ReadableStream<T>(
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
export function writableOf<T>(stream: Pick<MessageStream, "close" | "reset"> & { send(value: T): Promise<void> }): WritableStream<T> {
	return new WritableStream<T>({
		write: (chunk) => stream.send(chunk),
		close: () => stream.close(),
		abort: () => stream.reset(0),
	});
}
