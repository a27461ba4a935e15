/**
 * Ending a connection when the certificate that the other side showed expires.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { atTime, expiryClock, readValidity } from "../tls/validity.ts";
import type { TransportConnection } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";

/** Closes the connection with `CERTIFICATE_EXPIRED` when the certificate of its other side expires. `whose` begins the reason: `the Coordinator's`. */
export function endAtExpiry(connection: TransportConnection, whose: string, clock: Clock): void {
	atExpiry(connection, clock, () => connection.close(CLOSE_CODES.CERTIFICATE_EXPIRED, `${whose} certificate has expired`));
}

/** Calls back when the certificate of the other side expires, unless the connection has ended by then. What is no certificate does not expire. */
export function atExpiry(connection: Pick<TransportConnection, "peer" | "closed">, clock: Clock, expired: () => void): void {
	const { peer, closed } = connection;
	if (peer.type !== "certificate") return;
	void closed.then(atTime(readValidity(peer.leaf).toMs, expired, expiryClock(clock)));
}
