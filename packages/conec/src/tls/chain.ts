/**
 * A second look at a chain that TLS has accepted, against the authorities that are trusted now. TLS takes a trusted
 * authority for a bare name and key, so it does not see the path length in the authority's own certificate; and it judges
 * by the authorities of the moment at which the handshake began, which `reload` may have replaced meanwhile.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { isConecError } from "../errors.ts";
import { type CertificateParts, readCertificate } from "./certificate.ts";
import { keyProblem } from "./key-strength.ts";

/**
 * Why `chain` (leaf first) does not lead to one of `roots`, in words that follow "the certificate"; `undefined` if it does:
 * signatures, dates, path lengths, marks of authorities and the usage of the leaf hold.
 */
export function chainProblem(chain: readonly Uint8Array[], roots: readonly Uint8Array[], role: "client" | "server", nowMs: number): string | undefined {
	try {
		const [leaf, ...between] = chain.map(link);
		if (leaf === undefined) return "is missing";
		if (isOver(leaf, nowMs)) return "has expired or is not valid yet";
		const usages = leaf.certificate.keyUsage as readonly string[] | undefined;
		if (usages !== undefined && !usages.includes(USAGES[role])) return `must not be used for a ${role}`;
		const trusted = linksOf(roots);
		if (trusted.some((root) => Buffer.compare(root.der, leaf.der) === 0)) return undefined;
		const search: Search = { between, trusted, nowMs, signaturesLeft: MOST_SIGNATURES, tooDeep: false };
		if (climb(leaf, 0, search)) return undefined;
		return search.tooDeep ? "is below more intermediates than an authority's path length allows" : "leads to no authority that is trusted";
	} catch (error) {
		return unreadableWords(error);
	}
}

/** What is wrong with a certificate that could not be read, in words that follow "the certificate". */
export function unreadableWords(error: unknown): string {
	return isConecError(error) ? `cannot be read (${error.message})` : "cannot be read";
}

/** A certificate as one step of a path. */
interface Link extends CertificateParts {
	readonly der: Uint8Array;
	readonly certificate: X509Certificate;
}

interface Search {
	readonly between: readonly Link[];
	readonly trusted: readonly Link[];
	readonly nowMs: number;
	/** So that no chain, however it is knotted, costs much. */
	signaturesLeft: number;
	tooDeep: boolean;
}

/** More than any honest chain needs. */
const MOST_SIGNATURES = 24;

const USAGES = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

/** Whether a path leads up from `from`, with `depth` intermediates below the next authority (RFC 5280, 6.1.4). */
function climb(from: Link, depth: number, search: Search): boolean {
	const issues = (authority: Link): boolean => {
		if (Buffer.compare(authority.subject, from.issuer) !== 0 || search.signaturesLeft === 0) return false;
		search.signaturesLeft--;
		if (!from.certificate.verify(authority.certificate.publicKey)) return false;
		const allowed = depth <= (authority.pathLength ?? Number.POSITIVE_INFINITY);
		search.tooDeep ||= !allowed;
		return allowed;
	};
	if (search.trusted.some(issues)) return true;
	if (depth >= search.between.length) return false;
	return search.between.some((one) => {
		const fit = one.authority && !isOver(one, search.nowMs) && keyProblem(one.certificate.publicKey) === undefined;
		// One that issued itself anew does not count (RFC 5280, 4.2.1.9).
		const deeper = Buffer.compare(one.subject, one.issuer) === 0 ? depth : depth + 1;
		return fit && one !== from && issues(one) && climb(one, deeper, search);
	});
}

function isOver({ certificate }: Link, nowMs: number): boolean {
	return nowMs < Date.parse(certificate.validFrom) || nowMs > Date.parse(certificate.validTo) + 999;
}

function link(der: Uint8Array): Link {
	return { ...readCertificate(der), der, certificate: new X509Certificate(der) };
}

const cache = new WeakMap<readonly Uint8Array[], readonly Link[]>();

function linksOf(roots: readonly Uint8Array[]): readonly Link[] {
	const links = cache.get(roots) ?? roots.map(link);
	cache.set(roots, links);
	return links;
}
