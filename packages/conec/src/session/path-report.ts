/**
 * How two Clients reach each other, and why so: what `client.explain(peer)` and `coordinator.explain(a, b)` say.
 *
 * @module
 */

import type { SocketAddress } from "../transport/transport.ts";
import type { NatReport } from "../wire/channel-messages.ts";

/** An address that was tried, or may be. */
export interface PathCandidate extends SocketAddress {
	/** `reflexive`: seen by the Coordinator. `host`: the peer says so. `learned`: the peer was heard from there. `predicted`, `birthday`: guessed, and right. */
	readonly kind: "reflexive" | "host" | "learned" | "predicted" | "birthday";
	/** Probes sent there. Absent where they are not seen: the Coordinator knows what it has given out, not what was sent. */
	readonly probes?: number | undefined;
	/** Whether the peer has answered from there. */
	readonly answered?: boolean | undefined;
	/** From probe to answer. */
	readonly rttMs?: number | undefined;
}

/** How two Clients reach each other. */
export interface PathReport {
	/** The two ids: the own one, or the one that was asked about first, and its peer. */
	readonly peers: readonly [own: string, peer: string];
	/** `none`: not at all. */
	readonly path: "direct" | "proxied" | "none";
	/** Why this path, in words; with `proxied` why it is not direct. Partly of the peer's making, so untrusted. */
	readonly reason: string;
	/** Addresses of the peer in the latest attempt. */
	readonly candidates: readonly PathCandidate[];
	/** What each has said of its NAT, if it has. */
	readonly nat: { readonly own?: NatReport | undefined; readonly peer?: NatReport | undefined };
	/** With `direct`: where the peer is. */
	readonly address?: SocketAddress | undefined;
	/** Round-trip time of the direct channel. */
	readonly rttMs?: number | undefined;
	/** Since when it is so. */
	readonly since?: Date | undefined;
}
