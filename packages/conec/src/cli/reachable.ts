/**
 * Under which names others may reach this machine. Pure.
 *
 * @module
 */

/** The part of `os.networkInterfaces()` that is used. */
export type Interfaces = Readonly<Record<string, readonly { readonly address: string; readonly internal: boolean }[] | undefined>>;

/** Addresses shown at most. */
const MOST_ADDRESSES = 6;

/** The given name; or the address listened on; or, listening everywhere, the machine's addresses: IPv4 first, no link-local ones, loopback only when there is no other. */
export function reachableAddresses(listening: string, name: string | undefined, interfaces: Interfaces): string[] {
	if (name !== undefined) return [name];
	if (listening !== "::" && listening !== "0.0.0.0") return [listening];
	const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
	const outside = all
		.filter(({ address, internal }) => !internal && !isLinkLocal(address) && (listening === "::" || !address.includes(":")))
		.map(({ address }) => address);
	const sorted = [...outside.filter((address) => !address.includes(":")), ...outside.filter((address) => address.includes(":"))];
	return sorted.length === 0 ? ["localhost"] : [...new Set(sorted)].slice(0, MOST_ADDRESSES);
}

/** `host`, `host:port` or `[v6]:port` as `--coordinator` takes it. */
export function coordinatorArgument(host: string, port: number): string {
	const bracketed = host.includes(":") ? `[${host}]` : host;
	return port === 1_719 ? bracketed : `${bracketed}:${port}`;
}

function isLinkLocal(address: string): boolean {
	return /^fe[89ab]/i.test(address) || address.startsWith("169.254.");
}
