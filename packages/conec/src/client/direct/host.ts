/**
 * What a Client lends to its direct channels.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import type { Random } from "../../base/random.ts";
import type { ClientLimits } from "../../limits.ts";
import type { Survivors } from "../../session/resumption/index.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import type { StreamBudgets } from "../../stream/flow.ts";
import type { LocalIdentity } from "../../tls/identity.ts";
import type { AcceptOptions, IncomingStream, SocketAddress, Transport, TransportFactory, TransportOptions } from "../../transport/transport.ts";
import type { WirePeer } from "../../wire/fields.ts";
import type { DirectChannel } from "../channel/index.ts";
import type { OwnNetwork } from "../network/index.ts";
import type { CoordinatorLink } from "../uplink/index.ts";

/** A direct channel to `peer` is up, after an attempt that took `durationMs`, or has ended as `info` says. */
export type ClientChannelStatus =
	| { readonly type: "channel"; readonly peer: string; readonly state: "up"; readonly address: SocketAddress; readonly durationMs: number }
	| { readonly type: "channel"; readonly peer: string; readonly state: "down"; readonly info: CloseInfo };

/** Hears what becomes of channels. */
export interface ChannelWatcher {
	/** One is up. */
	up(channel: DirectChannel): void;
	/** Nothing comes back on it, or something does again. */
	stalled(channel: DirectChannel): void;
	/** It takes no more streams. Those that can go elsewhere still have a moment. */
	leaving(channel: DirectChannel): void;
	/** It is over. `broken`: nobody wanted that. */
	over(channel: DirectChannel, livedMs: number, broken: boolean): void;
	/** No channels come about any more. */
	end(): void;
}

/** Options that concern direct channels. */
export interface DirectOptions {
	/** Whether peers may open channels to this Client. */
	readonly listen: boolean;
	/** Whether this Client sends probes. */
	readonly holePunching: boolean;
	/** Whether it takes part in the birthday method. */
	readonly birthday: boolean;
	/** Authorities that peers' certificates must come from. */
	readonly peerRoots: readonly Uint8Array[] | undefined;
	/** End a channel when the peer's certificate expires; only where there are authorities for it, as dates do not count otherwise. */
	readonly endAtExpiry: boolean;
	readonly retry: AcceptOptions["retry"];
	readonly keyLog: boolean;
	readonly keepAliveIntervalMs: number;
}

/** See the module. */
export interface DirectHost extends DirectOptions {
	readonly id: string;
	readonly identity: LocalIdentity;
	readonly limits: ClientLimits;
	readonly ids: StreamIds;
	/** What all streams of the Client share. @default those of one channel share it with each other only */
	readonly budgets?: StreamBudgets;
	/** @default no stream survives the loss of its channel */
	readonly survivors?: Survivors;
	readonly clock: Clock;
	/** @default the machine's */
	readonly random?: Random;
	readonly transport: Transport;
	readonly createTransport: TransportFactory;
	readonly transportOptions: TransportOptions;
	readonly network: OwnNetwork;
	/** The link to the Coordinator while it lives. */
	link(): CoordinatorLink | undefined;
	/** The application's word on a peer that wants a channel. Never rejects. */
	consents(peer: WirePeer): Promise<boolean>;
	/** A peer has opened a stream on a channel. */
	onStream(incoming: IncomingStream, channel: DirectChannel): void;
	emit(status: ClientChannelStatus): void;
	/** A channel or an attempt is over. */
	lessLeft(): void;
}
