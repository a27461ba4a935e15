/**
 * The direct channels that a Client has.
 *
 * @module
 */

import type { DirectChannel } from "../channel/index.ts";

/** At most one to each peer takes streams; others are on their way down. */
export class ChannelSet {
	/** By peer: take streams. */
	readonly #open: Map<string, DirectChannel> = new Map();
	/** Those, and others that are being closed. */
	readonly #all: Set<DirectChannel> = new Set();

	/** All of them, also those that are being closed. */
	get all(): ReadonlySet<DirectChannel> {
		return this.#all;
	}

	/** Everything that is kept, for tests. */
	get size(): number {
		return this.#open.size + this.#all.size;
	}

	/** Those that take streams. */
	open(): DirectChannel[] {
		return [...this.#open.values()];
	}

	/** Whom there is a channel to that takes streams, and their keys. */
	keys(): (readonly [peer: string, fingerprint: string])[] {
		return Array.from(this.#open.values(), ({ peer, fingerprint }) => [peer, fingerprint] as const);
	}

	/** The one to a peer that takes streams. */
	find(peer: string): DirectChannel | undefined {
		return this.#open.get(peer);
	}

	/** All with a peer. */
	with(peer: string): DirectChannel[] {
		return [...this.#all].filter((channel) => channel.peer === peer);
	}

	/** Whether one to that peer is on its way down. Asked for each peer that is kept in mind. */
	closing(peer: string): boolean {
		return this.#all.size > this.#open.size && this.with(peer).length > 0;
	}

	/** It is up, and takes the place of the one that is given back. */
	add(channel: DirectChannel): DirectChannel | undefined {
		const before = this.#open.get(channel.peer);
		this.#open.set(channel.peer, channel);
		this.#all.add(channel);
		return before;
	}

	/** It takes no more streams. False: another has its place already. */
	leaving(channel: DirectChannel): boolean {
		return this.#open.get(channel.peer) === channel && this.#open.delete(channel.peer);
	}

	/** It is over. */
	delete(channel: DirectChannel): void {
		this.#all.delete(channel);
	}
}
