/**
 * Self-signed identities for open mode, where the key is the identity and the certificate only carries it.
 *
 * @module
 */

import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { argumentError } from "../errors.ts";
import type { LocalIdentity } from "./identity.ts";
import { parseIdentity } from "./identity.ts";

/** What a self-signed certificate is made for. */
export interface SelfSignedOptions {
	/** DNS names or IP addresses it is valid for; at least one. */
	readonly names: readonly string[];
	/** DER (PKCS#8) of the ECDSA P-256 key to use. @default a new one */
	readonly privateKey?: Uint8Array;
	/** Current time. @default the clock */
	readonly nowMs?: number;
}

/**
 * Makes a certificate for `names`, for servers and clients alike, valid from 5 minutes ago (clocks differ) for ten years,
 * signed with its own ECDSA P-256 key.
 *
 * @throws TypeError `OPTION_INVALID` for a name that is neither a DNS name nor an IP address
 */
export async function makeSelfSigned(options: SelfSignedOptions, key: LocalIdentity["key"]): Promise<LocalIdentity> {
	const names = options.names.map(alternativeName);
	const first = names[0];
	if (first === undefined) throw argumentError("type", "OPTION_INVALID", `Option "names" must hold at least one name`);
	const x509 = await loadX509();
	const keys = await keyPair(options.privateKey);
	const now = options.nowMs ?? Date.now();
	const certificate = await x509.X509CertificateGenerator.createSelfSigned(
		{
			serialNumber: serialNumber(),
			name: [{ CN: [first.value] }],
			notBefore: new Date(now - BACKDATE_MS),
			notAfter: new Date(now + VALIDITY_MS),
			signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
			keys,
			extensions: [
				new x509.SubjectAlternativeNameExtension(names),
				new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
				new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
			],
		},
		webcrypto,
	);
	const pkcs8 = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
	return parseIdentity(new Uint8Array(certificate.rawData), pkcs8, key);
}

/** Loads the X.509 library only where certificates are made: it is large. */
export async function loadX509(): Promise<typeof import("@peculiar/x509")> {
	await import("reflect-metadata");
	return await import("@peculiar/x509");
}

/** Positive, and 16 random bytes: no two certificates share it (RFC 5280, 4.1.2.2). */
export function serialNumber(): string {
	const bytes = randomBytes(16);
	bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
	return bytes.toString("hex");
}

/** How long before now a certificate begins: clocks differ. */
export const BACKDATE_MS: number = 5 * 60_000;
const VALIDITY_MS = 3_652 * 86_400_000;
/** The kind of key that is made. */
export const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** A name as it goes into a certificate. Throws TypeError `OPTION_INVALID` for what is neither a DNS name nor an IP address. */
export function alternativeName(name: string): { type: "dns" | "ip"; value: string } {
	if (typeof name === "string") {
		if (isIP(name) !== 0) return { type: "ip", value: name };
		const lower = name.toLowerCase();
		if (DNS_NAME.test(lower)) return { type: "dns", value: lower };
	}
	throw argumentError("type", "OPTION_INVALID", `Option "names" holds ${JSON.stringify(name)}, which is neither a DNS name nor an IP address`);
}

async function keyPair(privateKey: Uint8Array | undefined): Promise<webcrypto.CryptoKeyPair> {
	if (privateKey === undefined) return await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
	const secret = await webcrypto.subtle.importKey("pkcs8", privateKey, P256, true, ["sign"]);
	// The public half comes out of the private key's JWK by leaving out "d".
	const { kty, crv, x, y } = await webcrypto.subtle.exportKey("jwk", secret);
	const open = {
		...(kty === undefined ? {} : { kty }),
		...(crv === undefined ? {} : { crv }),
		...(x === undefined ? {} : { x }),
		...(y === undefined ? {} : { y }),
	};
	const publicKey = await webcrypto.subtle.importKey("jwk", open, P256, true, ["verify"]);
	return { privateKey: secret, publicKey };
}
