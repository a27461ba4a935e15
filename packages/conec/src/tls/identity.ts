/**
 * An identity, parsed once: a certificate chain and the private key of its leaf.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { ConecError } from "../errors.ts";
import { readCertificate } from "./certificate.ts";
import { DER_INTEGER, DER_OCTET_STRING, DER_SEQUENCE, readDer, readDerChildren, writeDer, writeSequence } from "./der.ts";
import { formatFingerprint, publicKeyDigest } from "./fingerprint.ts";
import { keyProblem } from "./key-strength.ts";
import { decodeP256 } from "./p256-key.ts";
import { type Pem, type PrivateKeyBytes, readCertificates, readPrivateKey } from "./pem.ts";

/** A certificate chain (DER, leaf first) and its private key (DER PKCS#8). */
export interface Identity {
	readonly certificates: readonly Uint8Array[];
	readonly privateKey: Uint8Array;
}

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
	const [leaf] = certificates.map(readCertificate);
	const publicKeyInfo = leaf?.publicKeyInfo ?? new Uint8Array();
	return {
		certificates,
		privateKey: privateKeyOf(readPrivateKey(privateKey), publicKeyInfo),
		fingerprint: formatFingerprint(publicKeyDigest(publicKeyInfo)),
		key,
	};
}

/** DER (PKCS#8) of the private key to this public one. Throws as {@link parseIdentity} does. */
function privateKeyOf(key: PrivateKeyBytes, publicKeyInfo: Uint8Array): Uint8Array {
	const short = decodeP256(key.bytes);
	// In any other case OpenSSL says what the key is.
	if (short !== undefined && Buffer.compare(short.publicKeyInfo, publicKeyInfo) === 0) return short.privateKey;
	const parsed = parseKey(key);
	const problem = keyProblem(parsed);
	if (problem !== undefined) throw unusable(problem);
	if (Buffer.compare(publicKeyInfo, createPublicKey(parsed).export({ type: "spki", format: "der" })) !== 0)
		throw new ConecError("CERTIFICATE_KEY_MISMATCH", "Cannot use identity: the private key does not belong to the certificate");
	return new Uint8Array(parsed.export({ type: "pkcs8", format: "der" }));
}

/** Parses a private key of any kind. Throws `CERTIFICATE_INVALID`. */
export function parseKey({ form, bytes }: PrivateKeyBytes): KeyObject {
	const der = Buffer.from(asVersionOne(bytes));
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

/**
 * PKCS#8 of version 2 (RFC 5958) has the public key behind the private one. Rust programs write Ed25519 keys so, and OpenSSL does not read it. As
 * version 1, without that, it is the same key. What is not PKCS#8 of version 2 stays as it is.
 */
function asVersionOne(der: Uint8Array): Uint8Array {
	const outer = readDer(der, 0);
	const fields = outer === undefined ? undefined : readDerChildren(der, outer);
	const [version, algorithm, key] = fields ?? [];
	const isVersionTwo = version?.tag === DER_INTEGER && version.end - version.start === 1 && der[version.start] === 1;
	if (!isVersionTwo || algorithm?.tag !== DER_SEQUENCE || key?.tag !== DER_OCTET_STRING) return der;
	return writeSequence(writeDer(DER_INTEGER, Uint8Array.of(0)), der.subarray(algorithm.from, algorithm.end), der.subarray(key.from, key.end));
}

function unusable(problem: string): ConecError {
	return new ConecError("CERTIFICATE_INVALID", `Cannot use private key: ${problem}`);
}
