/**
 * What this machine says of itself, where it says anything.
 *
 * @module
 */

import { homedir, networkInterfaces } from "node:os";
import type { Interfaces } from "./addresses.ts";

/** Names for the Coordinator's own certificate: the machine's, if a certificate can carry it and it is not an address or `localhost`. Pure. */
export function certificateNames(hostName: string): string[] {
	const name = hostName.toLowerCase();
	return HOST_NAME.test(name) && name !== "localhost" ? [name] : [];
}

/** RFC 1123: labels of at most 63, 253 in all, the last one not all digits. */
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The user's home directory; `undefined` where neither the environment nor the system names one. */
export function homeDirectory(): string | undefined {
	try {
		return homedir() || undefined;
	} catch {
		return undefined;
	}
}

/** Addresses of this machine; none where the system does not let them be seen. */
export function ownInterfaces(): Interfaces {
	try {
		return networkInterfaces();
	} catch {
		return {};
	}
}
