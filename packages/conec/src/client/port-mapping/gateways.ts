/**
 * Which router this machine sends to the internet through.
 *
 * @module
 */

import { readFile } from "node:fs/promises";

/** IPv4 addresses of routers, the most likely first; at most {@link MOST}. `sources`: the addresses from which this machine sends. */
export async function findGateways(sources: readonly string[]): Promise<string[]> {
	// Only Linux says it in a file. Elsewhere the first address of the own network is the router's nearly always.
	const known = gatewaysOf(await readFile("/proc/net/route", "latin1").catch(() => ""));
	const guessed = sources.filter((source) => PRIVATE.test(source)).map((source) => source.replace(/\d+$/, "1"));
	return [...new Set(known.length > 0 ? known : guessed)].slice(0, MOST);
}

/** The routers of default routes in `/proc/net/route`, those of the least metric first. */
export function gatewaysOf(routes: string): string[] {
	return routes
		.split("\n")
		.slice(1)
		.map((line) => line.split("\t"))
		.filter(
			([, destination, gateway, flags]) =>
				destination === "00000000" && gateway !== "00000000" && (Number.parseInt(flags ?? "0", 16) & UP_GATEWAY) === UP_GATEWAY,
		)
		.sort((a, b) => Number(a[6]) - Number(b[6]))
		.map(([, , gateway = ""]) => [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16)).join("."));
}

const UP_GATEWAY = 3;
const MOST = 2;
const PRIVATE = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/;
