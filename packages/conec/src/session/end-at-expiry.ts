/**
 * Ending a connection when the certificate that the other side showed expires.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { atTime, expiryClock, readValidity } from "../tls/validity.ts";
import type { TransportConnection } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";

/** Closes the connection with `CERTIFICATE_EXPIRED` at that moment. `whose`: for the reason, `the Coordinator's`. */
export function endAtExpiry(connection: TransportConnection, whose: string, clock: Clock): void {
	const leaf = connection.peerCertificates[0];
	if (leaf === undefined) return;
	const expired = (): void => connection.close(CLOSE_CODES.CERTIFICATE_EXPIRED, `${whose} certificate has expired`);
	const cancel = atTime(readValidity(leaf).toMs, expired, expiryClock(clock));
	void connection.closed.then(cancel);
}
