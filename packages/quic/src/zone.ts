/**
 * Zones of link-local addresses: people write the name of an interface (`fe80::1%eth0`), and sockets take its number.
 *
 * @module
 */

import { networkInterfaces } from "node:os";
import { QuicError } from "./errors.ts";

/** The address with the number of its zone. What has no zone, or a number, stays as it is. Throws `INVALID_ARGUMENT` for an interface that is not there. */
export function withZoneNumber(address: string): string {
	const at = address.indexOf("%");
	if (at === -1) return address;
	const zone = address.slice(at + 1);
	if (/^[0-9]+$/.test(zone)) return address;
	const found = networkInterfaces()[zone]?.find((one) => one.family === "IPv6" && one.scopeid > 0);
	if (found?.family !== "IPv6")
		throw new QuicError("INVALID_ARGUMENT", `Cannot use ${JSON.stringify(address)}: this machine has no interface of that name with a link-local address`);
	return `${address.slice(0, at)}%${found.scopeid}`;
}
