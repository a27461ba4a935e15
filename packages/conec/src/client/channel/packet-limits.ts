/**
 * What a Client lets itself send beside QUIC, whatever its Coordinator grants.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { ClientLimits } from "../../limits.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import type { PunchPlan } from "../punch/index.ts";
import { BIRTHDAY_PROBES } from "../punch/index.ts";
import { PacketLimiter } from "./packet-limiter.ts";
import { isLoopback } from "./peer-addresses.ts";

/** See the module. */
export class OwnPacketLimits {
	/** Of packets to addresses that a peer claims. */
	readonly claimed: PacketLimiter;
	/** Of packets to addresses at which the Coordinator sees a peer. */
	readonly #reflexive: PacketLimiter;
	/** The same in attempts by the birthday method. */
	readonly #birthday: PacketLimiter;
	readonly #clock: Clock;

	constructor(limits: ClientLimits, clock: Clock) {
		this.claimed = new PacketLimiter({ packetsPerMinute: limits.punchPacketsPerMinute });
		this.#reflexive = new PacketLimiter({ packetsPerMinute: limits.punchReflexivePerMinute });
		this.#birthday = new PacketLimiter({ packetsPerMinute: limits.birthdayPerMinute * (BIRTHDAY_PROBES + limits.punchPacketsPerAttempt) });
		this.#clock = clock;
	}

	/** For one attempt: whether one more datagram may go to an address; counts it. */
	allow({ candidates, birthday }: PunchPlan, coordinator: SocketAddress | undefined): (to: SocketAddress) => boolean {
		const reflexive = new Set(candidates.filter(({ kind }) => kind === "reflexive").map(({ address }) => address));
		return (to) => {
			if (coordinator?.address === to.address && coordinator.port === to.port) return false;
			if (!reflexive.has(to.address)) return this.claimed.take(this.#clock.now(), to.address);
			return isLoopback(to) || (birthday === undefined ? this.#reflexive : this.#birthday).take(this.#clock.now(), to.address);
		};
	}
}
