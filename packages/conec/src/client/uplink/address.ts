/**
 * The places a Client is told to go to, as text.
 *
 * @module
 */

import { isIP, isIPv6 } from "node:net";
import { argumentError } from "../../errors.ts";
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
	const wrong = (): Error =>
		argumentError("type", "OPTION_INVALID", `Option "coordinator" must be "host", "host:port" or "[ipv6]:port", not ${JSON.stringify(text)}`);
	if (typeof text !== "string") throw wrong();
	if (isIPv6(text)) return { host: text, port: DEFAULT_PORT };
	const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[^\]\s]{1,64})?)\]|([^:[\]/@\s]{1,253}))(?::([0-9]{1,5}))?$/.exec(text);
	const host = match?.[1] ?? (match?.[2] === undefined ? undefined : asciiHostName(match[2]));
	const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
	if (host === undefined || port < 1 || port > 65_535) throw wrong();
	if (match?.[1] !== undefined && !isIPv6(host)) throw wrong();
	if (match?.[1] === undefined && isIP(host) === 0 && !HOST_NAME.test(host)) throw wrong();
	return { host, port };
}

/**
 * Reads `ip:port` or `[ipv6]:port`, the port being optional.
 *
 * @throws TypeError `OPTION_INVALID`
 */
export function parseSocketAddress(text: string, defaultPort: number): SocketAddress {
	const wrong = (): Error => argumentError("type", "OPTION_INVALID", `Option "address" must be "ip:port" or "[ipv6]:port", not ${JSON.stringify(text)}`);
	let parsed: HostAndPort;
	try {
		parsed = parseCoordinator(text);
	} catch {
		throw wrong();
	}
	if (isIP(parsed.host) === 0) throw wrong();
	const hasPort = !isIPv6(text) && /:[0-9]+$/.test(text);
	return { address: parsed.host, port: hasPort ? parsed.port : defaultPort };
}

const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;
