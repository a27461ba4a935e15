/**
 * Which keys are good enough.
 *
 * @module
 */

import type { KeyObject } from "node:crypto";

/**
 * What keeps a key from being used, or `undefined`: TLS 1.3 here signs and verifies with ECDSA P-256 and P-384, Ed25519
 * and RSA from 2048 bits.
 */
export function keyProblem(key: KeyObject): string | undefined {
	const details = key.asymmetricKeyDetails;
	switch (key.asymmetricKeyType) {
		case "ec":
			if (details?.namedCurve === "prime256v1" || details?.namedCurve === "secp384r1") return undefined;
			return `its curve is ${CURVE_NAMES.get(details?.namedCurve) ?? details?.namedCurve ?? "unknown"}, not P-256 or P-384`;
		case "ed25519":
			return undefined;
		case "rsa":
			if ((details?.modulusLength ?? 0) >= 2_048) return undefined;
			return `its RSA modulus has ${details?.modulusLength ?? 0} bits, not 2048 or more`;
		default:
			return `its type is ${key.asymmetricKeyType ?? "unknown"}, not ECDSA, Ed25519 or RSA`;
	}
}

const CURVE_NAMES: ReadonlyMap<string | undefined, string> = new Map([["secp521r1", "P-521"]]);
