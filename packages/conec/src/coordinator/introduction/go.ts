/**
 * The Coordinator's word to both sides of an attempt to begin.
 *
 * @module
 */

import { roundTripMs } from "../../session/round-trip.ts";
import { CERTIFICATE_BYTES, type ChannelGo, type ChannelOffer } from "../../wire/channel-messages.ts";
import type { Session } from "../sessions/index.ts";
import type { Introduction } from "./introduce.ts";

/** To the requester and to the target, of what each is told about the other. Both have a {@link certificateOf}. */
export function goMessages(
	[requester, target]: readonly [Session, Session],
	[offer, consent]: readonly [ChannelOffer, ChannelOffer],
	[toRequester, toTarget]: readonly [Introduction, Introduction],
	{ token, request, deadlineMs }: Pick<ChannelGo, "token" | "deadlineMs"> & { readonly request: number },
): readonly [dial: ChannelGo, accept: ChannelGo] {
	// Both messages leave now and arrive half a round trip later: the nearer one waits for the farther one.
	const ahead = (roundTripMs(target.connection) - roundTripMs(requester.connection)) / 2;
	const to = (peer: Session, said: ChannelOffer, { candidates, birthday }: Introduction, aheadMs: number) => ({
		...{ type: "channel-go" as const, token, deadlineMs, peer: peer.peer, certificate: certificateOf(peer) ?? "", candidates },
		...{ nat: said.nat, punch: said.punch, waitMs: waitOf(aheadMs) },
		...(birthday === undefined ? {} : { birthday }),
	});
	return [
		{ ...to(target, consent, toRequester, ahead), request, role: "dial" },
		{ ...to(requester, offer, toTarget, -ahead), role: "accept" },
	];
}

/** The leaf in base64, if it fits into a message. */
export function certificateOf(session: Session): string | undefined {
	const { peer } = session.connection;
	return peer.type === "none" || peer.leaf.length > CERTIFICATE_BYTES ? undefined : Buffer.from(peer.leaf).toString("base64");
}

function waitOf(aheadMs: number): number {
	return Math.round(Math.min(Math.max(0, aheadMs), LONGEST_WAIT_MS));
}

/** More would be a connection that is on its way down. */
const LONGEST_WAIT_MS = 1000;
