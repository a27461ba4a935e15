/**
 * What TLS would check, for the memory network: with real certificates by Node's own X.509 code, with anything else by
 * equality. (Usage of keys and long chains are left to the real thing.)
 *
 * @module
 */

import { createHash, X509Certificate } from "node:crypto";
import { ConecError } from "#conec/errors";
import { keyDigest } from "#conec/tls/fingerprint";
import { refusalWords } from "#conec/tls/refusal-words";
import type { Trust } from "#conec/tls/trust";

/** Why `chain` (leaf first) does not satisfy `trust`, or `undefined` if it does. `serverName` is checked with roots only. */
export function trustProblem(trust: Trust, chain: readonly Uint8Array[], nowMs: number, serverName?: string): ConecError | undefined {
	const { roots, pinnedKeys, pinnedCertificates } = trust;
	const leaf = chain[0];
	if (leaf === undefined) {
		return new ConecError("CERTIFICATE_REQUIRED", "Cannot verify the peer: it showed no certificate");
	}
	if (pinnedKeys !== undefined && !contains(pinnedKeys, keyDigestOf(leaf))) {
		return new ConecError("PIN_MISMATCH", `Cannot verify the peer: ${refusalWords("pin", keyDigestOf(leaf))}`);
	}
	if (pinnedCertificates !== undefined && !contains(pinnedCertificates, sha256(leaf))) {
		return new ConecError("PIN_MISMATCH", "Cannot verify the peer: its certificate is none of the pinned ones");
	}
	return roots === undefined ? undefined : rootsProblem(roots, chain, leaf, nowMs, serverName);
}

function rootsProblem(
	roots: readonly Uint8Array[],
	chain: readonly Uint8Array[],
	leaf: Uint8Array,
	nowMs: number,
	serverName: string | undefined,
): ConecError | undefined {
	const certificate = parse(leaf);
	if (certificate === undefined) {
		return chain.some((one) => contains(roots, one))
			? undefined
			: new ConecError("CERTIFICATE_UNTRUSTED", "Cannot verify the peer: no known authority issued its certificate");
	}
	if (Date.parse(certificate.validFrom) > nowMs) {
		return new ConecError("CERTIFICATE_NOT_YET_VALID", `Cannot verify the peer: its certificate is valid from ${certificate.validFrom}`);
	}
	if (Date.parse(certificate.validTo) < nowMs) {
		return new ConecError("CERTIFICATE_EXPIRED", `Cannot verify the peer: its certificate expired ${certificate.validTo}`);
	}
	const authorities = roots.map(parse).filter((root) => root !== undefined);
	if (!chain.some((one) => isIssued(one, roots, authorities))) {
		return new ConecError("CERTIFICATE_UNTRUSTED", "Cannot verify the peer: no known authority issued its certificate");
	}
	if (serverName !== undefined && certificate.checkHost(serverName, { subject: "never" }) === undefined) {
		return new ConecError("CERTIFICATE_NAME_MISMATCH", `Cannot verify the peer: its certificate is not for ${JSON.stringify(serverName)}`);
	}
	return undefined;
}

function isIssued(der: Uint8Array, roots: readonly Uint8Array[], authorities: readonly X509Certificate[]): boolean {
	const certificate = parse(der);
	return contains(roots, der) || (certificate !== undefined && authorities.some((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey)));
}

function parse(der: Uint8Array): X509Certificate | undefined {
	try {
		return new X509Certificate(der);
	} catch {
		return undefined;
	}
}

function keyDigestOf(leaf: Uint8Array): Uint8Array {
	const known = digests.get(leaf);
	if (known !== undefined) return known;
	const digest = parse(leaf) === undefined ? sha256(leaf) : keyDigest(leaf);
	digests.set(leaf, digest);
	return digest;
}

/** Of certificates that have been shown, which nobody changes. */
const digests: WeakMap<Uint8Array, Uint8Array> = new WeakMap();

function sha256(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}

function contains(list: readonly Uint8Array[], bytes: Uint8Array): boolean {
	return list.some((one) => Buffer.compare(one, bytes) === 0);
}
