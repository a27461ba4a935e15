/**
 * What a Coordinator tells those who listen to its status.
 *
 * @module
 */

import type { ConecError, ConecErrorCode } from "../errors.ts";
import type { HandlerFailed } from "../session/protocols/index.ts";
import type { StatusLagged } from "../session/status-feed.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { SocketAddress } from "../transport/transport.ts";
import type { BroadcastStatus } from "./broadcast/index.ts";
import type { ChannelStatus } from "./introduction/index.ts";
import type { ClientInfo } from "./sessions/index.ts";

/** What happens at a Coordinator. */
export type CoordinatorStatus =
	/** A Client is connected. */
	| { readonly type: "connected"; readonly client: ClientInfo }
	/** It is not any more. */
	| { readonly type: "disconnected"; readonly id: string; readonly fingerprint: string; readonly info: CloseInfo }
	/** A Client was told no. `id` is what it asked for, which may be anybody's. */
	| { readonly type: "refused"; readonly id: string; readonly address: SocketAddress; readonly code: ConecErrorCode; readonly reason: string }
	| BroadcastStatus
	/** The leases cannot be written to the state directory: after a restart they are as they were before. Writing goes on being tried. */
	| { readonly type: "state-unsaved"; readonly error: ConecError }
	/** The file system of the state directory has no sockets, so that a second Coordinator elsewhere is not kept out for certain. Said first to every listener. */
	| { readonly type: "state-lock-weak"; readonly error: ConecError }
	/** A direct channel is up or down, or could not be made. */
	| ChannelStatus
	| HandlerFailed
	/** The second UDP port cannot be bound: Clients do not learn what their NAT does. Said first to every listener. */
	| { readonly type: "nat-test-unavailable"; readonly error: ConecError }
	/** This listener was too slow. */
	| StatusLagged;
