/**
 * Whom a connection is made with: what {@link Trust} says, and how options become it.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { isBytes } from "../base/bytes.ts";
import { ConecError } from "../errors.ts";
import { readCertificate } from "./certificate.ts";
import { parseFingerprint } from "./fingerprint.ts";
import { keyProblem } from "./key-strength.ts";
import { type Pem, readCertificates } from "./pem.ts";

/** Every condition that is given must hold; with none, any key whose possession is proven (accepting side only). */
export interface Trust {
	/** DER of authorities. Dates, usage and, for the dialling side, the server name are checked. */
	readonly roots?: readonly Uint8Array[];
	/** SHA-256 of acceptable SubjectPublicKeyInfos. Alone, names and dates are not checked: the key is. */
	readonly pinnedKeys?: readonly Uint8Array[];
	/** SHA-256 of acceptable whole certificates. Same rule. */
	readonly pinnedCertificates?: readonly Uint8Array[];
}

/**
 * Whom a Client trusts to be the Coordinator. `pin` alone: only the key counts, names and dates do not. `ca` alone: the
 * chain, its dates and the name. Both: both. Neither: Node's root store and the name.
 *
 * @throws ConecError `CERTIFICATE_INVALID`; TypeError `OPTION_INVALID`
 */
export function coordinatorTrust(options: { readonly ca?: Pem | readonly Pem[] | undefined; readonly pin?: string | readonly string[] | undefined }): Trust {
	const { ca, pin } = options;
	const pins = pin === undefined ? undefined : (typeof pin === "string" ? [pin] : pin).map((text) => parseFingerprint(text, "pin"));
	const roots = ca === undefined ? undefined : readAuthorities(ca);
	if (pins === undefined) return { roots: roots ?? nodeRoots() };
	return roots === undefined ? { pinnedKeys: pins } : { pinnedKeys: pins, roots };
}

/** Whom a Coordinator lets in: with `clientCa` only certificates of it (never of the system's roots), else any key that is proven. */
export function clientTrust(clientCa: Pem | readonly Pem[] | undefined): Trust {
	return clientCa === undefined ? {} : { roots: readAuthorities(clientCa) };
}

/**
 * Reads one or more authorities, each PEM (one or more blocks) or DER.
 *
 * @throws ConecError `CERTIFICATE_INVALID`, naming what was wrong.
 */
export function readAuthorities(source: Pem | readonly Pem[]): Uint8Array[] {
	const sources: readonly Pem[] = typeof source === "string" || isBytes(source) ? [source] : source;
	const roots = sources.flatMap((one) => readCertificates(one));
	if (roots.length === 0) throw new ConecError("CERTIFICATE_INVALID", "Cannot read authorities: no certificate is given");
	for (const root of roots) checkAuthority(root);
	return roots;
}

/** One whose signatures would never be accepted is a mistake better told now. */
function checkAuthority(der: Uint8Array): void {
	readCertificate(der);
	let problem: string | undefined;
	try {
		problem = keyProblem(new X509Certificate(der).publicKey);
	} catch (cause) {
		throw new ConecError("CERTIFICATE_INVALID", "Cannot use authority: its key cannot be read", { cause });
	}
	if (problem !== undefined) throw new ConecError("CERTIFICATE_INVALID", `Cannot use authority: its key is not supported: ${problem}`);
}

let cachedRoots: readonly Uint8Array[] | undefined;

function nodeRoots(): readonly Uint8Array[] {
	cachedRoots ??= rootCertificates.flatMap((pem) => readCertificates(pem));
	return cachedRoots;
}
