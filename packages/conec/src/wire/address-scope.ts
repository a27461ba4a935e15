/**
 * Where an IP address means something: what may be given to others, and what datagrams may be sent to.
 *
 * @module
 */

/** `never`: nowhere that datagrams may be sent to. */
export type AddressScope = "public" | "private" | "loopback" | "never";

/** Of an address of 4 or 16 bytes that is not IPv4-mapped. */
export function scopeOf(bytes: Uint8Array): AddressScope {
	return bytes.length === 4 ? scopeOfIpv4(bytes) : scopeOfIpv6(bytes);
}

/** Of most networks the last address; a Client says only what its own is. */
export function mayBeBroadcast(bytes: Uint8Array): boolean {
	return bytes.length === 4 && bytes[3] === 255;
}

function scopeOfIpv4(bytes: Uint8Array): AddressScope {
	const [a, b] = [bytes[0] as number, bytes[1] as number];
	if (a === 127) return "loopback";
	// "This network", link-local, multicast, kept for the future and broadcast.
	if (a === 0 || (a === 169 && b === 254) || a >= 224) return "never";
	if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
	// Shared by the Clients of one provider (RFC 6598).
	if (a === 100 && b >= 64 && b < 128) return "private";
	return "public";
}

function scopeOfIpv6(bytes: Uint8Array): AddressScope {
	const [a, b] = [bytes[0] as number, bytes[1] as number];
	if (bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "loopback";
	if ((a & 0xfe) === 0xfc) return "private";
	// Only global unicast is left; not what stands for an IPv4 address, as that would be a second name for it in the budget.
	if ((a & 0xe0) !== 0x20) return "never";
	const isTeredo = a === 0x20 && b === 0x01 && bytes[2] === 0 && bytes[3] === 0;
	const is6to4 = a === 0x20 && b === 0x02;
	return isTeredo || is6to4 ? "never" : "public";
}
