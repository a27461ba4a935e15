/**
 * Self-signed identities for open mode, where the key is the identity and the certificate only carries it. Written by hand
 * (RFC 5280): every Client without a kept identity makes one each time it connects, so it has to be quick.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP, isIPv4 } from "node:net";
import { systemClock } from "../base/clock.ts";
import { ConecError, optionError } from "../errors.ts";
import { DER_INTEGER, DER_OCTET_STRING, writeDer, writeOid, writeSequence } from "./der.ts";
import { formatFingerprint, publicKeyDigest } from "./fingerprint.ts";
import { asciiHostName, withoutZone } from "./host-name.ts";
import type { LocalIdentity } from "./identity.ts";
import { newP256KeySync } from "./new-key.ts";
import { type EncodedKey, encodeP256 } from "./p256-key.ts";

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
 * @throws TypeError `OPTION_INVALID` for a name that is neither a DNS name nor an IP address; ConecError
 * `CERTIFICATE_INVALID` for a key of another kind
 */
export async function makeSelfSigned(options: SelfSignedOptions, key: LocalIdentity["key"]): Promise<LocalIdentity> {
	const names = options.names.map(alternativeName);
	const first = names[0];
	if (first === undefined) throw optionError("type", "names", `must hold at least one name`);
	const privateKey = options.privateKey === undefined ? newP256KeySync() : readKey(options.privateKey);
	const encoded = encodeKey(privateKey);
	const now = options.nowMs ?? systemClock.wallMs();
	const subject = name(first.value);
	const body = writeSequence(
		writeDer(0xa0, writeDer(DER_INTEGER, Uint8Array.of(2))), // version 3
		writeDer(DER_INTEGER, serialNumber()),
		ECDSA_WITH_SHA256,
		subject,
		writeSequence(time(now - BACKDATE_MS), time(now + VALIDITY_MS)),
		subject,
		encoded.publicKeyInfo,
		writeDer(0xa3, writeSequence(extension(SUBJECT_ALT_NAME, writeSequence(...names.map(generalName))), KEY_USAGE, EXTENDED_KEY_USAGE)),
	);
	const certificate = new Uint8Array(writeSequence(body, ECDSA_WITH_SHA256, bitString(sign("sha256", body, { key: privateKey, dsaEncoding: "der" }))));
	return {
		certificates: [certificate],
		privateKey: encoded.privateKey,
		fingerprint: formatFingerprint(publicKeyDigest(encoded.publicKeyInfo)),
		key,
	};
}

/** A name as it goes into a certificate. */
export interface CertificateName {
	readonly type: "dns" | "ip";
	readonly value: string;
}

/** Checks a name, and gives it as certificates have it: internationalised names in ASCII, addresses without a zone. Throws TypeError `OPTION_INVALID` for what is neither a DNS name nor an IP address. */
export function alternativeName(text: string): CertificateName {
	if (typeof text === "string") {
		if (isIP(text) !== 0) return { type: "ip", value: withoutZone(text) };
		const lower = asciiHostName(text)?.toLowerCase();
		if (lower !== undefined && DNS_NAME.test(lower)) return { type: "dns", value: lower };
	}
	throw optionError("type", "names", `holds ${JSON.stringify(text)}, which is neither a DNS name nor an IP address`);
}

/** Positive, and 16 random bytes: no two certificates share it (RFC 5280, 4.1.2.2). */
export function serialNumber(): Uint8Array {
	const bytes = randomBytes(16);
	bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
	return new Uint8Array(bytes);
}

/** How long before now a certificate begins: clocks differ. */
export const BACKDATE_MS: number = 5 * 60_000;

const VALIDITY_MS = 3_652 * 86_400_000;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const COMMON_NAME_LENGTH = 64;

const ECDSA_WITH_SHA256 = writeSequence(writeOid("2a8648ce3d040302")); // 1.2.840.10045.4.3.2
const SUBJECT_ALT_NAME = "551d11"; // 2.5.29.17
const CRITICAL = Uint8Array.of(0x01, 0x01, 0xff);
const KEY_USAGE = extension("551d0f", Uint8Array.of(0x03, 0x02, 0x07, 0x80), CRITICAL); // 2.5.29.15: digitalSignature
const EXTENDED_KEY_USAGE = extension("551d25", writeSequence(writeOid("2b06010505070301"), writeOid("2b06010505070302"))); // serverAuth, clientAuth

function extension(oid: string, value: Uint8Array, ...critical: readonly Uint8Array[]): Uint8Array {
	return writeSequence(writeOid(oid), ...critical, writeDer(DER_OCTET_STRING, value));
}

/** A common name; one that would be too long is only in the alternative names, which are what counts. */
function name(text: string): Uint8Array {
	const common = text.length > COMMON_NAME_LENGTH ? "conec" : text;
	return writeSequence(writeDer(0x31, writeSequence(writeOid("550403"), writeDer(0x0c, Buffer.from(common)))));
}

function generalName({ type, value }: CertificateName): Uint8Array {
	return type === "dns" ? writeDer(0x82, Buffer.from(value)) : writeDer(0x87, addressBytes(value));
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
function time(ms: number): Uint8Array {
	const digits = `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-T:]/g, "")}Z`;
	return digits < "2050" ? writeDer(0x17, Buffer.from(digits.slice(2))) : writeDer(0x18, Buffer.from(digits));
}

function bitString(bytes: Uint8Array): Uint8Array {
	return writeDer(0x03, Uint8Array.of(0), bytes);
}

function addressBytes(address: string): Uint8Array {
	if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
	// An IPv4 tail becomes two groups; "::" becomes as many zero groups as are missing.
	const groups = address.replace(/[0-9]+\.[0-9.]+$/, (tail) => {
		const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number);
		return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
	});
	const [head = "", tail] = groups.split("::");
	const before = head === "" ? [] : head.split(":");
	const after = tail === undefined || tail === "" ? [] : tail.split(":");
	const all = [...before, ...new Array<string>(8 - before.length - after.length).fill("0"), ...after];
	return Uint8Array.from(
		all.flatMap((group) => {
			const value = Number.parseInt(group, 16);
			return [value >>> 8, value & 0xff];
		}),
	);
}

function encodeKey(key: KeyObject): EncodedKey {
	const jwk = key.export({ format: "jwk" });
	const [x, y, d] = [jwk.x, jwk.y, jwk.d].map((number = "") => Buffer.from(number, "base64url")) as [Buffer, Buffer, Buffer];
	return encodeP256({ secret: d, point: Buffer.concat([Uint8Array.of(4), x, y]) });
}

function readKey(pkcs8: Uint8Array): KeyObject {
	const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
	if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
		throw new ConecError("CERTIFICATE_INVALID", "Cannot make a certificate: the key is not ECDSA P-256");
	return key;
}
