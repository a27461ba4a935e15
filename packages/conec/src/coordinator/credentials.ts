/**
 * What a Coordinator shows of itself and whom it lets in. A reload replaces it while connections stay.
 *
 * @module
 */

import { checkOptions } from "../base/check-options.ts";
import { argumentError } from "../errors.ts";
import { type LocalIdentity, parseIdentity } from "../tls/identity.ts";
import { clientTrust, type Trust } from "../tls/trust.ts";
import { type CoordinatorOptions, denyList } from "./options.ts";

/** What {@link Coordinator.reload} replaces. An option that is absent stays as it is. */
export type ReloadOptions = Pick<CoordinatorOptions, "certificate" | "privateKey" | "clientCa" | "deny">;

/** The three together. */
export interface Credentials {
	readonly identity: LocalIdentity;
	/** Whose certificates Clients must have. */
	readonly clientTrust: Trust;
	/** Fingerprints that are never let in. */
	readonly deny: ReadonlySet<string>;
}

/** Those that a reload makes of the present ones. Throws TypeError `OPTION_INVALID`; ConecError `CERTIFICATE_INVALID`, `CERTIFICATE_KEY_MISMATCH`. */
export function reloaded(before: Credentials, options: ReloadOptions): Credentials {
	checkOptions(options, { certificate: "pem", privateKey: "pem", clientCa: "pems", deny: "strings" });
	const { certificate, privateKey, clientCa, deny } = options;
	if ((certificate === undefined) !== (privateKey === undefined))
		throw argumentError("type", "OPTION_INVALID", `Options "certificate" and "privateKey" go together`);
	return {
		identity: certificate === undefined || privateKey === undefined ? before.identity : parseIdentity(certificate, privateKey),
		clientTrust: clientCa === undefined ? before.clientTrust : clientTrust(clientCa),
		deny: deny === undefined ? before.deny : denyList(deny),
	};
}
