/**
 * What this machine is called, for a certificate. Pure.
 *
 * @module
 */

/** Names for the Coordinator's own certificate: the machine's, if a certificate can carry it and it is not an address or `localhost`. Pure. */
export function certificateNames(hostName: string): string[] {
	const name = hostName.toLowerCase();
	return HOST_NAME.test(name) && name !== "localhost" ? [name] : [];
}

/** RFC 1123: labels of at most 63, 253 in all, the last one not all digits. */
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
