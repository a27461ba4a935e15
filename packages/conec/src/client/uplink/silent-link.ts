/**
 * Asks the Coordinator when a link that streams use hears nothing. QUIC waits twice as long with each probe, so after a network was gone for
 * five seconds, streams would go on four seconds late. There is no event for silence: a link in use is looked at twice a second.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { StallWatch } from "../../base/stall.ts";
import type { TransportConnection } from "../../transport/transport.ts";

/** What a {@link SilentLink} needs. */
export interface SilentLinkParts {
	readonly clock: Clock;
	readonly connection: Pick<TransportConnection, "stats">;
	/** Live streams that belong to the link. Others may use it too. */
	readonly streams: { readonly size: number };
	/** Says something that the Coordinator itself answers, so that it sends, too. */
	readonly poke: () => void;
	/** Says something that its machine acknowledges. */
	readonly keepAlive: () => void;
}

/** See the module. One for each link. */
export class SilentLink {
	readonly #parts: SilentLinkParts;
	readonly #watch: StallWatch = new StallWatch();
	#timer: unknown;
	#bytes = 0;
	/** Looks since something came or went. */
	#quiet = 0;
	#pokedMs = Number.NEGATIVE_INFINITY;
	#over = false;

	constructor(parts: SilentLinkParts) {
		this.#parts = parts;
	}

	/** A stream uses the link. */
	used(): void {
		this.#quiet = 0;
		if (this.#timer === undefined && !this.#over) this.#wait();
	}

	/** The link is over. */
	end(): void {
		this.#over = true;
		this.#parts.clock.clearTimeout(this.#timer);
	}

	#wait(): void {
		this.#timer = this.#parts.clock.setTimeout(() => this.#look(), LOOK_MS);
	}

	#look(): void {
		const { clock, connection, streams, poke, keepAlive } = this.#parts;
		this.#timer = undefined;
		if (this.#over) return;
		const nowMs = clock.now();
		const { sentBytes, receivedBytes, silentMs, rttMs } = connection.stats();
		const isQuiet = sentBytes + receivedBytes === this.#bytes;
		this.#bytes = sentBytes + receivedBytes;
		this.#quiet = isQuiet ? this.#quiet + 1 : 0;
		const act = this.#watch.look(nowMs, { sentBytes, receivedBytes, silentMs, rttMs, asks: true });
		// After a longer silence nothing was under way.
		if (act === "ask" && silentMs > 2 * POKE_GAP_MS) keepAlive();
		else if (act !== "fine" && nowMs >= this.#pokedMs + POKE_GAP_MS) {
			this.#pokedMs = nowMs;
			poke();
		}
		// While something is owed, the watch goes on.
		if (streams.size > 0 || act !== "fine" || this.#quiet < QUIET_LOOKS) this.#wait();
	}
}

const LOOK_MS = 500;
const POKE_GAP_MS = 900;
const QUIET_LOOKS = 5;
