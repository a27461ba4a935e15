/**
 * The identities of a run: a self-signed one, written as DER for raw quinn into a directory that is removed, and those of an
 * authority. Made by Conec.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One identity for both ends of every measurement, in the forms that the subjects need. */
export interface BenchIdentity {
	readonly certificatePem: string;
	readonly privateKeyPem: string;
	readonly certificate: Uint8Array;
	/** PKCS#8. */
	readonly privateKey: Uint8Array;
	readonly certificateFile: string;
	readonly privateKeyFile: string;
	/** Removes the files. */
	dispose(): void;
}

/** Makes an ECDSA P-256 identity for "localhost" and 127.0.0.1. */
export async function makeIdentity(): Promise<BenchIdentity> {
	// The same maker that a Coordinator without a certificate uses.
	const { makeSelfSigned } = await import("../packages/conec/src/tls/self-signed.ts");
	const { certificates, privateKey } = await makeSelfSigned({ names: ["localhost", "127.0.0.1"] }, "kept");
	const certificate = certificates[0] ?? new Uint8Array();
	const directory = mkdtempSync(join(tmpdir(), "conec-bench-"));
	const certificateFile = join(directory, "certificate.der");
	const privateKeyFile = join(directory, "key.der");
	writeFileSync(certificateFile, certificate);
	writeFileSync(privateKeyFile, privateKey, { mode: 0o600 });
	return {
		certificatePem: pem("CERTIFICATE", certificate),
		privateKeyPem: pem("PRIVATE KEY", privateKey),
		certificate,
		privateKey,
		certificateFile,
		privateKeyFile,
		dispose: () => rmSync(directory, { recursive: true, force: true }),
	};
}

/** Certificate and key as a `Client` or a `Coordinator` takes them. */
export interface IssuedIdentity {
	readonly certificate: string;
	readonly privateKey: string;
}

/** For CA mode: an authority's certificate, and what it issued. */
export interface BenchAuthority {
	readonly ca: string;
	/** For "localhost". */
	readonly coordinator: IssuedIdentity;
	/** For the id "newcomer". */
	readonly client: IssuedIdentity;
}

/** Makes an ECDSA P-256 authority, and two certificates straight below it. */
export async function makeAuthority(): Promise<BenchAuthority> {
	const { createCertificateAuthority, issueCertificate } = await import("../packages/conec/src/tls/certificate-authority.ts");
	const authority = await createCertificateAuthority({ name: "conec benchmark" });
	const [coordinator, client] = await Promise.all([issueCertificate(authority, "localhost"), issueCertificate(authority, "newcomer")]);
	return { ca: authority.certificate, coordinator, client };
}

function pem(label: string, der: Uint8Array): string {
	const lines =
		Buffer.from(der)
			.toString("base64")
			.match(/.{1,64}/g) ?? [];
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
