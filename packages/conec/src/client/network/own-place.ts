/**
 * What this machine and its networks are called, so that a Client knows when it would send to itself.
 *
 * @module
 */

import type { NetworkInterfaceInfo } from "node:os";
import type { SocketAddress } from "../../transport/transport.ts";
import { canonicalIp, formatIp, parseIp, unmapIp } from "../../wire/ip-address.ts";

/** Where a Client is. Every address is in its one spelling. */
export interface OwnPlace {
	/** Its socket; "::" and "0.0.0.0" are every address of the machine. */
	readonly socket: SocketAddress;
	/** Addresses of this machine, those of loopback, of bridges and of single links too. */
	readonly machine: ReadonlySet<string>;
	/** Broadcast addresses of its networks. */
	readonly broadcasts: ReadonlySet<string>;
	/** As the Coordinator sees the Client; absent when that is lost. */
	readonly observed: SocketAddress | undefined;
	/** Where the Client reaches its Coordinator; absent when that is lost. */
	readonly coordinator: SocketAddress | undefined;
}

/** What the interfaces say, beside what is known of the Client's connections. */
export function ownPlace(
	client: Pick<OwnPlace, "socket" | "observed" | "coordinator">,
	interfaces: NodeJS.Dict<Pick<NetworkInterfaceInfo, "address" | "netmask">[]>,
): OwnPlace {
	const all = Object.values(interfaces).flatMap((list) => list ?? []);
	// Some systems write the interface behind a link-local address.
	const addresses = [...all.map(({ address }) => address.split("%")[0] as string), client.socket.address];
	const machine = addresses.map(canonicalIp).filter((address) => address !== undefined && !UNSPECIFIED.includes(address));
	const { address, port } = client.socket;
	return {
		socket: { address: canonicalIp(address) ?? address, port },
		machine: new Set(machine as string[]),
		broadcasts: new Set(all.map(broadcastOf).filter((broadcast) => broadcast !== undefined)),
		observed: canonical(client.observed),
		coordinator: canonical(client.coordinator),
	};
}

function canonical(at: SocketAddress | undefined): SocketAddress | undefined {
	return at === undefined ? undefined : { address: canonicalIp(at.address) ?? at.address, port: at.port };
}

/** The last address of an IPv4 network of more than two. */
function broadcastOf({ address, netmask }: Pick<NetworkInterfaceInfo, "address" | "netmask">): string | undefined {
	const [ip, mask] = [parseIp(address), parseIp(netmask)];
	if (ip === undefined || mask === undefined || unmapIp(ip).length !== 4 || mask.length !== 4 || (mask[3] as number) > 0xfc) return undefined;
	return formatIp(unmapIp(ip).map((byte, index) => byte | (~(mask[index] as number) & 0xff)));
}

const UNSPECIFIED: readonly string[] = ["::", "0.0.0.0"];
