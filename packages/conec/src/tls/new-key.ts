/**
 * New private keys.
 *
 * What makes a key in Node 20 locks that key once more when it is collected (`~KeyPairGenConfig` in its sources). If that
 * happens while the key is exported or signs, which makes garbage, the process waits for itself for ever. Four of 58 processes with
 * 1,000 new identities did. So a new key is handed over as bytes, and what reads them is another key, which nothing else knows.
 *
 * @module
 */

import { createECDH, createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";

const publicKeyEncoding = { type: "spki", format: "der" } as const;
const privateKeyEncoding = { type: "pkcs8", format: "der" } as const;

/** Makes an ECDSA P-256 key at once. It takes a tenth of a millisecond; to read one from DER takes three. */
export function newP256KeySync(): KeyObject {
	const pair = createECDH("prime256v1");
	const point = pair.generateKeys();
	const secret = pair.getPrivateKey();
	const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
	// Leading zeros are not there, and have to be (RFC 7518, 6.2.2.1).
	const padded = Buffer.concat([Buffer.alloc(COORDINATE_BYTES - secret.length), secret]);
	const [x, y] = [point.subarray(1, 1 + COORDINATE_BYTES), point.subarray(1 + COORDINATE_BYTES)];
	return createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: base64(x), y: base64(y), d: base64(padded) } });
}

/** Makes an ECDSA key. */
export function newEcKey(namedCurve: "P-256" | "P-384"): Promise<KeyObject> {
	return new Promise((resolve, reject) => {
		generateKeyPair("ec", { namedCurve, publicKeyEncoding, privateKeyEncoding }, (error, _, key) => (error === null ? resolve(read(key)) : reject(error)));
	});
}

/** Makes an RSA key, which may take a second. */
export function newRsaKey(modulusLength: number): Promise<KeyObject> {
	return new Promise((resolve, reject) => {
		generateKeyPair("rsa", { modulusLength, publicKeyEncoding, privateKeyEncoding }, (error, _, key) => (error === null ? resolve(read(key)) : reject(error)));
	});
}

const COORDINATE_BYTES = 32;

function read(key: Buffer): KeyObject {
	return createPrivateKey({ key, format: "der", type: "pkcs8" });
}
