/**
 * How two Clients reach each other, and why: what `client.explain(peer)` and `coordinator.explain(a, b)` return.
 *
 * @module
 */

import type { SocketAddress } from "../transport/transport.ts";
import type { NatReport } from "../wire/channel-messages.ts";

/** An address at which a direct path was or may be tried. */
export interface PathCandidate extends SocketAddress {
	/**
	 * How the address came to be known.
	 *
	 * - "reflexive": the Coordinator sees the peer there.
	 * - "host": the peer says that it has this address.
	 * - "learned": packets of the peer came from there.
	 * - "predicted", "birthday": the port was guessed, and the guess was right.
	 */
	readonly kind: "reflexive" | "host" | "learned" | "predicted" | "birthday";
	/** How many probes were sent there. Absent in a report of the Coordinator, which does not see them. */
	readonly probes?: number | undefined;
	/** Whether the peer has answered from there. */
	readonly answered?: boolean | undefined;
	/** Time from the probe to its answer, in milliseconds. */
	readonly rttMs?: number | undefined;
}

/** How two Clients reach each other. */
export interface PathReport {
	/** The two ids. A Client's own id comes first. At the Coordinator, the first argument of `explain` does. */
	readonly peers: readonly [own: string, peer: string];
	/** "none": they cannot reach each other now. */
	readonly path: "direct" | "proxied" | "none";
	/** In words, why it is this path. With "proxied", it says why the path is not direct. The peer may have written parts of it, so it is untrusted. */
	readonly reason: string;
	/** The peer's addresses in the latest attempt. */
	readonly candidates: readonly PathCandidate[];
	/** What each of the two has reported about its NAT. */
	readonly nat: { readonly own?: NatReport | undefined; readonly peer?: NatReport | undefined };
	/** With "direct": the peer's address. */
	readonly address?: SocketAddress | undefined;
	/** With "direct": the round-trip time of the channel, in milliseconds. */
	readonly rttMs?: number | undefined;
	/** When the path became what it is. */
	readonly since?: Date | undefined;
}
