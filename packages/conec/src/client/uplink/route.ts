/**
 * Whether this machine has any way to an address at all. The system knows that at once; a socket that is bound to every
 * address does not say it, and its packets vanish.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { RouteCheck } from "../../session/runtime.ts";
import { canonicalIp } from "../../wire/ip-address.ts";

/**
 * Asks the system, by connecting a UDP socket: nothing is sent. `localAddress`: where the real socket is bound. What says
 * nothing about the way, such as a lack of descriptors, counts as a way.
 */
export const routeProblem: RouteCheck = (to, localAddress) =>
	new Promise((resolve) => {
		const zone = zoneOf(to.address);
		// It names the way itself. Node's sockets take it as a name or as a number, which depends on the system.
		if (zone !== undefined) return resolve(hasZone(zone) ? undefined : NO_ZONE);
		// IPv4-mapped ones are sent to as what they are.
		const address = canonicalIp(to.address) ?? to.address;
		const family = familyOf(address);
		const bound = localAddress === "::" || localAddress === "0.0.0.0" || familyOf(localAddress) !== family ? undefined : localAddress;
		const socket = createSocket(family === 6 ? "udp6" : "udp4");
		let over = false;
		const end = (error?: Error): void => {
			if (over) return;
			over = true;
			const { code } = (error ?? {}) as { readonly code?: string };
			const from = error === undefined ? socket.address().address : undefined;
			socket.close();
			if (from !== undefined) return resolve(leadsFrom(from, address) ? undefined : "EADDRNOTAVAIL");
			resolve(code !== undefined && NO_WAY.includes(code) ? code : undefined);
		};
		socket.on("error", end);
		// A worker of node:cluster would share it with others.
		socket.bind({ port: 0, exclusive: true, ...(bound === undefined ? {} : { address: bound }) }, () =>
			socket.connect(to.port, address, (error?: Error) => end(error)),
		);
	});

/**
 * Why none of these addresses can be reached and what to do about it, in words that follow a colon. `blocked`: each with the
 * system's error code, at least one.
 */
export function noWayWords(blocked: ReadonlyMap<string, string>, interfaces: NodeJS.Dict<Pick<NetworkInterfaceInfo, "address" | "internal">[]>): string {
	const own = Object.values(interfaces).flatMap((list) => list ?? []);
	const has = new Set(own.filter(({ address, internal }) => !internal && !isLinkLocal(address)).map(({ address }) => familyOf(address)));
	const codes = [...new Set(blocked.values())].join(", ");
	const [strayed] = [...blocked].filter(([, code]) => code === NO_ZONE).map(([address]) => zoneOf(address));
	if (strayed !== undefined) return `this machine has no network interface ${JSON.stringify(strayed)} with a link-local address; name one that it has`;
	if (has.size === 0) return `this machine has no network (${codes}); connect it to one`;
	const wanted = new Set([...blocked.keys()].map(familyOf));
	const addresses = [...blocked.keys()].join(" and ");
	const [family = 4] = wanted;
	if (wanted.size > 1 || has.has(family)) return `this machine has no route to ${addresses} (${codes}); check its network`;
	const other = family === 4 ? 6 : 4;
	return `this machine has no IPv${family}, and nothing else leads to ${addresses} (${codes}); give the Coordinator an IPv${other} address, or this machine IPv${family}`;
}

/** A route alone is no way: routers pass nothing on that comes from an address of a single link, where a machine has no better one. */
export function leadsFrom(own: string, to: string): boolean {
	return !isLinkLocal(own) || isLinkLocal(to);
}

/** Said of an interface that is not there. */
const NO_ZONE = "ENODEV";

/** What a link-local address names behind `%`. */
function zoneOf(address: string): string | undefined {
	return address.split("%")[1];
}

function hasZone(zone: string): boolean {
	return Object.entries(networkInterfaces()).some(([name, list]) =>
		list?.some((one) => one.family === "IPv6" && one.scopeid > 0 && [name, String(one.scopeid)].includes(zone)),
	);
}

function familyOf(address: string): 4 | 6 {
	return isIPv6(address) ? 6 : 4;
}

function isLinkLocal(address: string): boolean {
	return address.startsWith("169.254.") || /^fe[89ab]/i.test(address);
}

/** No network, no route or one that refuses, no such IP version, no address of it or none from which this one can be reached. */
const NO_WAY: readonly string[] = ["ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN", "EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL", "EACCES", "EPERM"];
