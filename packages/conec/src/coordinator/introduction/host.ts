/**
 * What the Coordinator lends to its `Channels`, and hears of them.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import type { WireAddress } from "../../wire/fields.ts";
import type { Reflector } from "../addresses/index.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";

/** A direct channel between two Clients is up or down, or could not be made. */
export interface ChannelStatus {
	readonly type: "channel";
	/** The Client that asked for the channel, and the Client that it asked for. */
	readonly peers: readonly [requester: string, target: string];
	/** "up": the channel is up. "failed": it could not be made. "down": it was up and has ended. */
	readonly outcome: "up" | "failed" | "down";
	/** The target's address, as the Clients report it. */
	readonly address?: SocketAddress | undefined;
	/** The round-trip time of the channel in milliseconds, as the Clients report it. */
	readonly rttMs?: number | undefined;
	/** Why it failed or ended. A Client may have written it, so it is untrusted. */
	readonly reason?: string | undefined;
}

/** What the Coordinator lends to `Channels`. */
export interface IntroductionsHost {
	readonly limits: CoordinatorLimits;
	readonly clock: Clock;
	/** @default the machine's */
	readonly random?: Random;
	readonly find: (id: string) => Session | undefined;
	readonly closing: () => boolean;
	/** Whether a key is not welcome. */
	readonly denied: (fingerprint: string) => boolean;
	/** From the Coordinator's main socket. */
	readonly sendDatagram: (data: Uint8Array, to: SocketAddress) => boolean;
	/** Whether an address is a socket of the Coordinator. */
	readonly isOwn: (address: WireAddress) => boolean;
	/** The second port, if there is one. */
	readonly reflector: Reflector | undefined;
	readonly emit: (status: ChannelStatus) => void;
	/** Counts requests for which there was no room. */
	readonly defence: Pick<Defence, "count">;
}
