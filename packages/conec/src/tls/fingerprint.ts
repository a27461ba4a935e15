/**
 * Fingerprints: `sha256:<hex>` of a SubjectPublicKeyInfo. A fingerprint names a key, so it stays the same when the key gets a new certificate.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { optionError } from "../errors.ts";
import { readCertificate } from "./certificate.ts";
import { type Pem, readCertificates } from "./pem.ts";

/**
 * The fingerprint of a certificate's key: `sha256:` and 64 hexadecimal digits. Of a chain, it is the leaf's.
 *
 * @throws ConecError `CERTIFICATE_INVALID` if the certificate cannot be read. The message says why.
 */
export function fingerprint(pem: Pem): string {
	const [leaf] = readCertificates(pem);
	return fingerprintOf(leaf ?? new Uint8Array());
}

/** Fingerprint of the key of a DER certificate. Throws `CERTIFICATE_INVALID`. */
export function fingerprintOf(der: Uint8Array): string {
	return formatFingerprint(keyDigest(der));
}

/** SHA-256 of the SubjectPublicKeyInfo of a DER certificate. Throws `CERTIFICATE_INVALID`. */
export function keyDigest(der: Uint8Array): Uint8Array {
	return publicKeyDigest(readCertificate(der).publicKeyInfo);
}

/** SHA-256 of a SubjectPublicKeyInfo (DER). */
export function publicKeyDigest(publicKeyInfo: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(publicKeyInfo).digest());
}

/** SHA-256 of a whole DER certificate, as `Trust.pinnedCertificates` has it. */
export function certificateDigest(der: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(der).digest());
}

/** `sha256:<hex>` of a digest. */
export function formatFingerprint(digest: Uint8Array): string {
	return `sha256:${Buffer.from(digest).toString("hex")}`;
}

/**
 * Reads `sha256:<64 hex digits>`, with or without the prefix, in either case, with or without colons between the bytes.
 *
 * @throws TypeError `OPTION_INVALID`
 */
export function parseFingerprint(text: string, option: string): Uint8Array {
	const hex =
		typeof text === "string"
			? text
					.trim()
					.toLowerCase()
					.replace(/^sha256:/, "")
					.replaceAll(":", "")
			: "";
	if (!/^[0-9a-f]{64}$/.test(hex)) throw optionError("type", option, `must be "sha256:" and 64 hexadecimal digits`);
	return new Uint8Array(Buffer.from(hex, "hex"));
}
