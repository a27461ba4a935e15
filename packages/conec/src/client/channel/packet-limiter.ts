/**
 * A Client's own last line of defence against being made to flood somebody, whatever a Coordinator grants.
 *
 * @module
 */

/** Options of a {@link PacketLimiter}. */
export interface PacketLimiterOptions {
	/** Packets to one IP address in any 60 s. */
	readonly packetsPerMinute: number;
	/** IP addresses that are counted at once; beyond that a new one gets nothing. @default 1_024 */
	readonly addresses?: number;
}

/**
 * Counts raw datagrams over all attempts. The caller asks it about every one that goes to an IP address other than the
 * granted reflexive one of a live attempt.
 */
export class PacketLimiter {
	readonly #packetsPerMinute: number;
	readonly #addresses: number;
	/** Times of the last packets, oldest first, by IP address. */
	readonly #sent: Map<string, number[]> = new Map();

	constructor(options: PacketLimiterOptions) {
		this.#packetsPerMinute = options.packetsPerMinute;
		this.#addresses = options.addresses ?? 1024;
	}

	/** Whether one more packet may go to this IP address now; if so, it is counted. */
	take(now: number, address: string): boolean {
		const times = this.#sent.get(address);
		if (times === undefined) {
			if (this.#sent.size >= this.#addresses) this.#forgetOld(now);
			if (this.#sent.size >= this.#addresses || this.#packetsPerMinute < 1) return false;
			this.#sent.set(address, [now]);
			return true;
		}
		const firstLive = times.findIndex((time) => time > now - WINDOW_MS);
		times.splice(0, firstLive === -1 ? times.length : firstLive);
		if (times.length >= this.#packetsPerMinute) return false;
		times.push(now);
		return true;
	}

	#forgetOld(now: number): void {
		for (const [address, times] of this.#sent) {
			if ((times.at(-1) ?? Number.NEGATIVE_INFINITY) <= now - WINDOW_MS) this.#sent.delete(address);
		}
	}
}

const WINDOW_MS = 60_000;
