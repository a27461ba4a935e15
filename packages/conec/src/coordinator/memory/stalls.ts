/**
 * Who acknowledges nothing of what is sent to it. Pure.
 *
 * @module
 */

import type { ConnectionHeld } from "../../transport/transport.ts";

/** So long nothing must have been acknowledged. */
export const STALLED_MS: number = 5_000;
/** Less than that may wait for the other side's next packet. */
const LEAST_BYTES = 65_536;

/** See the module. */
export class Stalls<P extends object> {
	#since: Map<P, { readonly acknowledgedBytes: number; readonly sinceMs: number }> = new Map();

	/** What is held now. Those that are not named hold next to nothing. */
	look(held: Iterable<readonly [P, ConnectionHeld]>, nowMs: number): void {
		const since = new Map<P, { readonly acknowledgedBytes: number; readonly sinceMs: number }>();
		for (const [party, { unsentBytes, acknowledgedBytes }] of held) {
			if (unsentBytes < LEAST_BYTES) continue;
			const before = this.#since.get(party);
			since.set(party, before?.acknowledgedBytes === acknowledgedBytes ? before : { acknowledgedBytes, sinceMs: nowMs });
		}
		this.#since = since;
	}

	/** Whether it has acknowledged nothing for {@link STALLED_MS}. */
	isStalled(party: P, nowMs: number): boolean {
		const stall = this.#since.get(party);
		return stall !== undefined && nowMs - stall.sinceMs >= STALLED_MS;
	}
}
