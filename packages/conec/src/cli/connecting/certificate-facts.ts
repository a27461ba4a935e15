/**
 * What people want to know of a certificate, and whether it is about to expire.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { fingerprint } from "../../index.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { printable, quoted } from "../text/index.ts";

/** One certificate. Texts are printable. */
export interface CertificateFacts {
	readonly kind: "authority" | "certificate";
	/** Common name of its subject. */
	readonly subject: string;
	readonly issuer: string;
	readonly selfSigned: boolean;
	/** DNS names and IP addresses. */
	readonly names: readonly string[];
	readonly from: Date;
	readonly to: Date;
	readonly key: string;
	/** `sha256:<hex>` of its key. */
	readonly fingerprint: string;
	readonly serial: string;
}

/** Warned about that long before the end. */
export const WARN_BEFORE_MS: number = 30 * 86_400_000;

/** Facts of each certificate of a file, PEM or DER, in the order they stand. Throws an error that names the file. */
export function certificateFacts(content: Uint8Array, path: string): CertificateFacts[] {
	try {
		return split(content).map(factsOf);
	} catch (error) {
		const problem = error instanceof Error ? error.message : String(error);
		throw new CliError(EXIT_CODES.usage, `Cannot use ${quoted(path)}: ${problem}`, "A file of certificates is expected, in PEM or DER.", error);
	}
}

/** What is wrong or will soon be with the dates, in words that follow the name of the certificate; `undefined` while all is well. */
export function expiryWarning({ from, to }: Pick<CertificateFacts, "from" | "to">, nowMs: number): string | undefined {
	if (to.getTime() < nowMs) return `expired on ${day(to)}`;
	if (from.getTime() > nowMs) return `is not valid before ${from.toISOString()}`;
	return to.getTime() - nowMs < WARN_BEFORE_MS ? `expires in ${daysLeft(to, nowMs)} on ${day(to)}` : undefined;
}

/** "12 days", "1 day", "less than a day". */
export function daysLeft(to: Date, nowMs: number): string {
	const days = Math.round((to.getTime() - nowMs) / 86_400_000);
	return days < 1 ? "less than a day" : days === 1 ? "1 day" : `${days} days`;
}

/** The date alone. */
export function day(date: Date): string {
	return date.toISOString().slice(0, 10);
}

function split(content: Uint8Array): (string | Uint8Array)[] {
	// Throws with good words if the first certificate cannot be read.
	fingerprint(content);
	const blocks = Buffer.from(content)
		.toString("latin1")
		.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
	return blocks ?? [content];
}

function factsOf(source: string | Uint8Array): CertificateFacts {
	const certificate = new X509Certificate(source);
	const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
	return {
		kind: certificate.ca ? "authority" : "certificate",
		subject: commonName(certificate.subject),
		issuer: commonName(certificate.issuer),
		selfSigned: certificate.checkIssued(certificate),
		names: namesOf(certificate),
		from: new Date(certificate.validFrom),
		to: new Date(certificate.validTo),
		key:
			type === "rsa" ? `RSA ${details?.modulusLength ?? "?"}` : type === "ec" ? (CURVES.get(details?.namedCurve) ?? "ECDSA") : printable(type ?? "unknown", 32),
		fingerprint: fingerprint(source),
		serial: certificate.serialNumber.toLowerCase(),
	};
}

const CURVES: ReadonlyMap<string | undefined, string> = new Map([
	["prime256v1", "ECDSA P-256"],
	["secp384r1", "ECDSA P-384"],
]);

/** DNS names and IP addresses. Names that Node has to quote are shown as they are, quotes included. */
export function namesOf(certificate: Pick<X509Certificate, "subjectAltName">): string[] {
	const list = certificate.subjectAltName?.match(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g) ?? [];
	return list.map((name) => printable(name.trim().replace(/^(DNS|IP Address):/, ""), 300));
}

function commonName(name: string): string {
	const common = /^CN=(.*)$/m.exec(name)?.[1];
	return printable(common ?? name.replaceAll("\n", ", "), 200);
}
