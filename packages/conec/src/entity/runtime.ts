/**
 * All that an entity is lent by the outside, in one value: time, randomness, name lookup, and sockets. Made once; with other
 * parts a Coordinator and its Clients run on virtual time, from a seed, in one process.
 *
 * @module
 */

import { lookup as dnsLookup } from "node:dns/promises";
import { type Random, systemRandom } from "../base/random.ts";
import type { LocalIdentity } from "../tls/identity.ts";
import { type Clock, systemClock } from "../transport/clock.ts";
import type { TransportFactory } from "./transport-factory.ts";

/** An address of a host, as `node:dns` says it. */
export interface HostAddress {
	readonly address: string;
	/** 4 or 6. */
	readonly family: number;
}

/** Resolves a host name to all of its addresses, as `dns.promises.lookup(host, { all: true })` does. */
export type Lookup = (host: string) => Promise<readonly HostAddress[]>;

/** See the module. */
export interface Runtime {
	readonly clock: Clock;
	readonly random: Random;
	readonly lookup: Lookup;
	readonly createTransport: TransportFactory;
	/** Shown instead of the one that options ask for. In worlds, where reading it anew for each Client would take a quarter of the time. @default that of the options */
	readonly identity?: LocalIdentity;
}

/** The machine's own clock, randomness and resolver, with the sockets that are given; `parts` replaces some of it. A whole runtime stays as it is. */
export function runtimeOf(on: Runtime | TransportFactory, parts: Partial<Omit<Runtime, "createTransport">> = {}): Runtime {
	return typeof on === "function" ? { ...SYSTEM, ...parts, createTransport: on } : { ...on, ...parts };
}

const SYSTEM: Omit<Runtime, "createTransport"> = {
	clock: systemClock,
	random: systemRandom,
	lookup: (host) => dnsLookup(host, { all: true, verbatim: true }),
};
