/**
 * The members of one broadcast that lag, as its senders are told.
 *
 * @module
 */

import { encodeBroadcastControl, LAGGING_LISTED } from "../../wire/broadcast.ts";
import { encodeFrame, FRAME } from "../../wire/frames.ts";

/** Counts by Client. Each Client is listed once, however many of its members lag. */
export class Laggards {
	readonly #counts: Map<string, number> = new Map();

	/** One more member of the Client lags. */
	add(id: string): void {
		this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
	}

	/** A member of the Client no longer lags. */
	remove(id: string): void {
		const left = (this.#counts.get(id) ?? 1) - 1;
		if (left > 0) this.#counts.set(id, left);
		else this.#counts.delete(id);
	}

	/** Ids of the Clients, as many as may be listed. */
	listed(): string[] {
		const ids: string[] = [];
		for (const id of this.#counts.keys()) {
			if (ids.length === LAGGING_LISTED) break;
			ids.push(id);
		}
		return ids;
	}

	/** The whole frame that tells senders. */
	encodeNotice(): Uint8Array {
		return encodeFrame(FRAME.CONTROL, encodeBroadcastControl({ type: "lag", lagging: this.listed(), total: this.#counts.size }));
	}
}
