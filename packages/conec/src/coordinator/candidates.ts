/**
 * Which addresses of one Client may be given to another. A Client can name any address as its own, so what it says is only
 * given out where it can be somebody's own, and never as much trusted as what the Coordinator has seen and validated.
 *
 * @module
 */

import type { WireAddress } from "../wire/fields.ts";
import { formatIp, parseIp, unmapIp } from "../wire/ip-address.ts";

/** Where an address means something. `never`: nowhere that datagrams may be sent to. */
export type AddressScope = "public" | "private" | "loopback" | "never";

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

/** The addresses of `side` at which `prober` (its validated address; nothing without one) may try to reach it, the best first, no IP address twice. `isOwn`: sockets of the Coordinator. */
export function candidatesFor(side: CandidateSide, prober: WireAddress | undefined, isOwn: (address: WireAddress) => boolean): Candidate[] {
	const site = prober === undefined ? undefined : ipOf(prober);
	const siteScope = site === undefined ? "never" : scopeOf(site);
	const found = new Map<string, Candidate>();
	const offer = (from: WireAddress, kind: Candidate["kind"]): void => {
		const bytes = ipOf(from);
		if (bytes === undefined || site === undefined) return;
		const address = formatIp(bytes);
		const scope = scopeOf(bytes);
		if (found.has(address) || scope === "never" || isOwn({ address, port: from.port })) return;
		// Seen by the Coordinator on its own network: that means the same machine only to those on this network, too.
		const shared = scope === "public" || siteScope === "private" || siteScope === "loopback";
		if (kind === "host" && mayBeBroadcast(bytes)) return;
		if (scope === "loopback") {
			if (side.reflexive === undefined || !isLoopback(side.reflexive) || siteScope !== "loopback") return;
			// Only what the Coordinator has seen itself is known to be a Client's there.
			if (kind === "host") return;
		}
		const validated = kind === "reflexive" && shared;
		found.set(address, {
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

/** Where an address (4 or 16 bytes, not IPv4-mapped) means something. */
export function scopeOf(bytes: Uint8Array): AddressScope {
	return bytes.length === 4 ? scopeOfIpv4(bytes) : scopeOfIpv6(bytes);
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

function scopeOfIpv4(bytes: Uint8Array): AddressScope {
	const [a, b] = [bytes[0] as number, bytes[1] as number];
	if (a === 127) return "loopback";
	// "This network", link-local, multicast, kept for the future and broadcast.
	if (a === 0 || (a === 169 && b === 254) || a >= 224) return "never";
	if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
	// Shared by the Clients of one provider (RFC 6598).
	if (a === 100 && b >= 64 && b < 128) return "private";
	return "public";
}

function scopeOfIpv6(bytes: Uint8Array): AddressScope {
	const [a, b] = [bytes[0] as number, bytes[1] as number];
	if (bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "loopback";
	if ((a & 0xfe) === 0xfc) return "private";
	// Only global unicast is left; not what stands for an IPv4 address, as that would be a second name for it in the budget.
	if ((a & 0xe0) !== 0x20) return "never";
	const isTeredo = a === 0x20 && b === 0x01 && bytes[2] === 0 && bytes[3] === 0;
	const is6to4 = a === 0x20 && b === 0x02;
	return isTeredo || is6to4 ? "never" : "public";
}

/** Of most networks the last address; a Client says only what its own is. */
function mayBeBroadcast(bytes: Uint8Array): boolean {
	return bytes.length === 4 && bytes[3] === 255;
}
