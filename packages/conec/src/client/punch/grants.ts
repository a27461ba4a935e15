/**
 * How many raw datagrams one attempt may still send to each IP address.
 *
 * @module
 */

import type { ChannelCandidate, SentPackets } from "../../wire/channel-messages.ts";

interface Grant {
	readonly packets: number;
	/** Kept for answers and for what the peer's packets ask for. */
	readonly reserved: number;
	sent: number;
}

/** The grants of one attempt. An address that no candidate names has none. */
export class PacketGrants {
	readonly #grants: Map<string, Grant> = new Map();

	constructor(candidates: readonly ChannelCandidate[]) {
		for (const { address, packets } of candidates) {
			// The grant is for the IP address: two candidates with one do not have two.
			const most = Math.max(packets, this.#grants.get(address)?.packets ?? 0);
			this.#grants.set(address, { packets: most, reserved: Math.min(RESERVED_PACKETS, Math.floor(most / 2)), sent: 0 });
		}
	}

	/** Whether anything at all may go to this IP address. */
	has(address: string): boolean {
		return this.#grants.has(address);
	}

	/** What has been taken so far, by IP address. */
	sent(): SentPackets[] {
		return [...this.#grants].map(([address, { sent }]) => ({ address, packets: sent }));
	}

	/** Takes packets, all or none. `unasked`: not in reply to a packet of the peer, so a part of the grant is not for it. */
	take(address: string, unasked: boolean, packets: number = 1): boolean {
		const grant = this.#grants.get(address);
		if (grant === undefined || grant.sent + packets > grant.packets - (unasked ? grant.reserved : 0)) return false;
		grant.sent += packets;
		return true;
	}
}

const RESERVED_PACKETS = 12;
