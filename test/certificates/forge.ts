/**
 * Certificates with any fault that is asked for, made on the spot: nothing that makes certificates for a living would.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { DER_INTEGER, DER_OCTET_STRING, writeDer, writeOid, writeSequence } from "../../packages/conec/src/tls/der.ts";
import { serialNumber } from "../../packages/conec/src/tls/self-signed.ts";

/** Kinds of keys, wanted and unwanted. */
export type KeyKind = "P-256" | "P-384" | "P-521" | "Ed25519" | "RSA-1024" | "RSA-2048";

/** What is asked for; the rest is as a good certificate for `alice` has it. */
export interface Wanted {
	/** Common name. @default "test" */
	readonly subject?: string;
	/** DNS names, or any GeneralName by tag and bytes. */
	readonly names?: readonly (string | { readonly tag: number; readonly bytes: Uint8Array })[];
	/** Who signs; absent: the certificate itself. */
	readonly issuer?: Forged;
	/** `basicConstraints` with CA:TRUE, and perhaps a path length. */
	readonly authority?: boolean | { readonly pathLength: number };
	readonly key?: KeyKind;
	/** Extended key usage. @default both, or none for an authority */
	readonly usages?: readonly ("server" | "client")[];
	/** Seconds from now. @default an hour ago */
	readonly beginsInSeconds?: number;
	/** Seconds from now. @default in an hour */
	readonly endsInSeconds?: number;
	readonly hash?: "sha1";
	/** Bytes of an extension that nobody needs to understand. */
	readonly ballastBytes?: number;
}

/** A certificate with its key. */
export interface Forged {
	/** DER. */
	readonly der: Uint8Array;
	/** DER, as its issuer's name stands in what it issues. */
	readonly subject: Uint8Array;
	readonly key: KeyObject;
}

/** Makes a certificate. */
export function forge(wanted: Wanted = {}): Forged {
	const key = newKey(wanted.key ?? "P-256");
	const subject = writeSequence(writeDer(0x31, writeSequence(writeOid("550403"), writeDer(0x0c, Buffer.from(wanted.subject ?? "test")))));
	const signer = wanted.issuer?.key ?? key;
	const hash = wanted.hash ?? (signer.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256");
	const algorithm = signatureAlgorithm(signer, hash);
	const body = writeSequence(
		writeDer(0xa0, writeDer(DER_INTEGER, Uint8Array.of(2))), // version 3
		writeDer(DER_INTEGER, serialNumber()),
		algorithm,
		wanted.issuer?.subject ?? subject,
		writeSequence(time(wanted.beginsInSeconds ?? -3_600), time(wanted.endsInSeconds ?? 3_600)),
		subject,
		createPublicKey(key).export({ type: "spki", format: "der" }),
		writeDer(0xa3, writeSequence(...extensions(wanted))),
	);
	const signature = sign(signer.asymmetricKeyType === "ed25519" ? null : hash, body, signer);
	return { der: new Uint8Array(writeSequence(body, algorithm, writeDer(0x03, Uint8Array.of(0), signature))), subject, key };
}

/** PEM of certificates, one after the other. */
export function pemOf(...chain: readonly Forged[]): string {
	return chain.map(({ der }) => pem("CERTIFICATE", der)).join("");
}

/** The options of a Client or a Coordinator that shows this chain. */
export function shown(...chain: readonly Forged[]): { certificate: string; privateKey: string } {
	return { certificate: pemOf(...chain), privateKey: (chain[0] as Forged).key.export({ type: "pkcs8", format: "pem" }) as string };
}

function pem(label: string, der: Uint8Array): string {
	return `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
}

const keys = new Map<KeyKind, KeyObject>();

/** RSA keys take long to make, so there is one of each kind; of the others each certificate has its own. */
function newKey(kind: KeyKind): KeyObject {
	switch (kind) {
		case "P-256":
		case "P-384":
		case "P-521":
			return generateKeyPairSync("ec", { namedCurve: kind }).privateKey;
		case "Ed25519":
			return generateKeyPairSync("ed25519").privateKey;
		default: {
			const key = keys.get(kind) ?? generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(4)) }).privateKey;
			keys.set(kind, key);
			return key;
		}
	}
}

const NULL = writeDer(0x05);

function signatureAlgorithm(signer: KeyObject, hash: "sha1" | "sha256" | "sha384"): Uint8Array {
	switch (signer.asymmetricKeyType) {
		case "ed25519":
			return writeSequence(writeOid("2b6570"));
		case "rsa":
			return writeSequence(writeOid({ sha1: "2a864886f70d010105", sha256: "2a864886f70d01010b", sha384: "2a864886f70d01010c" }[hash]), NULL);
		default:
			return writeSequence(writeOid({ sha1: "2a8648ce3d0401", sha256: "2a8648ce3d040302", sha384: "2a8648ce3d040303" }[hash]));
	}
}

const TRUE = writeDer(0x01, Uint8Array.of(0xff));

function extensions(wanted: Wanted): Uint8Array[] {
	const { authority = false, names = authority === false ? ["alice"] : [], usages = authority === false ? ["server", "client"] : [] } = wanted;
	const list: Uint8Array[] = [];
	const add = (oid: string, value: Uint8Array, ...critical: readonly Uint8Array[]): void => {
		list.push(writeSequence(writeOid(oid), ...critical, writeDer(DER_OCTET_STRING, value)));
	};
	if (authority !== false) {
		const pathLength = authority === true ? [] : [writeDer(DER_INTEGER, Uint8Array.of(authority.pathLength))];
		add("551d13", writeSequence(TRUE, ...pathLength), TRUE);
	}
	if (names.length > 0) {
		const general = names.map((name) => (typeof name === "string" ? writeDer(0x82, Buffer.from(name)) : writeDer(name.tag, name.bytes)));
		add("551d11", writeSequence(...general));
	}
	if (usages.length > 0) add("551d25", writeSequence(...usages.map((usage) => writeOid(usage === "server" ? "2b06010505070301" : "2b06010505070302"))));
	if (wanted.ballastBytes !== undefined) add("2a030405", new Uint8Array(wanted.ballastBytes));
	return list;
}

function time(inSeconds: number): Uint8Array {
	const digits = new Date(Date.now() + inSeconds * 1_000).toISOString().slice(2, 19).replaceAll(/[-T:]/g, "");
	return writeDer(0x17, Buffer.from(`${digits}Z`));
}
