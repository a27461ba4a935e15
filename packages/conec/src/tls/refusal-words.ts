/**
 * Why a certificate was refused, in words. TLS itself says a number.
 *
 * @module
 */

import { formatFingerprint } from "./fingerprint.ts";

/** Why this side refused the other's certificate. */
export type CertificateRefusal = "pin" | "name" | "expired" | "not-yet-valid" | "unknown-issuer" | "invalid" | "revoked" | "usage";

/** What is wrong with the other side's certificate. `shownKey`: the SHA-256 of its key, where it is known. */
export function refusalWords(refusal: CertificateRefusal, shownKey?: Uint8Array): string {
	return refusal === "pin" && shownKey !== undefined ? `its key is ${formatFingerprint(shownKey)}, which is none of the pinned ones` : REFUSALS[refusal];
}

/** What the other side's TLS alert (RFC 8446, 6.2) says of our certificate; `undefined` for alerts about anything else. */
export function alertWords(alert: number | undefined): string | undefined {
	return alert === undefined ? undefined : ALERTS.get(alert);
}

const REFUSALS: Readonly<Record<CertificateRefusal, string>> = {
	pin: "its key is none of the pinned ones",
	name: "its certificate is not for the name that was asked for",
	expired: "its certificate has expired",
	"not-yet-valid": "its certificate is not valid yet",
	"unknown-issuer": "no authority that is trusted here issued its certificate",
	invalid: "its certificate is not acceptable",
	revoked: "its certificate is revoked",
	usage: "its certificate must not be used for this",
};

const ALERTS: ReadonlyMap<number, string> = new Map([
	[42, "the certificate shown by this side cannot be read there"],
	[43, "the certificate shown by this side must not be used for this"],
	[44, "the certificate shown by this side is revoked"],
	[45, "the certificate shown by this side has expired or is not valid yet"],
	[46, "the certificate shown by this side is not acceptable"],
	[48, "no authority that is trusted there issued the certificate shown by this side"],
	[49, "the certificate shown by this side is not welcome"],
	[51, "a signature on the certificate shown by this side is of another key than the authority's, or of a kind that is not used"],
	[116, "a certificate of this side is required"],
]);
