/**
 * How many raw datagrams one attempt may still send to each IP address.
 *
 * @module
 */

import type { ChannelCandidate, SentPackets } from "../../wire/channel-messages.ts";

interface Grant {
	readonly packets: number;
	/** The part that is kept for answers and for what the peer's packets ask for. */
	readonly reserved: number;
	sent: number;
}

/** The grants of one attempt. An address that no candidate names has no grant. */
export class PacketGrants {
	readonly #grants: Map<string, Grant> = new Map();

	constructor(candidates: readonly ChannelCandidate[]) {
		for (const { address, packets } of candidates) {
			// The grant is for the IP address. Two candidates with the same one share it.
			const most = Math.max(packets, this.#grants.get(address)?.packets ?? 0);
			this.#grants.set(address, { packets: most, reserved: Math.min(RESERVED_PACKETS, Math.floor(most / 2)), sent: 0 });
		}
	}

	/** Whether this IP address has a grant. */
	has(address: string): boolean {
		return this.#grants.has(address);
	}

	/** How many more packets that nobody has asked for may go there. */
	left(address: string): number {
		const grant = this.#grants.get(address);
		return grant === undefined ? 0 : Math.max(0, grant.packets - grant.reserved - grant.sent);
	}

	/** How much has been taken, by IP address. */
	sent(): SentPackets[] {
		return [...this.#grants].map(([address, { sent }]) => ({ address, packets: sent }));
	}

	/** Takes packets, all or none. `unasked`: they do not reply to a packet of the peer, so they may not use the part that is kept for replies. */
	take(address: string, unasked: boolean, packets: number = 1): boolean {
		const grant = this.#grants.get(address);
		if (grant === undefined || grant.sent + packets > grant.packets - (unasked ? grant.reserved : 0)) return false;
		grant.sent += packets;
		return true;
	}
}

const RESERVED_PACKETS = 12;
