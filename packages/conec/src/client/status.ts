/**
 * What `status()` of a Client tells.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import type { HandlerFailed } from "../session/protocols/index.ts";
import type { ChangedStream } from "../session/resumption/index.ts";
import type { StatusLagged } from "../session/status-feed.ts";
import type { SocketAddress } from "../transport/transport.ts";
import type { ComeBack } from "../wire/come-back.ts";
import type { ClientChannelStatus } from "./direct/index.ts";
import type { PortMappingStatus } from "./port-mapping/index.ts";
import type { ClientConnected, ClientReconnecting } from "./uplink/index.ts";

/** An event of `client.status()`. */
export type ClientStatus =
	/** The Client is connected to the Coordinator at `coordinatorAddress`, which sees it at `observedAddress`. */
	| ClientConnected
	/** There is no connection to the Coordinator, and the next attempt is near. */
	| ClientReconnecting
	/** The Coordinator sees this Client at another address now. */
	| { readonly type: "moved"; readonly observedAddress: SocketAddress }
	/** The Coordinator is stopping, or sends this Client away, for `reason`. No more streams can be opened through it, and the connection ends within seconds. `comeBack` is there if it has said when and where to come back. */
	| { readonly type: "draining"; readonly reason: string; readonly comeBack?: ComeBack }
	/**
	 * The connection to the Coordinator has ended, as `info` says. Streams through it have failed. Direct channels go on. What follows is
	 * `reconnecting`, or the end of the Client. With `reconnect: false` it is the end, when the last direct channel has ended too.
	 */
	| { readonly type: "disconnected"; readonly info: CloseInfo }
	/** A direct channel is up, or has ended. */
	| ClientChannelStatus
	/** A resumable stream of this Client was suspended, is resumed, or has moved to another connection. It was `openedBy` this side or the peer. */
	| ({ readonly type: "stream" } & ChangedStream)
	/** A port mapping (option `portMapping`) has come about, is another one now, or has failed. After a failure it is tried again. */
	| PortMappingStatus
	/** A handler of a protocol has failed. */
	| HandlerFailed
	/** This listener read too slowly, and has lost events. */
	| StatusLagged;
