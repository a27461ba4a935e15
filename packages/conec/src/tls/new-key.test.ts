import assert from "node:assert/strict";
import { createPublicKey, sign, verify } from "node:crypto";
import { test } from "node:test";
import { newEcKey, newP256KeySync, newRsaKey } from "./new-key.ts";

test("new keys: each is another one of the wanted kind, and signs", async () => {
	// One secret in 256 begins with a zero.
	const keys = [...Array.from({ length: 600 }, newP256KeySync), await newEcKey("P-256"), await newEcKey("P-384"), await newRsaKey(2_048)];
	assert.deepEqual(
		keys
			.slice(-4)
			.map(({ asymmetricKeyType, asymmetricKeyDetails }) => [asymmetricKeyType, asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength]),
		[
			["ec", "prime256v1"],
			["ec", "prime256v1"],
			["ec", "secp384r1"],
			["rsa", 2_048],
		],
	);
	const bytes = Buffer.from("what is signed");
	for (const key of keys) assert.ok(verify("sha256", bytes, createPublicKey(key), sign("sha256", bytes, key)));
	assert.equal(new Set(keys.map((key) => key.export({ type: "pkcs8", format: "pem" }))).size, keys.length);
});
