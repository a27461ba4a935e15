/**
 * Certificates of the systems over TLS: one self-signed for both sides, which both check. The parent has written it.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of `certificate.pem` and `key.pem`. */
export const IDENTITY_VARIABLE = "CONEC_BENCH_IDENTITY";

/** The identity, as PEM. */
export function identity(): { readonly certificate: string; readonly privateKey: string } {
	const folder = process.env[IDENTITY_VARIABLE];
	if (folder === undefined) throw new Error(`${IDENTITY_VARIABLE} is not set`);
	return { certificate: readFileSync(join(folder, "certificate.pem"), "utf8"), privateKey: readFileSync(join(folder, "key.pem"), "utf8") };
}

/** What `tls.createServer` and what is like it take. */
export interface TlsServer {
	readonly cert: string;
	readonly key: string;
	readonly ca: string;
	readonly requestCert: true;
	readonly rejectUnauthorized: true;
	readonly minVersion: "TLSv1.3";
}

/** What `tls.connect` and what is like it take. */
export interface TlsClient {
	readonly cert: string;
	readonly key: string;
	readonly ca: string;
	readonly servername: "localhost";
}

/** Of a server that wants a certificate of its clients. */
export function tlsServer(): TlsServer {
	const { certificate, privateKey } = identity();
	return { cert: certificate, key: privateKey, ca: certificate, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" };
}

/** Of a client that shows its certificate. */
export function tlsClient(): TlsClient {
	const { certificate, privateKey } = identity();
	return { cert: certificate, key: privateKey, ca: certificate, servername: "localhost" };
}
