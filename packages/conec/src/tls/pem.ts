/**
 * PEM (RFC 7468) or DER in, DER out.
 *
 * @module
 */

import { isBytes } from "../base/bytes.ts";
import { ConecError } from "../errors.ts";
import { DER_SEQUENCE, readDer } from "./der.ts";

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
	const blocks = readBlocks(text).filter((block) => block.label === "CERTIFICATE" || block.label === "X509 CERTIFICATE");
	if (blocks.length === 0) throw invalid("certificate", "there is no CERTIFICATE block in it");
	return blocks.map((block) => wholeDer(block.bytes, "certificate"));
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
	if (blocks.some((block) => block.label === "ENCRYPTED PRIVATE KEY")) throw invalid("private key", "it is encrypted; decrypt it first");
	const keys = blocks.filter((block) => KEY_FORMS[block.label] !== undefined);
	const key = keys[0];
	if (key === undefined) throw invalid("private key", "there is no PRIVATE KEY block in it");
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

interface Block {
	readonly label: string;
	readonly bytes: Uint8Array;
	readonly encrypted: boolean;
}

/** Text, unless the bytes begin like DER and hold no PEM boundary. */
function asText(source: Pem): string | undefined {
	if (typeof source === "string") return source;
	if (!isBytes(source)) throw invalid("certificate or key", "it is neither a string nor bytes");
	const text = Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString("latin1");
	return source[0] === DER_SEQUENCE && !text.includes("-----BEGIN") ? undefined : text;
}

function readBlocks(text: string): Block[] {
	const blocks: Block[] = [];
	let open: { label: string; lines: string[] } | undefined;
	for (const raw of text.split(/\r\n|\n|\r/)) {
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
	const body = lines.filter((line) => !line.includes(":")).join("");
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
