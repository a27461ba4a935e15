/**
 * Which addresses of one Client may be given to another. A Client can name any address as its own, so what it says is only
 * given out where it can be somebody's own, and never as much trusted as what the Coordinator has seen and validated.
 *
 * @module
 */

import { mayBeBroadcast, scopeOf } from "../../wire/address-scope.ts";
import type { WireAddress } from "../../wire/fields.ts";
import { formatIp, parseIp, unmapIp } from "../../wire/ip-address.ts";

/** One side of an attempt. */
export interface CandidateSide {
	/** Its validated address, if there is one now. */
	readonly reflexive: WireAddress | undefined;
	/** What it says of its own socket. */
	readonly hosts: readonly WireAddress[];
}

/** An address that may be given out, before the budget is asked. */
export interface Candidate {
	readonly address: string;
	readonly port: number;
	readonly kind: "reflexive" | "host";
	/**
	 * The address in the budget. A private one is another machine at another site, so it comes with the site: the address of
	 * the Client that sends to it.
	 */
	readonly budgetKey: string;
}

/** The addresses of `side` at which `prober` (its validated address; nothing without one) may try to reach it, the best first. An IP address comes once, and its validated one once more with another port: that may be one which a router has mapped. `isOwn`: sockets of the Coordinator. */
export function candidatesFor(side: CandidateSide, prober: WireAddress | undefined, isOwn: (address: WireAddress) => boolean): Candidate[] {
	const site = prober === undefined ? undefined : ipOf(prober);
	const siteScope = site === undefined ? "never" : scopeOf(site);
	const found = new Map<string, Candidate>();
	const offer = (from: WireAddress, kind: Candidate["kind"]): void => {
		const bytes = ipOf(from);
		if (bytes === undefined || site === undefined) return;
		const address = formatIp(bytes);
		const scope = scopeOf(bytes);
		const known = found.get(address);
		// A port that its router has mapped (PCP, UPnP) is at the address at which the Coordinator sees it.
		const isMapped = kind === "host" && known?.kind === "reflexive" && scope === "public" && known.port !== from.port;
		const key = isMapped ? `${address} mapped` : address;
		if (found.has(key) || scope === "never" || isOwn({ address, port: from.port })) return;
		// Seen by the Coordinator on its own network: that means the same machine only to those on this network, too.
		const shared = scope === "public" || siteScope === "private" || siteScope === "loopback";
		if (kind === "host" && mayBeBroadcast(bytes)) return;
		if (scope === "loopback") {
			if (side.reflexive === undefined || !isLoopback(side.reflexive) || siteScope !== "loopback") return;
			// Only what the Coordinator has seen itself is known to be a Client's there.
			if (kind === "host") return;
		}
		const validated = kind === "reflexive" && shared;
		found.set(key, {
			address,
			port: from.port,
			kind: validated ? "reflexive" : "host",
			budgetKey: scope === "public" || validated ? address : `${formatIp(site)} ${address}`,
		});
	};
	if (side.reflexive !== undefined) offer(side.reflexive, "reflexive");
	for (const host of side.hosts) offer(host, "host");
	return [...found.values()];
}

/** Whether a Client seen at this address is on the Coordinator's own machine. */
export function isLoopback(address: WireAddress): boolean {
	const bytes = ipOf(address);
	return bytes !== undefined && scopeOf(bytes) === "loopback";
}

function ipOf({ address }: WireAddress): Uint8Array | undefined {
	const bytes = parseIp(address);
	return bytes === undefined ? undefined : unmapIp(bytes);
}
