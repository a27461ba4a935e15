/**
 * Who acknowledges nothing of what is sent to it. Pure.
 *
 * @module
 */

import type { ConnectionHeld } from "../../transport/transport.ts";

/** Less than that may wait for the other side's next packet. */
const LEAST_BYTES = 65_536;

/** See the module. */
export class Stalls<P extends object> {
	#since: Map<P, { readonly acknowledgedBytes: number; readonly sinceMs: number }> = new Map();

	#lookedMs: number;

	constructor(nowMs: number) {
		this.#lookedMs = nowMs;
	}

	/** What is held now. Those that are not named hold next to nothing. */
	look(held: Iterable<readonly [P, ConnectionHeld]>, nowMs: number): void {
		const since = new Map<P, { readonly acknowledgedBytes: number; readonly sinceMs: number }>();
		for (const [party, { unsentBytes, acknowledgedBytes }] of held) {
			if (unsentBytes < LEAST_BYTES) continue;
			const before = this.#since.get(party);
			// Of a new one nothing is known since the last look.
			if (before === undefined) since.set(party, { acknowledgedBytes, sinceMs: this.#lookedMs });
			else since.set(party, before.acknowledgedBytes === acknowledgedBytes ? before : { acknowledgedBytes, sinceMs: nowMs });
		}
		this.#since = since;
		this.#lookedMs = nowMs;
	}

	/** How long it has acknowledged nothing, as far as was looked. 0: it does, or holds little. */
	stalledMs(party: P, nowMs: number): number {
		return nowMs - (this.#since.get(party)?.sinceMs ?? nowMs);
	}
}
