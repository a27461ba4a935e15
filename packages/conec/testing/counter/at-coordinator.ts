/** The counter at the Coordinator: all Clients add to one number, and all of them see it. */

import type { MessageStream } from "../../src/stream/message-stream.ts";
import { decodeCount, encodeCount } from "./wire.ts";

export class CounterAtCoordinator {
	#count = 0;
	readonly #streams: Set<MessageStream> = new Set();

	/** The handler of its protocol. The library bounds how many run. */
	async serve(stream: MessageStream): Promise<void> {
		this.#streams.add(stream);
		try {
			stream.trySend(encodeCount(this.#count));
			for await (const message of stream) {
				const added = decodeCount(message);
				if (added === undefined) return stream.reset();
				this.#count += added;
				// A Client that does not read misses numbers, and holds up nobody.
				for (const one of this.#streams) one.trySend(encodeCount(this.#count));
			}
		} finally {
			this.#streams.delete(stream);
		}
	}
}
