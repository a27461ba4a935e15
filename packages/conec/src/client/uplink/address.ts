/**
 * The places a Client is told to go to, as text.
 *
 * @module
 */

import { isIP, isIPv6 } from "node:net";
import { optionError } from "../../errors.ts";
import { asciiHostName } from "../../tls/host-name.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { DEFAULT_PORT } from "../../wire/versions.ts";

/** A host to resolve and to check the certificate against, and a port. */
export interface HostAndPort {
	/** DNS name in ASCII, or an IP address without brackets. A link-local one may have a zone: `fe80::1%eth0`. */
	readonly host: string;
	readonly port: number;
}

/**
 * Reads `host`, `host:port`, `[::1]`, `[::1]:1719`, `[fe80::1%eth0]:1719` or a bare IPv6 address. A host may be internationalised (`bücher.example`).
 *
 * @throws TypeError `OPTION_INVALID`
 */
export function parseCoordinator(text: string): HostAndPort {
	return parse(text, "coordinator", "host");
}

function parse(text: string, option: string, host: "host" | "ip"): HostAndPort {
	const wrong = (): Error => optionError("type", option, `must be "${host}", "${host}:port" or "[ipv6]:port", not ${JSON.stringify(text)}`);
	if (typeof text !== "string") throw wrong();
	if (isIPv6(text)) return { host: text, port: DEFAULT_PORT };
	const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[^\]\s]{1,64})?)\]|([^:[\]/@\s]{1,253}))(?::([^:/@]*))?$/.exec(text);
	const found = match?.[1] ?? (match?.[2] === undefined ? undefined : asciiHostName(match[2]));
	if (found === undefined) throw wrong();
	if (match?.[1] !== undefined && !isIPv6(found)) throw wrong();
	if (match?.[1] === undefined && isIP(found) === 0 && !HOST_NAME.test(found)) throw wrong();
	return { host: found, port: portOf(match?.[3], option) };
}

function portOf(text: string | undefined, option: string): number {
	if (text === undefined) return DEFAULT_PORT;
	const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
	if (port >= 1 && port <= 65_535) return port;
	throw optionError("type", option, `must have a port from 1 to 65535 after the colon, not ${JSON.stringify(text)}`);
}

/**
 * Reads `ip:port` or `[ipv6]:port`, the port being optional.
 *
 * @throws TypeError `OPTION_INVALID`
 */
export function parseSocketAddress(text: string, defaultPort: number): SocketAddress {
	const parsed = parse(text, "address", "ip");
	if (isIP(parsed.host) === 0) throw optionError("type", "address", `must be "ip", "ip:port" or "[ipv6]:port", not ${JSON.stringify(text)}`);
	const hasPort = !isIPv6(text) && /:[0-9]+$/.test(text);
	return { address: parsed.host, port: hasPort ? parsed.port : defaultPort };
}

const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;
