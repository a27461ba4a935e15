/**
 * Addresses of this machine at which a peer on the same network may find this Client's socket.
 *
 * @module
 */

import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { SocketAddress } from "../transport/transport.ts";
import { HOSTS_LISTED } from "../wire/channel-messages.ts";

/**
 * Of the socket bound at `bound` ("::" and "0.0.0.0": on every interface), at most as many as a request may name; IPv4
 * first, as that is what has NATs. Link-local addresses are left out: they mean nothing without an interface. So is
 * loopback, which the Coordinator sees by itself where it counts.
 */
export function hostAddresses(bound: SocketAddress, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): SocketAddress[] {
	const { address, port } = bound;
	if (address !== "::" && address !== "0.0.0.0") return isLoopback(address) ? [] : [{ address, port }];
	const own = Object.values(interfaces)
		.flatMap((list) => list ?? [])
		.filter((one) => !one.internal && !isLinkLocal(one.address) && (one.family === "IPv4" || address === "::"));
	const sorted = [...own.filter((one) => one.family === "IPv4"), ...own.filter((one) => one.family === "IPv6")];
	return sorted.slice(0, HOSTS_LISTED).map((one) => ({ address: one.address, port }));
}

function isLoopback(address: string): boolean {
	return address === "::1" || address.startsWith("127.");
}

function isLinkLocal(address: string): boolean {
	return address.startsWith("169.254.") || /^fe[89ab]/i.test(address);
}
