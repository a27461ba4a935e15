/**
 * What a connection proves about the other side. Each transport makes this value once for each connection; nothing above
 * the transport looks into certificates that came over the wire to find out who is there.
 *
 * @module
 */

import { chainProblem, unreadableWords } from "./chain.ts";
import { formatFingerprint, keyDigest } from "./fingerprint.ts";

/** What the other side of a connection has proven to be. */
export type ProvenIdentity = CertificateIdentity | NoIdentity;

/**
 * The other side holds the private key of `leaf`. This alone says nothing about trust: what was asked for in
 * `Trust` was checked by the transport, and {@link identityProblem} looks at the chain again.
 */
export interface CertificateIdentity {
	readonly type: "certificate";
	/** DER of the certificate whose key is proven. It can be read. */
	readonly leaf: Uint8Array;
	/** DER of all certificates that were shown, `leaf` first. The others may be anything. */
	readonly chain: readonly Uint8Array[];
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of `leaf`. */
	readonly fingerprint: string;
}

/** The other side has proven nothing that can be used. */
export interface NoIdentity {
	readonly type: "none";
	/** The error to refuse the other side with, where an identity is needed: it showed no certificate, or one that cannot be read. */
	readonly code: "CERTIFICATE_REQUIRED" | "CERTIFICATE_REFUSED";
	/** Why, in words that follow "the certificate". */
	readonly problem: string;
}

/** The identity behind a chain (DER, leaf first) for which the other side has shown that it holds the leaf's key. Never throws. */
export function certificateIdentity(chain: readonly Uint8Array[]): ProvenIdentity {
	const [leaf] = chain;
	if (leaf === undefined) return { type: "none", code: "CERTIFICATE_REQUIRED", problem: "is missing" };
	try {
		return { type: "certificate", leaf, chain, fingerprint: formatFingerprint(keyDigest(leaf)) };
	} catch (error) {
		return { type: "none", code: "CERTIFICATE_REFUSED", problem: unreadableWords(error) };
	}
}

/**
 * Why an identity does not lead to one of `roots`, in words that follow "the certificate"; `undefined` if it does.
 * See {@link chainProblem}.
 */
export function identityProblem(identity: ProvenIdentity, roots: readonly Uint8Array[], role: "client" | "server", nowMs: number): string | undefined {
	return identity.type === "none" ? identity.problem : chainProblem(identity.chain, roots, role, nowMs);
}
