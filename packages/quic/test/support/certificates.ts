/**
 * Certificates for tests, good and bad, made on the spot: a small DER writer over node:crypto.
 *
 * @module
 */

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIPv4 } from "node:net";
import type { Identity } from "../../src/index.ts";

/** What is asked for; the rest is as a good leaf has it. */
export interface Wanted {
	/** DNS names and IPv4 addresses. */
	readonly names?: readonly string[];
	/** Whose key signs; `undefined`: its own. */
	readonly issuer?: Issued;
	/** Marked as an authority. */
	readonly authority?: boolean;
	readonly key?: "p256" | "p384" | "ed25519" | "rsa";
	readonly notBefore?: Date;
	readonly notAfter?: Date;
	readonly usages?: readonly ("server" | "client")[];
}

/** A certificate with its key and chain. */
export interface Issued {
	readonly certificate: Uint8Array;
	readonly subject: Buffer;
	readonly key: KeyObject;
	/** The chain without a self-signed authority. */
	readonly identity: Identity;
	readonly certificatePin: Uint8Array;
	readonly keyPin: Uint8Array;
}

export const DAY_MS = 86_400_000;

export function issue(wanted: Wanted = {}): Issued {
	const key = newKey(wanted.key ?? "p256");
	const subject = sequence(set(sequence(oid("2.5.4.3"), value(0x0c, Buffer.from(`test ${randomBytes(6).toString("hex")}`)))));
	const signer = wanted.issuer?.key ?? key;
	const algorithm = signatureAlgorithm(signer);
	const spki = createPublicKey(key).export({ type: "spki", format: "der" });
	const now = Date.now();
	const validity = sequence(time(wanted.notBefore ?? new Date(now - DAY_MS)), time(wanted.notAfter ?? new Date(now + 30 * DAY_MS)));
	const serial = randomBytes(12);
	serial[0] = 0x51;
	const body = sequence(
		value(0xa0, value(0x02, Buffer.of(2))),
		value(0x02, serial),
		algorithm,
		wanted.issuer?.subject ?? subject,
		validity,
		subject,
		spki,
		value(0xa3, sequence(...extensions(wanted))),
	);
	const signature = sign(digestOf(signer), body, signer);
	const certificate = new Uint8Array(sequence(body, algorithm, value(0x03, Buffer.concat([Buffer.of(0), signature]))));
	const above = wanted.issuer === undefined ? [] : wanted.issuer.identity.certificates.filter((der) => !isSelfSigned(der));
	return {
		certificate,
		subject,
		key,
		identity: { certificates: [certificate, ...above], privateKey: new Uint8Array(key.export({ type: "pkcs8", format: "der" })) },
		certificatePin: sha256(certificate),
		keyPin: sha256(spki),
	};
}

export function sha256(data: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(data).digest());
}

function isSelfSigned(der: Uint8Array): boolean {
	const { subject, issuer } = new X509Certificate(der);
	return subject === issuer;
}

function newKey(type: NonNullable<Wanted["key"]>): KeyObject {
	switch (type) {
		case "p256":
			return generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
		case "p384":
			return generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
		case "ed25519":
			return generateKeyPairSync("ed25519").privateKey;
		case "rsa":
			return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
	}
}

function digestOf(key: KeyObject): string | null {
	if (key.asymmetricKeyType === "ed25519") return null;
	return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
}

function signatureAlgorithm(key: KeyObject): Buffer {
	if (key.asymmetricKeyType === "ed25519") return sequence(oid("1.3.101.112"));
	if (key.asymmetricKeyType === "rsa") return sequence(oid("1.2.840.113549.1.1.11"), value(0x05, Buffer.alloc(0)));
	return sequence(oid(key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "1.2.840.10045.4.3.3" : "1.2.840.10045.4.3.2"));
}

function extensions(wanted: Wanted): Buffer[] {
	const list: Buffer[] = [];
	const add = (id: string, critical: boolean, content: Buffer): void => {
		list.push(sequence(oid(id), ...(critical ? [value(0x01, Buffer.of(0xff))] : []), value(0x04, content)));
	};
	if (wanted.authority === true) add("2.5.29.19", true, sequence(value(0x01, Buffer.of(0xff))));
	const names = wanted.names ?? (wanted.authority === true ? [] : ["localhost"]);
	if (names.length > 0) add("2.5.29.17", false, sequence(...names.map(generalName)));
	const usages = wanted.usages ?? (wanted.authority === true ? [] : ["server", "client"]);
	if (usages.length > 0) add("2.5.29.37", false, sequence(...usages.map((usage) => oid(usage === "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2"))));
	return list;
}

function generalName(name: string): Buffer {
	return isIPv4(name) ? value(0x87, Buffer.from(name.split(".").map(Number))) : value(0x82, Buffer.from(name));
}

function time(at: Date): Buffer {
	const digits = at.toISOString().replace(/[-:T]|\.\d+/g, "");
	return at.getUTCFullYear() < 2050 ? value(0x17, Buffer.from(digits.slice(2))) : value(0x18, Buffer.from(digits));
}

function value(tag: number, content: Buffer): Buffer {
	const { length } = content;
	const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return Buffer.concat([Buffer.of(tag, ...head), content]);
}

function sequence(...parts: Buffer[]): Buffer {
	return value(0x30, Buffer.concat(parts));
}

function set(...parts: Buffer[]): Buffer {
	return value(0x31, Buffer.concat(parts));
}

function oid(dotted: string): Buffer {
	const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
	const bytes = [first * 40 + second];
	for (const arc of rest) {
		const groups = [arc & 0x7f];
		for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
		bytes.push(...groups);
	}
	return value(0x06, Buffer.from(bytes));
}
