/**
 * PEM (RFC 7468) or DER in, DER out.
 *
 * @module
 */

import { isBytes } from "../base/bytes.ts";
import { ConecError } from "../errors.ts";
import { DER_SEQUENCE, readDer, readDerChildren } from "./der.ts";

/** A certificate, a chain of certificates, or a key. PEM may be text or bytes. DER is bytes, and holds one certificate or key. */
export type Pem = string | Uint8Array;

/**
 * Reads one or more certificates, in the order they stand.
 *
 * @throws ConecError `CERTIFICATE_INVALID`, naming what was wrong.
 */
export function readCertificates(source: Pem): Uint8Array[] {
	const text = asText(source);
	if (text === undefined) return [wholeDer(source as Uint8Array, "certificate")];
	const all = readBlocks(text);
	const blocks = all.filter(({ label }) => CERTIFICATE_LABELS.includes(label));
	if (blocks.length === 0) throw invalid("certificate", missingWords(all, "CERTIFICATE"));
	return blocks.map(({ label, bytes }) => wholeDer(label === "TRUSTED CERTIFICATE" ? trustedCertificate(bytes) : bytes, "certificate"));
}

/** A private key as DER, with the form its PEM label told, or "unknown" for DER. */
export interface PrivateKeyBytes {
	readonly form: "pkcs8" | "sec1" | "pkcs1" | "unknown";
	readonly bytes: Uint8Array;
}

/**
 * Reads one private key.
 *
 * @throws ConecError `CERTIFICATE_INVALID`, naming what was wrong.
 */
export function readPrivateKey(source: Pem): PrivateKeyBytes {
	const text = asText(source);
	if (text === undefined) return { form: "unknown", bytes: wholeDer(source as Uint8Array, "private key") };
	const blocks = readBlocks(text);
	// An encrypted one counts as a key, too.
	if (blocks.some((block) => block.label === "ENCRYPTED PRIVATE KEY")) throw invalid("private key", "it is encrypted; decrypt it first");
	const keys = blocks.filter((block) => KEY_FORMS[block.label] !== undefined);
	const key = keys[0];
	if (key === undefined) throw invalid("private key", missingWords(blocks, "PRIVATE KEY"));
	if (keys.length > 1) throw invalid("private key", "there is more than one in it");
	if (key.encrypted) throw invalid("private key", "it is encrypted; decrypt it first");
	return { form: KEY_FORMS[key.label] ?? "unknown", bytes: wholeDer(key.bytes, "private key") };
}

/** Writes one block. */
export function writePem(label: "CERTIFICATE" | "PRIVATE KEY", der: Uint8Array): string {
	const lines =
		Buffer.from(der)
			.toString("base64")
			.match(/.{1,64}/g) ?? [];
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

const KEY_FORMS: Readonly<Record<string, PrivateKeyBytes["form"]>> = { "PRIVATE KEY": "pkcs8", "EC PRIVATE KEY": "sec1", "RSA PRIVATE KEY": "pkcs1" };

/** OpenSSL writes the last one: a certificate, and behind it what it may be used for. */
const CERTIFICATE_LABELS = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/** What people give instead, and what makes it what is wanted. */
const OTHER_LABELS: Readonly<Record<string, string>> = {
	"OPENSSH PRIVATE KEY": "it is a key in the format of OpenSSH; give one in PKCS#8",
	"CERTIFICATE REQUEST": "it is a request for a certificate; give the certificate that the authority made of it",
	"NEW CERTIFICATE REQUEST": "it is a request for a certificate; give the certificate that the authority made of it",
	PKCS7: "it is PKCS#7; convert it with openssl pkcs7 -print_certs",
	CMS: "it is PKCS#7; convert it with openssl pkcs7 -print_certs",
	"PUBLIC KEY": "it is only a public key",
};

function missingWords(blocks: readonly Block[], wanted: string): string {
	const other = blocks.map(({ label }) => OTHER_LABELS[label]).find((words) => words !== undefined);
	return `there is no ${wanted} block in it${other === undefined ? "" : `: ${other}`}`;
}

interface Block {
	readonly label: string;
	readonly bytes: Uint8Array;
	readonly encrypted: boolean;
}

/** Text, unless the bytes begin like DER and hold no PEM boundary. */
function asText(source: Pem): string | undefined {
	if (typeof source === "string") return source;
	if (!isBytes(source)) throw invalid("certificate or key", "it is neither a string nor bytes");
	const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
	// Editors and shells of Windows write UTF-16, and put a byte order mark before text.
	if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString("utf16le");
	if (bytes[0] === 0xfe && bytes[1] === 0xff)
		return Buffer.from(bytes.subarray(0, bytes.length & ~1))
			.swap16()
			.toString("utf16le");
	const text = bytes.toString("latin1");
	return source[0] === DER_SEQUENCE && !text.includes("-----BEGIN") ? undefined : text.replaceAll(UTF8_MARK, "");
}

/** The byte order mark of UTF-8, read as Latin-1. There may be several, where files were joined. */
const UTF8_MARK = "\u00ef\u00bb\u00bf";

function readBlocks(text: string): Block[] {
	const blocks: Block[] = [];
	let open: { label: string; lines: string[] } | undefined;
	// Variables of environments often have the line ends written out, or spaces in their place.
	const lines = text.replaceAll(/(?:\\r)?\\n/g, "\n").replaceAll(/-----(?:BEGIN|END) [A-Z0-9 ]+-----/g, "\n$&\n");
	for (const raw of lines.split(/\r\n|\n|\r/)) {
		const line = raw.trim();
		const boundary = /^-----(BEGIN|END) ([A-Z0-9 ]+)-----$/.exec(line);
		if (boundary === null) {
			open?.lines.push(line);
			continue;
		}
		const label = boundary[2] ?? "";
		if (boundary[1] === "BEGIN") {
			if (open !== undefined) throw invalid("PEM", `a ${open.label} block is cut short`);
			open = { label, lines: [] };
		} else {
			if (open?.label !== label) throw invalid("PEM", `a ${label} block ends that never began`);
			blocks.push(decodeBlock(open));
			open = undefined;
		}
	}
	if (open !== undefined) throw invalid("PEM", `a ${open.label} block is cut short`);
	return blocks;
}

function decodeBlock({ label, lines }: { label: string; lines: readonly string[] }): Block {
	const body = lines
		.filter((line) => !line.includes(":"))
		.join("")
		.replaceAll(/\s/g, "");
	if (!/^[A-Za-z0-9+/]*={0,2}$/.test(body) || body.length % 4 !== 0) throw invalid("PEM", `a ${label} block is not base64`);
	return {
		label,
		bytes: new Uint8Array(Buffer.from(body, "base64")),
		encrypted: lines.some((line) => line.startsWith("Proc-Type:") && line.includes("ENCRYPTED")),
	};
}

function wholeDer(bytes: Uint8Array, what: string): Uint8Array {
	const value = readDer(bytes, 0);
	if (value === undefined || value.tag !== DER_SEQUENCE) throw invalid(what, "it is neither PEM nor DER");
	if (value.end !== bytes.length) throw invalid(what, "bytes follow its end");
	return bytes.slice();
}

function invalid(what: string, problem: string): ConecError {
	return new ConecError("CERTIFICATE_INVALID", `Cannot read ${what}: ${problem}`);
}

/**
 * The certificate of a TRUSTED CERTIFICATE block. What OpenSSL keeps behind it says for which purposes its owner trusts it. Where that rules out
 * servers and clients, it is refused, and not trusted more than its owner does.
 */
function trustedCertificate(bytes: Uint8Array): Uint8Array {
	const certificate = readDer(bytes, 0);
	const settings = certificate === undefined ? undefined : readDer(bytes, certificate.end);
	if (certificate === undefined || (settings === undefined && certificate.end !== bytes.length)) throw invalid("certificate", "its trust settings are broken");
	if (settings !== undefined) {
		const fields = settings.tag === DER_SEQUENCE && settings.end === bytes.length ? readDerChildren(bytes, settings) : undefined;
		if (fields === undefined) throw invalid("certificate", "its trust settings are broken");
		const [trusted, rejected] = [DER_SEQUENCE, 0xa0].map((tag) => {
			const list = fields.find((field) => field.tag === tag);
			return list === undefined
				? undefined
				: (readDerChildren(bytes, list) ?? []).map(({ start, end }) => Buffer.from(bytes.subarray(start, end)).toString("hex"));
		});
		const concerns = (purpose: string): boolean => PURPOSES.includes(purpose);
		if (rejected?.some(concerns) === true || (trusted !== undefined && !trusted.some(concerns)))
			throw invalid("certificate", "its trust settings do not allow servers and clients; openssl x509 -clrtrust -clrreject removes them");
	}
	return bytes.subarray(0, certificate.end);
}

/** serverAuth, clientAuth, and any (RFC 5280, 4.2.1.12). */
const PURPOSES = ["2b06010505070301", "2b06010505070302", "551d2500"];
