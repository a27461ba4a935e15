/**
 * The addresses of the Coordinator itself, to which no Client is ever sent.
 *
 * @module
 */

import type { NetworkInterfaceInfo } from "node:os";
import type { WireAddress } from "../../wire/fields.ts";
import { canonicalIp } from "../../wire/ip-address.ts";

/** Tells whether an address (canonical text) is a socket of this process with one of `ports`. Interfaces are looked at anew after {@link FRESH_MS}. */
export function ownSockets(
	host: string,
	ports: readonly number[],
	now: () => number,
	interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>,
): (address: WireAddress) => boolean {
	let known: ReadonlySet<string> = new Set();
	let knownUntilMs = Number.NEGATIVE_INFINITY;
	return ({ address, port }) => {
		if (!ports.includes(port)) return false;
		if (address.startsWith("127.")) return true;
		if (now() >= knownUntilMs) {
			known = localAddresses(host, interfaces());
			knownUntilMs = now() + FRESH_MS;
		}
		return known.has(address);
	};
}

const FRESH_MS = 10_000;

function localAddresses(host: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): ReadonlySet<string> {
	const found = new Set([canonicalIp(host) ?? host, "::1"]);
	for (const addresses of Object.values(interfaces)) {
		for (const { address } of addresses ?? []) found.add(canonicalIp(address.split("%")[0] as string) ?? address);
	}
	return found;
}
