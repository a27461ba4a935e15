/**
 * Watches the counters of live channels. There is no event for silence, so they are looked at, a few times a second while
 * there is a channel and not at all otherwise.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { DirectChannel } from "./channel.ts";
import { LinkWatch } from "./silence.ts";

/** See the module. */
export class LinkWatches {
	readonly #clock: Clock;
	readonly #suspect: (channel: DirectChannel) => void;
	readonly #watches: Map<DirectChannel, LinkWatch> = new Map();
	#timer: unknown;

	/** `suspect` is called for a channel that hears nothing back. */
	constructor(clock: Clock, suspect: (channel: DirectChannel) => void) {
		this.#clock = clock;
		this.#suspect = suspect;
	}

	/** Channels that are watched. */
	get size(): number {
		return this.#watches.size;
	}

	add(channel: DirectChannel): void {
		this.#watches.set(channel, new LinkWatch());
		this.#timer ??= this.#clock.setTimeout(() => this.#look(), LOOK_MS);
	}

	delete(channel: DirectChannel): void {
		this.#watches.delete(channel);
		if (this.#watches.size > 0) return;
		this.#clock.clearTimeout(this.#timer);
		this.#timer = undefined;
	}

	#look(): void {
		this.#timer = undefined;
		const now = this.#clock.now();
		for (const [channel, watch] of this.#watches) {
			const { sentBytes, receivedBytes, rttMs } = channel.stats();
			if (watch.sample(now, { sentBytes, receivedBytes, rttMs })) this.#suspect(channel);
		}
		if (this.#watches.size > 0) this.#timer ??= this.#clock.setTimeout(() => this.#look(), LOOK_MS);
	}
}

const LOOK_MS = 200;
