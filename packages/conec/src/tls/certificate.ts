/**
 * A certificate taken apart once: what Conec needs of it, as the very bytes that were signed.
 *
 * @module
 */

import { ConecError } from "../errors.ts";
import { DER_INTEGER, DER_OCTET_STRING, DER_OID, DER_SEQUENCE, type DerValue, readDer, readDerChildren } from "./der.ts";

/** A SubjectAltName entry (RFC 5280, 4.2.1.6). */
export interface AlternativeName {
	/** Number of the GeneralName choice; 2 is a DNS name, 7 an IP address. */
	readonly kind: number;
	readonly bytes: Uint8Array;
}

/** The parts of a certificate. */
export interface CertificateParts {
	/** DER of the SubjectPublicKeyInfo, as signed. */
	readonly publicKeyInfo: Uint8Array;
	readonly alternativeNames: readonly AlternativeName[];
}

/**
 * Takes a DER certificate apart.
 *
 * @throws ConecError `CERTIFICATE_INVALID`, naming what was wrong.
 */
export function readCertificate(der: Uint8Array): CertificateParts {
	const certificate = sequence(readDer(der, 0), "it is not a DER sequence");
	if (certificate.end !== der.length) throw invalid("bytes follow its end");
	const [tbs] = children(der, certificate, "its outer sequence is broken");
	const fields = children(der, sequence(tbs, "it has no body"), "its body is broken");
	// version [0] is absent in version 1 certificates; then: serial, signature, issuer, validity, subject, key, [1] [2] [3].
	const first = fields[0]?.tag === 0xa0 ? 1 : 0;
	if (fields[first]?.tag !== DER_INTEGER) throw invalid("it has no serial number");
	const key = sequence(fields[first + 5], "it has no public key");
	const extensions = fields.slice(first + 6).find((field) => field.tag === 0xa3);
	return {
		publicKeyInfo: der.subarray(key.from, key.end),
		alternativeNames: extensions === undefined ? [] : readAlternativeNames(der, extensions),
	};
}

const SUBJECT_ALT_NAME = "551d11"; // 2.5.29.17

function readAlternativeNames(der: Uint8Array, extensions: DerValue): AlternativeName[] {
	const broken = "its extensions are broken";
	const [list] = children(der, extensions, broken);
	for (const extension of children(der, sequence(list, broken), broken)) {
		const parts = children(der, sequence(extension, broken), broken);
		const oid = parts[0];
		const value = parts.at(-1);
		if (oid?.tag !== DER_OID || value?.tag !== DER_OCTET_STRING) throw invalid(broken);
		if (Buffer.from(der.subarray(oid.start, oid.end)).toString("hex") !== SUBJECT_ALT_NAME) continue;
		const names = readDer(der, value.start, value.end);
		return children(der, sequence(names, broken), broken).map((name) => ({ kind: name.tag & 0x1f, bytes: der.subarray(name.start, name.end) }));
	}
	return [];
}

function sequence(value: DerValue | undefined, problem: string): DerValue {
	if (value?.tag !== DER_SEQUENCE) throw invalid(problem);
	return value;
}

function children(der: Uint8Array, value: DerValue, problem: string): DerValue[] {
	const found = readDerChildren(der, value);
	if (found === undefined) throw invalid(problem);
	return found;
}

function invalid(problem: string): ConecError {
	return new ConecError("CERTIFICATE_INVALID", `Cannot read certificate: ${problem}`);
}
