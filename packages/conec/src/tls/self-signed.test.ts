import assert from "node:assert/strict";
import { createECDH, createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { readCertificate } from "./certificate.ts";
import { makeSelfSigned } from "./self-signed.ts";

/** PKCS#8 of the P-256 key with that number, without its public key. */
function pkcs8(secret: Buffer): Buffer {
	return Buffer.concat([Buffer.from("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", "hex"), secret]);
}

/** The first numbers of which the point has a zero byte in front of its x, and of its y. The numbers themselves begin with zeros. */
function shortPoints(): Buffer[] {
	const found = new Map<number, Buffer>();
	for (let number = 1; found.size < 2; number++) {
		const secret = Buffer.alloc(32);
		secret.writeUInt32BE(number, 28);
		const curve = createECDH("prime256v1");
		curve.setPrivateKey(secret);
		const point = curve.getPublicKey();
		for (const start of [1, 33]) if (point[start] === 0 && !found.has(start)) found.set(start, secret);
	}
	return [...found.values()];
}

test("self-signed: keys are encoded as OpenSSL encodes them, also those with zeros in front", async () => {
	const made = await Promise.all(
		[undefined, ...shortPoints().map(pkcs8)].map((privateKey) => makeSelfSigned({ names: ["ann"], ...(privateKey && { privateKey }) }, "kept")),
	);
	assert.equal(made.length, 3);
	for (const { certificates, privateKey } of made) {
		const key = createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" });
		assert.deepEqual(Buffer.from(privateKey), key.export({ format: "der", type: "pkcs8" }));
		const [certificate = new Uint8Array()] = certificates;
		assert.deepEqual(Buffer.from(readCertificate(certificate).publicKeyInfo), createPublicKey(key).export({ format: "der", type: "spki" }));
		const parsed = new X509Certificate(certificate);
		assert.deepEqual([parsed.checkPrivateKey(key), parsed.verify(createPublicKey(key))], [true, true]);
	}
});
