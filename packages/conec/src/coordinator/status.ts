/**
 * What `status()` of a Coordinator tells.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import type { ConecError, ConecErrorCode } from "../errors.ts";
import type { HandlerFailed } from "../session/protocols/index.ts";
import type { StatusLagged } from "../session/status-feed.ts";
import type { SocketAddress } from "../transport/transport.ts";
import type { BroadcastStatus } from "./broadcast/index.ts";
import type { DefenceStatus } from "./defence/index.ts";
import type { ChannelStatus } from "./introduction/index.ts";
import type { ClientInfo } from "./sessions/index.ts";

/** An event of `coordinator.status()`. */
export type CoordinatorStatus =
	/** A Client has connected. */
	| { readonly type: "connected"; readonly client: ClientInfo }
	/** The connection of a Client has ended, as `info` says. */
	| { readonly type: "disconnected"; readonly id: string; readonly fingerprint: string; readonly info: CloseInfo }
	/** A Client was refused. `id` is the id that it asked for, and proves nothing. */
	| { readonly type: "refused"; readonly id: string; readonly address: SocketAddress; readonly code: ConecErrorCode; readonly reason: string }
	/** A member of a broadcast lags, or no longer does. */
	| BroadcastStatus
	/** The leases cannot be written to the state directory. The Coordinator goes on trying. Until it succeeds, a restart brings back the older leases. */
	| { readonly type: "state-unsaved"; readonly error: ConecError }
	/** The file system of the state directory has no sockets, so a second Coordinator on another machine may not be kept out. Every listener gets this first. */
	| { readonly type: "state-lock-weak"; readonly error: ConecError }
	/** A direct channel is up or down, or could not be made. */
	| ChannelStatus
	/** A handler of a protocol has failed. */
	| HandlerFailed
	/** The second UDP port cannot be bound, so Clients cannot learn how their NAT behaves. Every listener gets this first. */
	| { readonly type: "nat-test-unavailable"; readonly error: ConecError }
	/** What was refused, slowed, reset and evicted because it was too much, and for whom. */
	| DefenceStatus
	/** This listener read too slowly, and has lost events. */
	| StatusLagged;
