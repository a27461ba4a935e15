/**
 * The Coordinator's no to a request for a direct channel.
 *
 * @module
 */

import type { ChannelRefusal, ChannelRefusedCode } from "../../wire/channel-messages.ts";
import type { Session } from "../sessions/index.ts";

/** Tells the requester. `retryAfterMs`: when it may be otherwise. */
export function refuse(session: Session, request: number, code: ChannelRefusedCode, reason: string, retryAfterMs?: number): void {
	session.control.send({ type: "channel-refused", request, code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

/** What the requester is told of the target's no, where that is not for the application to explain. */
export function refusalOf(code: Exclude<ChannelRefusal["code"], "DECLINED">): { readonly code: ChannelRefusedCode; readonly reason: string } {
	if (code === "BUSY") return { code: "PEER_BUSY", reason: "the peer has no room for another attempt" };
	return { code, reason: "the peer's own attempt goes on instead" };
}
