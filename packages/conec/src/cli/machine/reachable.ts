/**
 * Under which names others may reach this machine. Pure.
 *
 * @module
 */

import type { Interfaces } from "../surroundings/index.ts";
import { ownAddresses } from "./addresses.ts";

/** Addresses shown at most. */
const MOST_ADDRESSES = 6;

/** The given name; or the address listened on; or, listening everywhere, the machine's addresses: IPv4 first, no link-local ones, loopback only when there is no other. */
export function reachableAddresses(listening: string, name: string | undefined, interfaces: Interfaces): string[] {
	if (name !== undefined) return [name];
	if (listening !== "::" && listening !== "0.0.0.0") return [listening];
	const own = [...ownAddresses(4, interfaces), ...(listening === "::" ? ownAddresses(6, interfaces) : [])];
	return own.length === 0 ? ["localhost"] : own.slice(0, MOST_ADDRESSES);
}

/** `host`, `host:port` or `[v6]:port` as `--coordinator` takes it. */
export function coordinatorArgument(host: string, port: number): string {
	const bracketed = host.includes(":") ? `[${host}]` : host;
	return port === 1_719 ? bracketed : `${bracketed}:${port}`;
}
