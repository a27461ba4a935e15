/**
 * Who lags in one broadcast, as its senders are told.
 *
 * @module
 */

import { encodeBroadcastControl, LAGGING_LISTED } from "../../wire/broadcast.ts";
import { encodeFrame, FRAME } from "../../wire/frames.ts";

/** Counts by Client: each is listed once, however many of its members lag. */
export class Laggards {
	readonly #counts: Map<string, number> = new Map();

	/** One more member of that Client lags. */
	add(id: string): void {
		this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
	}

	/** One does not any more. */
	remove(id: string): void {
		const left = (this.#counts.get(id) ?? 1) - 1;
		if (left > 0) this.#counts.set(id, left);
		else this.#counts.delete(id);
	}

	/** Ids, as many as may be listed. */
	listed(): string[] {
		const ids: string[] = [];
		for (const id of this.#counts.keys()) {
			if (ids.length === LAGGING_LISTED) break;
			ids.push(id);
		}
		return ids;
	}

	/** The whole frame that tells it. */
	encodeNotice(): Uint8Array {
		return encodeFrame(FRAME.CONTROL, encodeBroadcastControl({ type: "lag", lagging: this.listed(), total: this.#counts.size }));
	}
}
