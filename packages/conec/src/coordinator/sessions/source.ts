/**
 * Where a Client comes from, as shared pools count it: its key, its address, and the network around that.
 *
 * @module
 */

import type { PoolKeys } from "../../base/fair-pool.ts";
import { scopeOf } from "../../wire/address-scope.ts";
import { formatIp, parseIp, unmapIp } from "../../wire/ip-address.ts";

/** An address as pools and leases count it. */
export interface AddressSource {
	/** The IPv4 address, or the IPv6 /64, as one household has that many addresses. */
	readonly host: string;
	/** The IPv4 /24, or the IPv6 /48, which one customer of a provider may have. */
	readonly network: string;
	readonly loopback: boolean;
}

/** Of an address as a transport shows it. An IPv4 address that stands in an IPv6 one (mapped, or behind NAT64) counts as the IPv4 address. */
export function addressSource(address: string): AddressSource {
	const parsed = parseIp(address.split(/[%/]/)[0] ?? "");
	// No transport shows such a thing. It still counts to somebody.
	if (parsed === undefined) return { host: address, network: address, loopback: false };
	const bytes = embeddedIpv4(unmapIp(parsed));
	const loopback = scopeOf(bytes) === "loopback";
	if (bytes.length === 4) return { host: formatIp(bytes), network: `${formatIp(cut(bytes, 3))}/24`, loopback };
	return { host: `${groups(bytes, 4)}::/64`, network: `${groups(bytes, 3)}::/48`, loopback };
}

/**
 * The keys of a Client in shared pools: its identity, its address and its network. All Clients of one machine share the loopback address,
 * also those behind a proxy there, so this is no source.
 */
export function sourceKeys(fingerprint: string, address: string): PoolKeys {
	const { host, network, loopback } = addressSource(address);
	return loopback ? [fingerprint] : [fingerprint, host, network];
}

function cut(bytes: Uint8Array, kept: number): Uint8Array {
	return bytes.map((byte, index) => (index < kept ? byte : 0));
}

function groups(bytes: Uint8Array, count: number): string {
	return Array.from({ length: count }, (_, index) => (((bytes[2 * index] as number) << 8) | (bytes[2 * index + 1] as number)).toString(16)).join(":");
}

/** RFC 6052: what comes through a NAT64 with the well-known prefix 64:ff9b::/96 has its IPv4 address at the end. */
function embeddedIpv4(bytes: Uint8Array): Uint8Array {
	return bytes.length === 16 && NAT64.every((byte, index) => bytes[index] === byte) ? bytes.subarray(12) : bytes;
}

const NAT64: readonly number[] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
