/**
 * A certificate taken apart once: what Conec needs of it, as the very bytes that were signed.
 *
 * @module
 */

import { ConecError } from "../errors.ts";
import { DER_BOOLEAN, DER_INTEGER, DER_OCTET_STRING, DER_OID, DER_SEQUENCE, type DerValue, readDer, readDerChildren } from "./der.ts";

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
	/** DER of the names. */
	readonly issuer: Uint8Array;
	readonly subject: Uint8Array;
	/** BasicConstraints says CA:TRUE. */
	readonly authority: boolean;
	/** Intermediates that may stand below it. Unlimited where absent. */
	readonly pathLength: number | undefined;
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
	const issuer = sequence(fields[first + 2], "it has no issuer");
	const subject = sequence(fields[first + 4], "it has no subject");
	return {
		publicKeyInfo: der.subarray(key.from, key.end),
		alternativeNames: extensions === undefined ? [] : readAlternativeNames(der, extensions),
		issuer: der.subarray(issuer.from, issuer.end),
		subject: der.subarray(subject.from, subject.end),
		...readBasicConstraints(der, extensions),
	};
}

const SUBJECT_ALT_NAME = "551d11"; // 2.5.29.17

const BASIC_CONSTRAINTS = "551d13"; // 2.5.29.19

function readBasicConstraints(der: Uint8Array, extensions: DerValue | undefined): Pick<CertificateParts, "authority" | "pathLength"> {
	const value = extensions === undefined ? undefined : findExtension(der, extensions, BASIC_CONSTRAINTS);
	if (value === undefined) return { authority: false, pathLength: undefined };
	const [mark, length] = children(der, sequence(value, BROKEN), BROKEN);
	const authority = mark?.tag === DER_BOOLEAN && der[mark.start] !== 0;
	if (!authority || length === undefined) return { authority, pathLength: undefined };
	// Non-negative, and no chain is ever 128 long.
	const digits = der.subarray(length.start, length.end);
	if (length.tag !== DER_INTEGER || digits.length === 0 || (digits[0] ?? 0) >= 0x80) throw invalid(BROKEN);
	return { authority, pathLength: digits.length === 1 ? digits[0] : undefined };
}

function readAlternativeNames(der: Uint8Array, extensions: DerValue): AlternativeName[] {
	const names = findExtension(der, extensions, SUBJECT_ALT_NAME);
	if (names === undefined) return [];
	return children(der, sequence(names, BROKEN), BROKEN).map((name) => ({ kind: name.tag & 0x1f, bytes: der.subarray(name.start, name.end) }));
}

const BROKEN = "its extensions are broken";

/** The value inside an extension's OCTET STRING. Of several with one id, which nobody may have, the first counts. */
function findExtension(der: Uint8Array, extensions: DerValue, id: string): DerValue | undefined {
	const [list] = children(der, extensions, BROKEN);
	for (const extension of children(der, sequence(list, BROKEN), BROKEN)) {
		const parts = children(der, sequence(extension, BROKEN), BROKEN);
		const oid = parts[0];
		const value = parts.at(-1);
		if (oid?.tag !== DER_OID || value?.tag !== DER_OCTET_STRING) throw invalid(BROKEN);
		if (Buffer.from(der.subarray(oid.start, oid.end)).toString("hex") !== id) continue;
		const found = readDer(der, value.start, value.end);
		if (found?.end !== value.end) throw invalid(BROKEN);
		return found;
	}
	return undefined;
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
