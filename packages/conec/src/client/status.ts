/**
 * What a Client tells those who listen to its status.
 *
 * @module
 */

import type { HandlerFailed } from "../session/protocols/index.ts";
import type { StatusLagged } from "../session/status-feed.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { SocketAddress } from "../transport/transport.ts";
import type { ClientChannelStatus } from "./direct/index.ts";

/** What happens at a Client. */
export type ClientStatus =
	/** There is a connection to the Coordinator, which sees this Client at `observedAddress`. */
	| { readonly type: "connected"; readonly observedAddress: SocketAddress }
	/** The Coordinator sees this Client at another address now. */
	| { readonly type: "moved"; readonly observedAddress: SocketAddress }
	/** The Coordinator has said that it stops, and why: it opens no more streams, and the connection ends within seconds. */
	| { readonly type: "draining"; readonly reason: string }
	/** There is none any more; streams through it have failed. Direct channels go on. */
	| { readonly type: "disconnected"; readonly info: CloseInfo }
	| ClientChannelStatus
	| HandlerFailed
	/** This listener was too slow. */
	| StatusLagged;
