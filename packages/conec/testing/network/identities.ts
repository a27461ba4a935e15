/**
 * Identities of a test network: real certificates, with keys that come from the seed, so that they are the same in each run.
 * Whoever knows the seed knows the keys, so they protect nothing.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { LocalIdentity } from "#conec/tls/identity";
import { makeSelfSigned } from "#conec/tls/self-signed";

/** Whose key it is. Two that differ in anything have different keys. */
export interface KeyOwner {
	readonly seed: number;
	/** "coordinator", "client" or "kept client". */
	readonly role: string;
	/** Of a Client. */
	readonly id?: string;
	/** The directory that keeps it, or which of the keys that nothing keeps. */
	readonly which?: string | number;
}

/** A self-signed identity for `names`. `nowMs` is when it is made. Throws TypeError `OPTION_INVALID` for names that no certificate can have. */
export function seededIdentity(owner: KeyOwner, names: readonly string[], nowMs: number, key: LocalIdentity["key"]): Promise<LocalIdentity> {
	return makeSelfSigned({ names, privateKey: privateKeyOf(owner), nowMs }, key);
}

function privateKeyOf({ seed, role, id, which }: KeyOwner): Uint8Array {
	const scalar = createHash("sha256")
		.update(JSON.stringify(["conec test key", seed, role, id ?? null, which ?? null]))
		.digest();
	// Less than the order of the curve, and not 0.
	scalar[0] = (scalar[0] as number) & 0x7f;
	scalar[31] = (scalar[31] as number) | 1;
	return new Uint8Array(Buffer.concat([PKCS8_P256, scalar]));
}

/** What comes before the 32 bytes of a P-256 key in PKCS#8 (RFC 5208), without its public part. */
const PKCS8_P256: Buffer = Buffer.from("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", "hex");
