/**
 * A private authority and the certificates it issues, for CA mode.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject, webcrypto, X509Certificate } from "node:crypto";
import { systemClock } from "../base/clock.ts";
import { argumentError, ConecError, optionError } from "../errors.ts";
import { parseIdentity, parseKey } from "./identity.ts";
import { keyProblem } from "./key-strength.ts";
import { newEcKey, newRsaKey } from "./new-key.ts";
import { type Pem, readPrivateKey, writePem } from "./pem.ts";
import { alternativeName, BACKDATE_MS, serialNumber } from "./self-signed.ts";

/** A certificate and its private key, as PEM text. */
export interface CertificateAndKey {
	/** The certificate. Intermediate certificates follow it, if there are any. */
	readonly certificate: string;
	/** The private key, as PKCS#8. It is not encrypted. */
	readonly privateKey: string;
}

/** The kinds of keys that can be made here. TLS takes Ed25519 keys too, but the caller has to bring one. */
export type KeyType = "P-256" | "P-384" | "RSA-2048" | "RSA-3072";

/** Options of {@link createCertificateAuthority}. */
export interface CertificateAuthorityOptions {
	/** The authority's name, for people. 1 to 64 characters. */
	readonly name: string;
	/** For how many days it is valid, 1 to 36_500. @default 3_650 */
	readonly validForDays?: number;
	/** The kind of key that is made. @default "P-256", which is ECDSA */
	readonly keyType?: KeyType;
	/** A key to use instead of a new one: ECDSA or RSA. With the key and the name of an older authority, everything that the older one issued stays valid. @default a new key */
	readonly privateKey?: Pem;
}

/** Options of {@link issueCertificate}. */
export interface IssueOptions {
	/** Further DNS names and IP addresses, for a Coordinator. A Client's certificate must have exactly one name. @default [] */
	readonly alternativeNames?: readonly string[];
	/** For how many days it is valid, 1 to 36_500. It never outlives the authority. @default 365 */
	readonly validForDays?: number;
	/** The kind of key that is made. @default "P-256", which is ECDSA */
	readonly keyType?: KeyType;
	/** A key to use instead of a new one: ECDSA P-256 or P-384, Ed25519, or RSA with at least 2048 bits. The same key gives the same fingerprint. @default a new key */
	readonly privateKey?: Pem;
}

/**
 * Makes an authority: a self-signed certificate that may only sign end certificates and revocation lists.
 *
 * - Give its certificate to all Clients (`ca`) and to the Coordinator (`clientCa`).
 * - Keep its key on a machine where neither a Client nor a Coordinator runs.
 * - It is valid from 5 minutes ago, because clocks differ.
 *
 * @throws TypeError or RangeError `OPTION_INVALID`; ConecError `CERTIFICATE_INVALID` for a `privateKey` that cannot be used
 */
export async function createCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAndKey> {
	const { name, keyType, validForDays = 3_650 } = options;
	if (typeof name !== "string" || name.length === 0 || name.length > 64) {
		throw optionError("type", "name", `must be a string of 1 to 64 characters`);
	}
	const period = validity(validForDays);
	const privateKey = options.privateKey === undefined ? await makeKey(keyType) : parseKey(readPrivateKey(options.privateKey));
	const signer = await importSigner(privateKey);
	const x509 = await loadX509();
	const publicKey = publicKeyOf(x509, privateKey);
	const subject = new x509.Name([{ CN: [name] }]);
	const certificate = await x509.X509CertificateGenerator.create(
		{
			serialNumber: Buffer.from(serialNumber()).toString("hex"),
			issuer: subject,
			subject,
			...period,
			...signer,
			publicKey,
			extensions: [
				new x509.BasicConstraintsExtension(true, 0, true),
				new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
				await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
			],
		},
		webcrypto,
	);
	return toPem([new Uint8Array(certificate.rawData)], privateKey);
}

/**
 * Issues a certificate for one name: the id of a Client, or the host name or IP address of a Coordinator. The certificate suits
 * both roles. It is valid from 5 minutes ago, because clocks differ, and it never outlives the authority.
 *
 * @throws TypeError or RangeError `OPTION_INVALID` for a wrong argument
 * @throws ConecError `CERTIFICATE_INVALID` if the certificate is not an authority's or a key cannot be used,
 * `CERTIFICATE_KEY_MISMATCH` if the key is not the authority's, `CERTIFICATE_EXPIRED` if the authority has expired
 */
export async function issueCertificate(
	authority: { readonly certificate: Pem; readonly privateKey: Pem },
	name: string,
	options: IssueOptions = {},
): Promise<CertificateAndKey> {
	const names = [name, ...(options.alternativeNames ?? [])].map(alternativeName);
	const period = validity(options.validForDays ?? 365);
	const { certificates, privateKey: authorityKey } = parseIdentity(authority.certificate, authority.privateKey);
	const x509 = await loadX509();
	const issuer = new x509.X509Certificate(certificates[0] as Uint8Array<ArrayBuffer>);
	if (issuer.getExtension(x509.BasicConstraintsExtension)?.ca !== true) {
		throw new ConecError("CERTIFICATE_INVALID", "Cannot issue certificate: the certificate of the authority is not a CA certificate");
	}
	if (issuer.notAfter.getTime() < systemClock.wallMs()) throw new ConecError("CERTIFICATE_EXPIRED", "Cannot issue certificate: the authority has expired");
	const signer = await importSigner(createPrivateKey({ key: Buffer.from(authorityKey), format: "der", type: "pkcs8" }));
	const privateKey = options.privateKey === undefined ? await makeKey(options.keyType) : parseKey(readPrivateKey(options.privateKey));
	const problem = keyProblem(privateKey);
	if (problem !== undefined) throw new ConecError("CERTIFICATE_INVALID", `Cannot issue certificate: ${problem}`);
	const publicKey = publicKeyOf(x509, privateKey);
	const common = names[0]?.value ?? "";
	const certificate = await x509.X509CertificateGenerator.create(
		{
			serialNumber: Buffer.from(serialNumber()).toString("hex"),
			issuer: issuer.subjectName,
			// A name that is too long for a common name is only in the alternative names, where it counts.
			subject: new x509.Name([{ CN: [common.length > 64 ? "conec" : common] }]),
			notBefore: period.notBefore,
			notAfter: new Date(Math.min(period.notAfter.getTime(), issuer.notAfter.getTime())),
			...signer,
			publicKey,
			extensions: [
				new x509.SubjectAlternativeNameExtension(names),
				new x509.BasicConstraintsExtension(false, undefined, true),
				new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
				new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
				await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
				await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
			],
		},
		webcrypto,
	);
	const above = certificates.filter((der) => !isSelfIssued(der));
	return toPem([new Uint8Array(certificate.rawData), ...above], privateKey);
}

const DAY_MS = 86_400_000;

/** Loads the library late: it is large, and only making certificates needs it. It needs `Reflect` metadata. */
async function loadX509(): Promise<typeof import("@peculiar/x509")> {
	await import("reflect-metadata");
	return await import("@peculiar/x509");
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
	if (!Number.isInteger(days)) throw optionError("type", "validForDays", `must be an integer`);
	if (days < 1 || days > 36_500) throw optionError("range", "validForDays", `must be 1 to 36500, not ${days}`);
	const now = systemClock.wallMs();
	return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

async function makeKey(type: KeyType = "P-256"): Promise<KeyObject> {
	switch (type) {
		case "P-256":
		case "P-384":
			return await newEcKey(type);
		case "RSA-2048":
		case "RSA-3072":
			return await newRsaKey(Number(type.slice(4)));
		default:
			throw argumentError(
				typeof type === "string" ? "range" : "type",
				"OPTION_INVALID",
				`Option "keyType" must be one of "P-256", "P-384", "RSA-2048", "RSA-3072"`,
			);
	}
}

/** What an authority signs with. */
interface Signer {
	readonly signingAlgorithm: { readonly name: string; readonly hash: string };
	readonly signingKey: webcrypto.CryptoKey;
}

async function importSigner(key: KeyObject): Promise<Signer> {
	const problem = keyProblem(key);
	const curve = key.asymmetricKeyDetails?.namedCurve;
	const algorithm =
		key.asymmetricKeyType === "rsa"
			? ({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const)
			: curve === "prime256v1"
				? ({ name: "ECDSA", hash: "SHA-256", namedCurve: "P-256" } as const)
				: ({ name: "ECDSA", hash: "SHA-384", namedCurve: "P-384" } as const);
	if (problem !== undefined || key.asymmetricKeyType === "ed25519") {
		const words = problem ?? "its type is Ed25519; authorities have ECDSA or RSA keys here";
		throw new ConecError("CERTIFICATE_INVALID", `Cannot sign with the authority's key: ${words}`);
	}
	const pkcs8 = key.export({ type: "pkcs8", format: "der" });
	const { name, hash } = algorithm;
	return { signingAlgorithm: { name, hash }, signingKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]) };
}

function publicKeyOf(x509: typeof import("@peculiar/x509"), privateKey: KeyObject): import("@peculiar/x509").PublicKey {
	return new x509.PublicKey(new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" })));
}

function isSelfIssued(der: Uint8Array): boolean {
	const { subject, issuer } = new X509Certificate(der);
	return subject === issuer;
}

function toPem(chain: readonly Uint8Array[], privateKey: KeyObject): CertificateAndKey {
	return {
		certificate: chain.map((der) => writePem("CERTIFICATE", der)).join(""),
		privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
	};
}
