/**
 * Addresses of this machine and what kind of addresses they are. Pure.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";
import type { Interfaces } from "../surroundings/index.ts";

/** An IP version. */
export type Family = 4 | 6;

/** Addresses by which others may know this machine, of one IP version: no loopback, no link-local ones. */
export function ownAddresses(family: Family, interfaces: Interfaces): string[] {
	const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
	const outside = all.filter(({ address, internal }) => !internal && isIP(address) === family && addressScope(address) !== "link");
	return [...new Set(outside.map(({ address }) => address))];
}

/** Where an address means something: on this machine, on this link, in private networks, everywhere. */
export function addressScope(address: string): "machine" | "link" | "private" | "public" {
	const type = isIP(address) === 6 ? "ipv6" : "ipv4";
	for (const [scope, list] of SCOPES) if (list.check(address, type)) return scope;
	return "public";
}

function subnets(...all: readonly (readonly [address: string, prefix: number])[]): BlockList {
	const list = new BlockList();
	for (const [address, prefix] of all) list.addSubnet(address, prefix, address.includes(":") ? "ipv6" : "ipv4");
	return list;
}

const SCOPES: readonly (readonly ["machine" | "link" | "private", BlockList])[] = [
	["machine", subnets(["127.0.0.0", 8], ["::1", 128])],
	["link", subnets(["169.254.0.0", 16], ["fe80::", 10])],
	["private", subnets(["10.0.0.0", 8], ["172.16.0.0", 12], ["192.168.0.0", 16], ["100.64.0.0", 10], ["fc00::", 7])],
];
