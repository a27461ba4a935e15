/**
 * ECDSA P-256 keys as bytes, without OpenSSL: what reads and writes keys of every kind there takes ten times as long as all else that is done
 * with an identity. Each Client has a key, and most keys are of this kind.
 *
 * @module
 */

import { DER_INTEGER, DER_OCTET_STRING, writeDer, writeOid, writeSequence } from "./der.ts";

/** A key, as certificates and files have it. */
export interface EncodedKey {
	/** DER of the SubjectPublicKeyInfo (RFC 5480). */
	readonly publicKeyInfo: Uint8Array;
	/** DER of the PKCS#8 (RFC 5958, 5915). */
	readonly privateKey: Uint8Array;
}

/** Encodes a key as OpenSSL does. `secret`: 32 bytes. `point`: the public key, 65 bytes, not compressed. */
export function encodeP256({ secret, point }: P256Numbers): EncodedKey {
	const inner = writeSequence(VERSION_1, writeDer(DER_OCTET_STRING, secret), publicField(point));
	return {
		publicKeyInfo: writeSequence(ALGORITHM, bitString(point)),
		privateKey: new Uint8Array(writeSequence(writeDer(DER_INTEGER, Uint8Array.of(0)), ALGORITHM, writeDer(DER_OCTET_STRING, inner))),
	};
}

/**
 * Reads a key in DER, PKCS#8 or SEC1, that has the very bytes which OpenSSL and {@link encodeP256} write. `undefined`: it is of another kind, or
 * written in another way. Whether the two halves belong together is not looked at here, and OpenSSL does not look either: TLS does before it uses them.
 */
export function decodeP256(der: Uint8Array): EncodedKey | undefined {
	const sec1 = der.length === SEC1_BYTES;
	if (!sec1 && der.length !== PKCS8_BYTES) return undefined;
	const secretAt = sec1 ? 7 : 36;
	const numbers = { secret: der.subarray(secretAt, secretAt + 32), point: der.subarray(-65) };
	if (numbers.point[0] !== UNCOMPRESSED) return undefined;
	const encoded = encodeP256(numbers);
	return Buffer.compare(sec1 ? encodeSec1(numbers) : encoded.privateKey, der) === 0 ? encoded : undefined;
}

interface P256Numbers {
	readonly secret: Uint8Array;
	readonly point: Uint8Array;
}

function encodeSec1({ secret, point }: P256Numbers): Uint8Array {
	return writeSequence(VERSION_1, writeDer(DER_OCTET_STRING, secret), writeDer(0xa0, CURVE), publicField(point));
}

function publicField(point: Uint8Array): Uint8Array {
	return writeDer(0xa1, bitString(point));
}

function bitString(bytes: Uint8Array): Uint8Array {
	return writeDer(0x03, Uint8Array.of(0), bytes);
}

const PKCS8_BYTES = 138;
const SEC1_BYTES = 121;
/** SEC 1, 2.3.3. */
const UNCOMPRESSED = 4;
const VERSION_1 = writeDer(DER_INTEGER, Uint8Array.of(1));
const CURVE = writeOid("2a8648ce3d030107"); // 1.2.840.10045.3.1.7
/** AlgorithmIdentifier: id-ecPublicKey with the curve. */
const ALGORITHM = writeSequence(writeOid("2a8648ce3d0201"), CURVE);
