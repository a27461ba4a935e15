/**
 * A private authority and the certificates it issues, for CA mode.
 *
 * @module
 */

import { createPrivateKey, webcrypto } from "node:crypto";
import { argumentError, ConecError } from "../errors.ts";
import { parseIdentity } from "./identity.ts";
import { type Pem, readCertificates, writePem } from "./pem.ts";
import { alternativeName, BACKDATE_MS, serialNumber } from "./self-signed.ts";

/** A certificate and its private key (PKCS#8), both PEM. */
export interface CertificateAndKey {
	readonly certificate: string;
	readonly privateKey: string;
}

/** Options of {@link createCertificateAuthority}. */
export interface CertificateAuthorityOptions {
	/** Name of the authority, for people. */
	readonly name: string;
	/** @default 3_650 */
	readonly validForDays?: number;
}

/** Options of {@link issueCertificate}. */
export interface IssueOptions {
	/** @default 365 */
	readonly validForDays?: number;
}

/**
 * Makes an authority: a self-signed ECDSA P-256 certificate that may only sign end certificates and revocation lists. Keep
 * its key where no Client and no Coordinator runs; give its certificate to all of them (`clientCa`, `ca`).
 *
 * @throws TypeError or RangeError `OPTION_INVALID`
 */
export async function createCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAndKey> {
	const { name, validForDays = 3_650 } = options;
	if (typeof name !== "string" || name.length === 0 || name.length > 64) {
		throw argumentError("type", "OPTION_INVALID", `Option "name" must be a string of 1 to 64 characters`);
	}
	const x509 = await loadX509();
	const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
	const certificate = await x509.X509CertificateGenerator.createSelfSigned(
		{
			serialNumber: Buffer.from(serialNumber()).toString("hex"),
			name: [{ CN: [name] }],
			...validity(validForDays),
			signingAlgorithm: SIGNATURE,
			keys,
			extensions: [
				new x509.BasicConstraintsExtension(true, 0, true),
				new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
				await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
			],
		},
		webcrypto,
	);
	return await toPem(certificate.rawData, keys.privateKey);
}

/**
 * Issues a certificate for one name, an id of a Client or the host name or IP address of a Coordinator, with a new ECDSA
 * P-256 key. It is good for both roles, valid from 5 minutes ago, and never longer than the authority's own.
 *
 * @throws TypeError or RangeError `OPTION_INVALID`; ConecError `CERTIFICATE_INVALID`, `CERTIFICATE_KEY_MISMATCH` for an
 * authority that is none or has another key
 */
export async function issueCertificate(
	authority: { readonly certificate: Pem; readonly privateKey: Pem },
	name: string,
	options: IssueOptions = {},
): Promise<CertificateAndKey> {
	const subject = alternativeName(name);
	const period = validity(options.validForDays ?? 365);
	const x509 = await loadX509();
	const { privateKey } = parseIdentity(authority.certificate, authority.privateKey);
	const issuer = new x509.X509Certificate(readCertificates(authority.certificate)[0] as Uint8Array<ArrayBuffer>);
	if (issuer.getExtension(x509.BasicConstraintsExtension)?.ca !== true) {
		throw new ConecError("CERTIFICATE_INVALID", "Cannot issue certificate: the given one is not an authority's");
	}
	const signingKey = await importSigningKey(privateKey);
	const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
	const certificate = await x509.X509CertificateGenerator.create(
		{
			serialNumber: Buffer.from(serialNumber()).toString("hex"),
			issuer: issuer.subjectName,
			subject: [{ CN: [subject.value] }],
			notBefore: period.notBefore,
			notAfter: new Date(Math.min(period.notAfter.getTime(), issuer.notAfter.getTime())),
			signingAlgorithm: SIGNATURE,
			signingKey,
			publicKey: keys.publicKey,
			extensions: [
				new x509.SubjectAlternativeNameExtension([subject]),
				new x509.BasicConstraintsExtension(false),
				new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
				new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
				await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
				await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
			],
		},
		webcrypto,
	);
	return await toPem(certificate.rawData, keys.privateKey);
}

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

/** The library is large, and only who makes certificates needs it. It wants `Reflect` metadata to be there. */
async function loadX509(): Promise<typeof import("@peculiar/x509")> {
	await import("reflect-metadata");
	return await import("@peculiar/x509");
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
	if (!Number.isInteger(days)) throw argumentError("type", "OPTION_INVALID", `Option "validForDays" must be an integer`);
	if (days < 1 || days > 36_500) throw argumentError("range", "OPTION_INVALID", `Option "validForDays" must be 1 to 36500, not ${days}`);
	const now = Date.now();
	return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Authorities that Conec made have ECDSA P-256 keys; of others, only those are taken. */
async function importSigningKey(pkcs8: Uint8Array): Promise<webcrypto.CryptoKey> {
	const curve = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" }).asymmetricKeyDetails?.namedCurve;
	if (curve !== "prime256v1") throw new ConecError("CERTIFICATE_INVALID", "Cannot issue certificate: the authority's key is not ECDSA P-256");
	return await webcrypto.subtle.importKey("pkcs8", pkcs8, P256, false, ["sign"]);
}

async function toPem(der: ArrayBuffer, privateKey: webcrypto.CryptoKey): Promise<CertificateAndKey> {
	const pkcs8 = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", privateKey));
	return { certificate: writePem("CERTIFICATE", new Uint8Array(der)), privateKey: writePem("PRIVATE KEY", pkcs8) };
}
