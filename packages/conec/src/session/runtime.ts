/**
 * All that an entity is lent by the outside, in one value: time, randomness, name lookup, the machine's own network, and sockets.
 * Made once; with other parts a Coordinator and its Clients run on virtual time, from a seed, in one process.
 *
 * @module
 */

import { lookup as dnsLookup } from "node:dns/promises";
import { type NetworkInterfaceInfo, networkInterfaces, totalmem } from "node:os";
import process from "node:process";
import { backgroundClock, type Clock, systemClock } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import type { LocalIdentity } from "../tls/identity.ts";
import type { SocketAddress, TransportFactory } from "../transport/transport.ts";
import { createMachineWatch, type MachineWatch } from "./machine/index.ts";
import { routeSources } from "./route-sources.ts";

/** An address of a host, as `node:dns` says it. */
export interface HostAddress {
	readonly address: string;
	/** 4 or 6. */
	readonly family: number;
}

/** Resolves a host name to all of its addresses, as `dns.promises.lookup(host, { all: true })` does. */
export type Lookup = (host: string) => Promise<readonly HostAddress[]>;

/** Why nothing can be sent to an address from this machine, as the system's error code; `undefined` where it can. `localAddress`: where the socket is bound. Never rejects. */
export type RouteCheck = (to: SocketAddress, localAddress: string) => Promise<string | undefined>;

/** See the module. */
export interface Runtime {
	readonly clock: Clock;
	readonly random: Random;
	readonly lookup: Lookup;
	/** The network interfaces of the machine, as `os.networkInterfaces` lists them. */
	readonly interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
	/** The addresses from which the machine sends to the internet, and to `also`. Never rejects. */
	readonly routeSources: (also: string | undefined) => Promise<readonly string[]>;
	/** Whether there is a way to an address. @default there always is: only real sockets have routes */
	readonly route?: RouteCheck;
	/** Tells of signs that the machine has slept, or is on other networks. @default nobody tells: a world has no machine that sleeps */
	readonly machine?: MachineWatch;
	/** Bytes of memory that the machine has, or its container. @default 1 GiB: a world has no machine */
	readonly memoryBytes?: () => number;
	readonly createTransport: TransportFactory;
	/** Shown instead of the one that options ask for. In worlds, where reading it anew for each Client would take a quarter of the time. @default that of the options */
	readonly identity?: LocalIdentity;
}

/** The machine's own clock, randomness, resolver and interfaces, with the sockets that are given; `parts` replaces some of it. A whole runtime stays as it is. */
export function runtimeOf(on: Runtime | TransportFactory, parts: Partial<Omit<Runtime, "createTransport">> = {}): Runtime {
	return typeof on === "function" ? { ...SYSTEM, ...parts, createTransport: on } : { ...on, ...parts };
}

/** A machine that has no network of its own, for worlds in one process. */
export const NO_NETWORK: Pick<Runtime, "interfaces" | "routeSources"> = { interfaces: () => ({}), routeSources: () => Promise.resolve([]) };

const SYSTEM: Omit<Runtime, "createTransport"> = {
	clock: systemClock,
	random: systemRandom,
	lookup: (host) => dnsLookup(host, { all: true, verbatim: true }),
	interfaces: networkInterfaces,
	routeSources,
	machine: createMachineWatch({ clock: backgroundClock, interfaces: networkInterfaces }),
	memoryBytes: () => {
		// Of a container. Without one it is 0 or greater than all there is.
		const constrainedBytes = process.constrainedMemory?.() ?? 0;
		return constrainedBytes > 0 ? Math.min(constrainedBytes, totalmem()) : totalmem();
	},
};
