/**
 * Certificates of a run: made by Conec's own authority, written as DER for raw quinn into a directory that is removed.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One identity for both ends of every measurement, in the forms that the subjects need. */
export interface BenchIdentity {
	readonly certificatePem: string;
	readonly privateKeyPem: string;
	readonly certificate: Uint8Array;
	readonly privateKey: Uint8Array;
	readonly certificateFile: string;
	readonly privateKeyFile: string;
	/** Removes the files. */
	dispose(): void;
}

/** Makes an ECDSA P-256 identity for "localhost". */
export async function makeIdentity(): Promise<BenchIdentity> {
	const { createCertificateAuthority, issueCertificate } = await import("conec");
	const authority = await createCertificateAuthority({ name: "conec benchmark" });
	const issued = await issueCertificate(authority, "localhost");
	const certificate = new X509Certificate(issued.certificate).raw;
	const privateKey = createPrivateKey(issued.privateKey).export({ type: "pkcs8", format: "der" });
	const directory = mkdtempSync(join(tmpdir(), "conec-bench-"));
	const certificateFile = join(directory, "certificate.der");
	const privateKeyFile = join(directory, "key.der");
	writeFileSync(certificateFile, certificate);
	writeFileSync(privateKeyFile, privateKey, { mode: 0o600 });
	return {
		certificatePem: issued.certificate,
		privateKeyPem: issued.privateKey,
		certificate: new Uint8Array(certificate),
		privateKey: new Uint8Array(privateKey),
		certificateFile,
		privateKeyFile,
		dispose: () => rmSync(directory, { recursive: true, force: true }),
	};
}
