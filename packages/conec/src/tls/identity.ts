/**
 * An identity, parsed once: a certificate chain and the private key of its leaf.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { ConecError } from "../errors.ts";
import type { Identity } from "../transport/transport.ts";
import { readCertificate } from "./certificate.ts";
import { formatFingerprint, keyDigest } from "./fingerprint.ts";
import { type Pem, type PrivateKeyBytes, readCertificates, readPrivateKey } from "./pem.ts";

/** What the transport shows, and the fingerprint by which others know it. */
export interface LocalIdentity extends Identity {
	/** `sha256:<hex>` of its SubjectPublicKeyInfo. */
	readonly fingerprint: string;
	/** "kept": the key outlives this process, so its name may be leased to it. "ephemeral": made for this run. */
	readonly key: "kept" | "ephemeral";
}

/**
 * Parses a certificate chain (leaf first) and its key, each PEM or DER; keys in PKCS#8, SEC1 or PKCS#1.
 *
 * @throws ConecError `CERTIFICATE_INVALID` (naming what was wrong), `CERTIFICATE_KEY_MISMATCH`
 */
export function parseIdentity(certificate: Pem, privateKey: Pem, key: "kept" | "ephemeral" = "kept"): LocalIdentity {
	const certificates = readCertificates(certificate);
	const leaf = certificates[0] as Uint8Array;
	for (const der of certificates) readCertificate(der);
	const keyObject = parseKey(readPrivateKey(privateKey));
	checkStrength(keyObject);
	const expected = Buffer.from(readCertificate(leaf).publicKeyInfo);
	if (!expected.equals(createPublicKey(keyObject).export({ type: "spki", format: "der" }))) {
		throw new ConecError("CERTIFICATE_KEY_MISMATCH", "Cannot use identity: the private key does not belong to the certificate");
	}
	return {
		certificates,
		privateKey: new Uint8Array(keyObject.export({ type: "pkcs8", format: "der" })),
		fingerprint: formatFingerprint(keyDigest(leaf)),
		key,
	};
}

function parseKey({ form, bytes }: PrivateKeyBytes): KeyObject {
	const der = Buffer.from(bytes);
	const forms = form === "unknown" ? (["pkcs8", "sec1", "pkcs1"] as const) : [form];
	let cause: unknown;
	for (const type of forms) {
		try {
			return createPrivateKey({ key: der, format: "der", type });
		} catch (error) {
			cause ??= error;
		}
	}
	throw new ConecError("CERTIFICATE_INVALID", "Cannot read private key: it is damaged or of an unknown type", { cause });
}

/** What TLS 1.3 with ring signs with: ECDSA P-256 and P-384, Ed25519, RSA from 2048 bits. */
function checkStrength(key: KeyObject): void {
	const details = key.asymmetricKeyDetails;
	switch (key.asymmetricKeyType) {
		case "ec":
			if (details?.namedCurve === "prime256v1" || details?.namedCurve === "secp384r1") return;
			throw unusable(`its curve is ${details?.namedCurve ?? "unknown"}, not P-256 or P-384`);
		case "ed25519":
			return;
		case "rsa":
			if ((details?.modulusLength ?? 0) >= 2_048) return;
			throw unusable(`its RSA modulus has ${details?.modulusLength ?? 0} bits, not 2048 or more`);
		default:
			throw unusable(`its type is ${key.asymmetricKeyType ?? "unknown"}, not ECDSA, Ed25519 or RSA`);
	}
}

function unusable(problem: string): ConecError {
	return new ConecError("CERTIFICATE_INVALID", `Cannot use private key: ${problem}`);
}
