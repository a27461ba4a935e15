/**
 * Somebody who sends back what comes.
 *
 * @module
 */

import type { MessageStream } from "../src/stream/message-stream.ts";

/** Echoes everything on every stream that comes to a Client or Coordinator, as a bystander that must not notice anything. It ends with its owner. */
export function echo({ incomingStreams }: { readonly incomingStreams: AsyncIterable<MessageStream> }): void {
	void (async () => {
		for await (const stream of incomingStreams) echoStream(stream).catch(() => undefined);
	})().catch(() => undefined);
}

/** Sends back each message, and then the end. */
async function echoStream(stream: MessageStream): Promise<void> {
	for await (const message of stream) await stream.send(message);
	await stream.close();
}
