/**
 * What the system would say of a UDP socket, for the memory network.
 *
 * @module
 */

import { isIP } from "node:net";
import { argumentError } from "#conec/errors";
import type { SocketAddress } from "#conec/transport/transport";

const LONGEST_DATAGRAM_BYTES = 65_507;

/** Where a datagram to `to` seems to come from: a socket that is bound to every address sends from one of them. */
export function sourceAddress({ address, port }: SocketAddress, to: SocketAddress): SocketAddress {
	const everywhere = address === "::" || address === "0.0.0.0";
	return { address: everywhere ? (isIP(to.address) === 6 ? "::1" : "127.0.0.1") : address, port };
}

/** Whether a socket that is bound to `bound` can send that. Throws `OPTION_INVALID` for what no socket could. */
export function takesDatagram(bound: SocketAddress, data: Uint8Array, to: SocketAddress): boolean {
	const [first] = data;
	if (first === undefined || (first & 0x40) !== 0) {
		throw argumentError("range", "OPTION_INVALID", "A raw datagram has at least one byte, without bit 0x40 (RFC 9443)");
	}
	const family = isIP(to.address);
	if (family === 0) {
		throw argumentError("range", "OPTION_INVALID", `Cannot send a datagram: ${JSON.stringify(to.address)} is no IP address`);
	}
	return data.length <= LONGEST_DATAGRAM_BYTES && (bound.address === "::" || isIP(bound.address) === family);
}
