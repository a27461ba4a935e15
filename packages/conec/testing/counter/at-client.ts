/** The counter at a Client. Its stream belongs to one link, so each link gets a new one. */

import type { CoordinatorLink, LinkService } from "../../src/client/uplink/index.ts";
import type { MessageStream } from "../../src/stream/message-stream.ts";
import { COUNTER_PROTOCOL, decodeCount, encodeCount } from "./wire.ts";

export class CounterAtClient implements LinkService {
	/** As the Coordinator has said it last. `undefined`: there is no link, or it has not said it yet. */
	count: number | undefined = undefined;
	#stream: MessageStream | undefined = undefined;

	up(link: CoordinatorLink): void {
		link.openStream(null, { protocol: COUNTER_PROTOCOL }).then(
			(stream) => this.#follow(stream),
			// The link is down again, or the Coordinator has no counter.
			() => undefined,
		);
	}

	down(): void {
		this.#stream = undefined;
		this.count = undefined;
	}

	/** False: there is no Coordinator that counts. */
	add(count: number): boolean {
		return this.#stream?.trySend(encodeCount(count)) ?? false;
	}

	async #follow(stream: MessageStream): Promise<void> {
		this.#stream = stream;
		try {
			for await (const message of stream) if (this.#stream === stream) this.count = decodeCount(message);
		} catch {
			// The stream has ended with its link, and the next one brings another.
		}
	}
}
