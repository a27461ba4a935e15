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
import type { Session } from "../sessions/index.ts";

/** What became of an attempt, or of a channel. */
export interface ChannelStatus {
	readonly type: "channel";
	/** Who asked, and whom. */
	readonly peers: readonly [requester: string, target: string];
	/** `down`: a channel that was up has ended. */
	readonly outcome: "up" | "failed" | "down";
	/** As the Clients say: where the target is. */
	readonly address?: SocketAddress | undefined;
	readonly rttMs?: number | undefined;
	/** Untrusted. */
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
}
