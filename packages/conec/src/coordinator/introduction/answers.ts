/**
 * The Coordinator's no to a request for a direct channel.
 *
 * @module
 */

import type { ChannelRefusal, ChannelRefusedCode } from "../../wire/channel-messages.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";

/** Tells the requester. `retryAfterMs`: when it may be otherwise. `defence`: counts it, if there was no room. */
export function refuse(
	session: Session,
	request: number,
	code: ChannelRefusedCode,
	reason: string,
	retryAfterMs?: number,
	defence?: Pick<Defence, "count">,
): void {
	if (code === "LIMIT_EXCEEDED" || code === "PEER_BUSY") defence?.count("refused", "attempt", session.whom);
	session.control.send({ type: "channel-refused", request, code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

/** What the requester is told of the target's no, where that is not for the application to explain. */
export function refusalOf(code: Exclude<ChannelRefusal["code"], "DECLINED">): { readonly code: ChannelRefusedCode; readonly reason: string } {
	if (code === "BUSY") return { code: "PEER_BUSY", reason: "the peer has no room for another attempt" };
	return { code, reason: "the peer's own attempt goes on instead" };
}
