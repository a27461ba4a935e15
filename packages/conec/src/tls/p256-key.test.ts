import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { parseIdentity } from "./identity.ts";
import { decodeP256 } from "./p256-key.ts";
import { writePem } from "./pem.ts";
import { makeSelfSigned } from "./self-signed.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pkcs8 = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
const sec1 = new Uint8Array(privateKey.export({ type: "sec1", format: "der" }));
const publicKeyInfo = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));

test("P-256 key: is read from the bytes that OpenSSL writes, in both forms, as OpenSSL reads it", () => {
	for (const der of [pkcs8, sec1]) {
		const read = decodeP256(der) ?? assert.fail();
		assert.deepEqual([new Uint8Array(read.privateKey), new Uint8Array(read.publicKeyInfo)], [pkcs8, publicKeyInfo]);
	}
});

test("P-256 key: of any other bytes nothing is said, whatever is cut off, changed or of another kind", () => {
	for (const der of [pkcs8, sec1]) {
		for (let i = 0; i < der.length; i++) {
			assert.equal(decodeP256(der.subarray(0, i)), undefined);
			const changed = der.map((byte, at) => (at === i ? byte ^ 0xff : byte));
			const read = decodeP256(changed);
			// What is left are the numbers themselves.
			if (read !== undefined)
				assert.equal(Buffer.compare(der === pkcs8 ? read.privateKey : sec1.map((byte, at) => (at === i ? byte ^ 0xff : byte)), changed), 0);
		}
	}
	for (const other of [
		generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
		generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey,
		generateKeyPairSync("ed25519").privateKey,
		generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey,
	])
		assert.equal(decodeP256(new Uint8Array(other.export({ type: "pkcs8", format: "der" }))), undefined);
	for (const length of [0, 1, 121, 138]) assert.equal(decodeP256(new Uint8Array(length)), undefined);
});

test("identity: one with a P-256 key needs nothing of OpenSSL, and one whose halves differ is refused as before", async () => {
	const made = await makeSelfSigned({ names: ["a"] }, "kept");
	const [leaf] = made.certificates;
	const certificate = writePem("CERTIFICATE", leaf ?? assert.fail());
	const own = createPrivateKey({ key: Buffer.from(made.privateKey), format: "der", type: "pkcs8" });
	const forms = [own.export({ type: "pkcs8", format: "pem" }), own.export({ type: "sec1", format: "pem" }), own.export({ type: "sec1", format: "der" })];
	for (const form of forms) assert.deepEqual(parseIdentity(certificate, form), made);
	assert.throws(() => parseIdentity(certificate, pkcs8), { code: "CERTIFICATE_KEY_MISMATCH" });
});
