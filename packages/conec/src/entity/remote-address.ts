/**
 * Where the other end of a connection is, that may be over.
 *
 * @module
 */

import type { SocketAddress, TransportConnection } from "../transport/transport.ts";

/** Its address now; `undefined` once the connection is over, which the transport knows a moment before anybody is told. */
export function remoteAddressOf(connection: TransportConnection): SocketAddress | undefined {
	try {
		return connection.remoteAddress;
	} catch {
		return undefined;
	}
}
