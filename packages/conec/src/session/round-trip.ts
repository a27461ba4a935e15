/**
 * The round-trip time of a connection that may be over.
 *
 * @module
 */

import type { TransportConnection } from "../transport/transport.ts";

/** In milliseconds; 0 once the connection is over, which the transport knows a moment before anybody is told. */
export function roundTripMs(connection: TransportConnection): number {
	try {
		return connection.stats().rttMs;
	} catch {
		return 0;
	}
}
