/**
 * What each certificate comes to. One line, one case: what is shown to whom, and whether it is accepted, or who refuses it
 * with which code and in which words. The code and the words are those that the Client gets; the Coordinator's application
 * hears of refusals after the handshake.
 */

import type { ClientOptions } from "../../packages/conec/src/client/options.ts";
import type { CoordinatorOptions } from "../../packages/conec/src/coordinator/options.ts";
import type { ConecErrorCode } from "../../packages/conec/src/errors.ts";
import { fingerprintOf } from "../../packages/conec/src/tls/fingerprint.ts";
import { type Forged, forge, type KeyKind, pemOf, shown, type Wanted } from "./forge.ts";

/** One line of the table. */
export interface Case {
	readonly what: string;
	readonly coordinator: CoordinatorOptions;
	/** Id "alice" and host "localhost" unless given; `coordinator` without port. */
	readonly client: Partial<ClientOptions>;
	readonly outcome: Outcome;
}

/** "here": the options themselves are refused, before a packet is sent. */
export type Outcome =
	| "accepted"
	| {
			readonly by: "client" | "client after tls" | "here" | "coordinator in tls" | "coordinator after hello";
			readonly code: ConecErrorCode;
			readonly words: RegExp;
	  };

const root: Forged = forge({ subject: "root", authority: true });
const otherRoot: Forged = forge({ subject: "other root", authority: true });
/** The same name as the root's, another key. */
const outdatedRoot: Forged = forge({ subject: "root", authority: true });
const expiredRoot: Forged = forge({ subject: "expired root", authority: true, beginsInSeconds: -7_200, endsInSeconds: -3_600 });
const intermediate: Forged = forge({ subject: "intermediate", authority: true, issuer: root });
const expiredIntermediate: Forged = forge({ subject: "expired intermediate", authority: true, issuer: root, beginsInSeconds: -7_200, endsInSeconds: -3_600 });
const shortIntermediate: Forged = forge({ subject: "short intermediate", authority: { pathLength: 0 }, issuer: root });
const belowShort: Forged = forge({ subject: "one too many", authority: true, issuer: shortIntermediate });
const shortRoot: Forged = forge({ subject: "short root", authority: { pathLength: 0 } });
const belowShortRoot: Forged = forge({ subject: "not allowed", authority: true, issuer: shortRoot });
const leafAsAuthority: Forged = forge({ subject: "a leaf", issuer: root });
const weakRoot: Forged = forge({ subject: "weak root", authority: true, key: "RSA-1024" });
const weakIntermediate: Forged = forge({ subject: "weak intermediate", authority: true, key: "RSA-1024", issuer: root });

const ca = pemOf(root);
const localhost: Forged = forge({ names: ["localhost"], issuer: root });
const alice: Forged = forge({ issuer: root });
const KIB = 1_024;

/** What holds in the same way for both sides' certificates. */
interface EitherSide {
	readonly what: string;
	/** Leaf first. */
	readonly chain: (names: readonly string[]) => Forged[];
	/** @default the root */
	readonly ca?: string | string[];
	/** Accepted where absent. A Coordinator's: the Client refuses it; a Client's: the Coordinator, in TLS. */
	readonly refused?: readonly [codeOfClient: ConecErrorCode, codeOfCoordinator: ConecErrorCode, words: RegExp];
	/** Not by TLS, but by what looks at the chain after it. */
	readonly late?: boolean;
}

const issued =
	(wanted: Wanted) =>
	(names: readonly string[]): Forged[] => [forge({ names, issuer: root, ...wanted })];

/** A chain of that many bytes, give or take a few. */
const longChain =
	(bytes: number) =>
	(names: readonly string[]): Forged[] => [forge({ names, issuer: intermediate, ballastBytes: bytes - intermediate.der.length - 300 }), intermediate];

function ofAuthority(key: KeyKind): Pick<EitherSide, "chain" | "ca"> {
	const authority = forge({ subject: key, authority: true, key });
	return { chain: (names) => [forge({ names, issuer: authority })], ca: pemOf(authority) };
}

const EXPIRED = ["CERTIFICATE_EXPIRED", "CERTIFICATE_EXPIRED", /has expired.*certificate expired/] as const;
const EARLY = ["CERTIFICATE_NOT_YET_VALID", "CERTIFICATE_NOT_YET_VALID", /not valid yet.*certificate not valid yet/] as const;
const UNTRUSTED = ["CERTIFICATE_UNTRUSTED", "CERTIFICATE_UNTRUSTED", /no authority that is trusted/] as const;
/** A signature that does not fit: to a Client the same as no authority, over TLS a word of its own. */
const WRONG_SIGNATURE = [
	"CERTIFICATE_UNTRUSTED",
	"CERTIFICATE_REFUSED",
	/(no authority that is trusted|of another key than the authority's).*BadSignature/,
] as const;
const invalid = (words: RegExp): NonNullable<EitherSide["refused"]> => ["CERTIFICATE_INVALID", "CERTIFICATE_REFUSED", words];

const EITHER: readonly EitherSide[] = [
	{ what: "of the authority", chain: issued({}) },
	{ what: "that expired an hour ago", chain: issued({ beginsInSeconds: -7_200, endsInSeconds: -3_600 }), refused: EXPIRED },
	{ what: "that expired a few seconds ago: no tolerance", chain: issued({ endsInSeconds: -5 }), refused: EXPIRED },
	{ what: "that begins in an hour", chain: issued({ beginsInSeconds: 3_600, endsInSeconds: 7_200 }), refused: EARLY },
	{ what: "that begins in a minute: no tolerance", chain: issued({ beginsInSeconds: 60 }), refused: EARLY },
	{ what: "of another authority", chain: (names) => [forge({ names, issuer: otherRoot })], refused: UNTRUSTED },
	{ what: "of an authority of the same name with another key", chain: (names) => [forge({ names, issuer: outdatedRoot })], refused: WRONG_SIGNATURE },
	{ what: "that is self-signed", chain: (names) => [forge({ names })], refused: UNTRUSTED },
	{ what: "of the second of two authorities", chain: (names) => [forge({ names, issuer: otherRoot })], ca: [ca, pemOf(otherRoot)] },
	{ what: "of the first of two authorities in one PEM", chain: issued({}), ca: pemOf(root, otherRoot) },
	{ what: "of one of two authorities of the same name", chain: issued({}), ca: pemOf(outdatedRoot, root) },
	{
		what: "of an authority whose own dates are over: a trusted key has none",
		chain: (names) => [forge({ names, issuer: expiredRoot })],
		ca: pemOf(expiredRoot),
	},
	{ what: "with its intermediate", chain: (names) => [forge({ names, issuer: intermediate }), intermediate] },
	{ what: "with its intermediate and the root", chain: (names) => [forge({ names, issuer: intermediate }), intermediate, root] },
	{ what: "without its intermediate", chain: (names) => [forge({ names, issuer: intermediate })], refused: UNTRUSTED },
	{ what: "with an expired intermediate", chain: (names) => [forge({ names, issuer: expiredIntermediate }), expiredIntermediate], refused: EXPIRED },
	{
		what: "below more intermediates than the path length allows",
		chain: (names) => [forge({ names, issuer: belowShort }), belowShort, shortIntermediate],
		refused: invalid(/PathLenConstraintViolated/),
	},
	{
		what: "below an intermediate where the root's own path length allows none",
		chain: (names) => [forge({ names, issuer: belowShortRoot }), belowShortRoot],
		ca: pemOf(shortRoot),
		refused: invalid(/below more intermediates than an authority's path length allows/),
		late: true,
	},
	{ what: "of a root whose path length is 0", chain: (names) => [forge({ names, issuer: shortRoot })], ca: pemOf(shortRoot) },
	{ what: "issued by a leaf", chain: (names) => [forge({ names, issuer: leafAsAuthority }), leafAsAuthority], refused: invalid(/EndEntityUsedAsCa/) },
	{ what: "marked as an authority", chain: issued({ authority: true }), refused: invalid(/CaUsedAsEndEntity/) },
	{ what: "with a chain of 8 KiB", chain: longChain(8 * KIB) },
	{ what: "with a chain of 20 KiB", chain: longChain(20 * KIB) },
	{ what: "with a P-384 key", chain: issued({ key: "P-384" }) },
	{ what: "with an Ed25519 key", chain: issued({ key: "Ed25519" }) },
	{ what: "with an RSA-2048 key", chain: issued({ key: "RSA-2048" }) },
	{ what: "of a P-384 authority", ...ofAuthority("P-384") },
	{ what: "of an Ed25519 authority", ...ofAuthority("Ed25519") },
	{ what: "of an RSA-2048 authority", ...ofAuthority("RSA-2048") },
	{ what: "of an intermediate with RSA-1024", chain: (names) => [forge({ names, issuer: weakIntermediate }), weakIntermediate], refused: WRONG_SIGNATURE },
	{ what: "signed with SHA-1", chain: issued({ hash: "sha1" }), refused: invalid(/UnsupportedSignatureAlgorithm/) },
];

function* eitherSide(): Generator<Case> {
	for (const { what, chain, ca: trusted = ca, refused, late = false } of EITHER) {
		yield {
			what: `a Coordinator's ${what}`,
			// Made when it is used: one that begins in a minute must not have begun by then.
			get coordinator() {
				return shown(...chain(["localhost"]));
			},
			client: { ca: trusted },
			outcome: refused === undefined ? "accepted" : { by: late ? "client after tls" : "client", code: refused[0], words: refused[2] },
		};
		yield {
			what: `a Client's ${what}`,
			coordinator: { ...shown(localhost), clientCa: trusted },
			get client() {
				return { ca, ...shown(...chain(["alice"])) };
			},
			outcome: refused === undefined ? "accepted" : { by: late ? "coordinator after hello" : "coordinator in tls", code: refused[1], words: refused[2] },
		};
	}
}

/** Names in a Coordinator's certificate, and the host that is asked for. Hosts are DNS names, where case does not count. */
function* hosts(): Generator<Case> {
	const mismatch = { by: "client", code: "CERTIFICATE_NAME_MISMATCH", words: /its certificate is not for the name that was asked for/ } as const;
	const lines: readonly (readonly [what: string, names: Wanted["names"], host: string, outcome: Outcome])[] = [
		["with two names", ["other.example.org", "localhost"], "localhost", "accepted"],
		["in upper case", ["LOCALHOST"], "localhost", "accepted"],
		["with a wildcard for the first label", ["*.example.org"], "a.example.org", "accepted"],
		["with a wildcard for two labels", ["*.example.org"], "a.b.example.org", mismatch],
		["with an internationalised name", ["xn--bcher-kva.example"], "xn--bcher-kva.example", "accepted"],
		["with an IP address, dialled by it", [{ tag: 0x87, bytes: Uint8Array.of(127, 0, 0, 1) }], "127.0.0.1", "accepted"],
		["with an IP address as a DNS name", ["127.0.0.1"], "127.0.0.1", mismatch],
		["with a common name alone", [], "localhost", mismatch],
		["for another name", ["elsewhere"], "localhost", mismatch],
		["with a trailing dot", ["localhost."], "localhost", mismatch],
		["with NUL in its name", ["localhost\0.example.org"], "localhost", mismatch],
		["for the domain above", ["example.org"], "a.example.org", mismatch],
	];
	for (const [what, names, host, outcome] of lines) {
		const certificate = forge({ subject: "localhost", names: names ?? [], issuer: root });
		yield { what: `a Coordinator's ${what}, for host ${host}`, coordinator: shown(certificate), client: { ca, coordinator: host }, outcome };
	}
}

/** Names in a Client's certificate: it has to be one id, byte for byte. */
function* ids(): Generator<Case> {
	const refused = (words: RegExp, code: ConecErrorCode = "CERTIFICATE_REFUSED"): Outcome => ({ by: "coordinator after hello", code, words });
	const other = (id: string): Outcome => refused(new RegExp(`the certificate is for "${id}", not "alice"`), "CERTIFICATE_NAME_MISMATCH");
	const lines: readonly (readonly [what: string, names: Wanted["names"], outcome: Outcome])[] = [
		["for another id", ["mallory"], other("mallory")],
		["for an id that begins the same", ["alice.example"], other("alice.example")],
		["with a common name alone", [], refused(/it has no SubjectAltName/)],
		["with two names", ["alice", "bob"], refused(/it has 2 names, not one/)],
		["with the same name twice", ["alice", "alice"], refused(/it has 2 names, not one/)],
		["with a name and an IP address", ["alice", { tag: 0x87, bytes: Uint8Array.of(10, 0, 0, 1) }], refused(/it has 2 names, not one/)],
		["with an IP address", [{ tag: 0x87, bytes: Uint8Array.of(10, 0, 0, 1) }], refused(/its name is not a DNS name/)],
		["with a mail address", [{ tag: 0x81, bytes: Buffer.from("alice") }], refused(/its name is not a DNS name/)],
		["with a URI", [{ tag: 0x86, bytes: Buffer.from("alice") }], refused(/its name is not a DNS name/)],
		["with a wildcard", ["*"], refused(/"\*" is not an id/)],
		["with a wildcard label", ["*.example"], refused(/is not an id/)],
		["in upper case", ["Alice"], refused(/"Alice" is not an id/)],
		["with a trailing dot", ["alice."], refused(/"alice\." is not an id/)],
		["with NUL in its name", ["alice\0.example"], refused(/"alice\\u0000\.example" is not an id/)],
		["with a line break in its name", ["alice\n"], refused(/"alice\\n" is not an id/)],
		["with xn--", ["xn--lice-8na"], refused(/is not an id/)],
		["with a look-alike in UTF-8", ["\u0430lice"], refused(/is not an id/)],
		["with a last label of digits", ["alice.1"], refused(/is not an id/)],
		["with an underscore", ["ali_ce"], refused(/is not an id/)],
		["with an empty name", [""], refused(/is not an id/)],
		["with 64 bytes", ["a".repeat(64)], refused(/is not an id/)],
	];
	for (const [what, names = [], outcome] of lines) {
		const certificate = forge({ subject: "alice", names, issuer: root });
		yield { what: `a Client's ${what}`, coordinator: { ...shown(localhost), clientCa: ca }, client: { ca, ...shown(certificate) }, outcome };
	}
	const longest = "a".repeat(63);
	const certificate = forge({ names: [longest], issuer: root });
	yield {
		what: "a Client's with 63 bytes",
		coordinator: { ...shown(localhost), clientCa: ca },
		client: { id: longest, ca, ...shown(certificate) },
		outcome: "accepted",
	};
}

/** What is wrong on one side only. */
function* oneSided(): Generator<Case> {
	const caMode = { ...shown(localhost), clientCa: ca };
	const forServers = forge({ issuer: root, usages: ["server"] });
	const forClients = forge({ names: ["localhost"], issuer: root, usages: ["client"] });
	const anyUse = forge({ names: ["localhost"], issuer: root, usages: [] });
	const wrongUse = /must not be used for this/;
	yield {
		what: "a Coordinator's for clients only",
		coordinator: shown(forClients),
		client: { ca },
		outcome: { by: "client", code: "CERTIFICATE_INVALID", words: wrongUse },
	};
	yield { what: "a Coordinator's without a usage: any", coordinator: shown(anyUse), client: { ca }, outcome: "accepted" };
	yield {
		what: "a Client's for servers only",
		coordinator: caMode,
		client: { ca, ...shown(forServers) },
		outcome: { by: "coordinator in tls", code: "CERTIFICATE_REFUSED", words: wrongUse },
	};
	yield {
		what: "a Client's own, self-signed, where an authority is asked for",
		coordinator: caMode,
		client: { ca },
		outcome: { by: "coordinator in tls", code: "CERTIFICATE_UNTRUSTED", words: /no authority that is trusted there/ },
	};
	yield {
		what: "a Client's that is denied, in CA mode",
		coordinator: { ...caMode, deny: [fingerprintOf(alice.der)] },
		client: { ca, ...shown(alice) },
		outcome: { by: "coordinator after hello", code: "CERTIFICATE_REFUSED", words: /its key is on the deny list/ },
	};
	yield {
		what: "a Client's that is denied, in open mode, without prefix and in upper case",
		coordinator: { ...shown(localhost), deny: [fingerprintOf(alice.der).slice(7).toUpperCase()] },
		client: { ca, ...shown(alice) },
		outcome: { by: "coordinator after hello", code: "CERTIFICATE_REFUSED", words: /its key is on the deny list/ },
	};
	const expired = forge({ names: [], beginsInSeconds: -7_200, endsInSeconds: -3_600, usages: ["server"] });
	yield {
		what: "a Client's with nothing right but its key, in open mode",
		coordinator: shown(localhost),
		client: { ca, ...shown(expired) },
		outcome: "accepted",
	};
}

/** Ways to trust a Coordinator. */
function* trust(): Generator<Case> {
	const pin = fingerprintOf(localhost.der);
	const good = shown(localhost);
	const expired = forge({ names: ["elsewhere"], beginsInSeconds: -7_200, endsInSeconds: -3_600, usages: ["client"] });
	const selfSigned = forge({ names: ["localhost"] });
	const selfAuthority = forge({ names: ["localhost"], authority: true });
	const misnamed = { by: "client", code: "CERTIFICATE_NAME_MISMATCH", words: /not for the name/ } as const;
	const wrongPin = { by: "client", code: "PIN_MISMATCH", words: /its key is sha256:[0-9a-f]{64}, which is none of the pinned ones/ } as const;
	const none = { by: "client", code: "CERTIFICATE_UNTRUSTED", words: /no authority that is trusted here/ } as const;
	yield { what: "a pin", coordinator: good, client: { pin }, outcome: "accepted" };
	yield { what: "a pin without prefix", coordinator: good, client: { pin: pin.slice(7) }, outcome: "accepted" };
	yield { what: "the second of two pins", coordinator: good, client: { pin: [fingerprintOf(alice.der), pin] }, outcome: "accepted" };
	yield { what: "a pin of another key", coordinator: good, client: { pin: fingerprintOf(alice.der) }, outcome: wrongPin };
	yield {
		what: "a pin, where name, dates, usage and issuer are wrong: the key is trusted",
		coordinator: shown(expired),
		client: { pin: fingerprintOf(expired.der) },
		outcome: "accepted",
	};
	yield { what: "a pin and the authority", coordinator: good, client: { pin, ca }, outcome: "accepted" };
	yield { what: "a pin and another authority", coordinator: good, client: { pin, ca: pemOf(otherRoot) }, outcome: none };
	yield { what: "the authority and a pin of another key", coordinator: good, client: { pin: fingerprintOf(alice.der), ca }, outcome: wrongPin };
	yield { what: "a pin and the authority, with another name", coordinator: good, client: { pin, ca, coordinator: "elsewhere" }, outcome: misnamed };
	yield { what: "the authority, with another name at the right address", coordinator: good, client: { ca, coordinator: "elsewhere" }, outcome: misnamed };
	yield { what: "the authority in DER", coordinator: good, client: { ca: root.der }, outcome: "accepted" };
	yield { what: "a self-signed certificate as its own authority", coordinator: shown(selfSigned), client: { ca: pemOf(selfSigned) }, outcome: "accepted" };
	yield {
		what: "a self-signed certificate, marked as authority, as its own",
		coordinator: shown(selfAuthority),
		client: { ca: selfAuthority.der },
		outcome: "accepted",
	};
	yield {
		what: "a self-signed certificate as its own authority, with another name",
		coordinator: shown(selfSigned),
		client: { ca: pemOf(selfSigned), coordinator: "elsewhere" },
		outcome: misnamed,
	};
	yield { what: "an issued certificate as its own authority: pin it instead", coordinator: good, client: { ca: pemOf(localhost) }, outcome: none };
	yield { what: "Node's root store, for a private authority", coordinator: good, client: {}, outcome: none };
	yield { what: "Node's root store, for a self-signed certificate", coordinator: shown(selfSigned), client: {}, outcome: none };
}

/** What is refused before anything is sent. */
function* unusable(): Generator<Case> {
	const here = (code: ConecErrorCode, words: RegExp): Outcome => ({ by: "here", code, words });
	const good = shown(localhost);
	const invalidHere = (words: RegExp): Outcome => here("CERTIFICATE_INVALID", words);
	const keyOf = (key: KeyKind): CoordinatorOptions => shown(forge({ names: ["localhost"], issuer: root, key }));
	const lines: readonly (readonly [what: string, CoordinatorOptions, Partial<ClientOptions>, Outcome])[] = [
		["a Coordinator's RSA-1024 key", keyOf("RSA-1024"), { ca }, invalidHere(/its RSA modulus has 1024 bits, not 2048 or more/)],
		["a Coordinator's P-521 key", keyOf("P-521"), { ca }, invalidHere(/its curve is P-521, not P-256 or P-384/)],
		["a Client's RSA-1024 key", good, { ca, ...shown(forge({ issuer: root, key: "RSA-1024" })) }, invalidHere(/1024 bits/)],
		["a Client's P-521 key", good, { ca, ...shown(forge({ issuer: root, key: "P-521" })) }, invalidHere(/P-521/)],
		["an authority with RSA-1024", good, { ca: pemOf(weakRoot) }, invalidHere(/Cannot use authority: .*1024 bits/)],
		["an authority with P-521", good, { ca: pemOf(forge({ authority: true, key: "P-521" })) }, invalidHere(/Cannot use authority: .*P-521/)],
		["an authority for Clients with RSA-1024", { ...good, clientCa: pemOf(weakRoot) }, { ca }, invalidHere(/Cannot use authority: .*1024 bits/)],
		[
			"a key of another certificate",
			{ ...good, privateKey: shown(alice).privateKey },
			{ ca },
			here("CERTIFICATE_KEY_MISMATCH", /the private key does not belong to the certificate/),
		],
		["a Client's key of another certificate", good, { ca, ...shown(alice), privateKey: good.privateKey }, here("CERTIFICATE_KEY_MISMATCH", /does not belong/)],
		["an empty chain", { ...good, certificate: "" }, { ca }, invalidHere(/there is no CERTIFICATE block in it/)],
		["no authority in the list", good, { ca: [] }, invalidHere(/no certificate is given/)],
		["garbage for a certificate", { ...good, certificate: Buffer.from("garbage") }, { ca }, invalidHere(/no CERTIFICATE block/)],
		["garbage in DER for a certificate", { ...good, certificate: Uint8Array.of(0x30, 3, 1, 2, 3) }, { ca }, invalidHere(/Cannot read certificate/)],
		["garbage for a key", { ...good, privateKey: Uint8Array.of(0x30, 3, 1, 2, 3) }, { ca }, invalidHere(/Cannot read private key: it is damaged/)],
		["a certificate with bytes behind it", { ...good, certificate: Buffer.concat([localhost.der, Buffer.of(0)]) }, { ca }, invalidHere(/bytes follow its end/)],
		["a certificate cut short", { ...good, certificate: localhost.der.subarray(0, -1) }, { ca }, invalidHere(/neither PEM nor DER/)],
		["an authority with bytes behind it", good, { ca: Buffer.concat([root.der, Buffer.of(0)]) }, invalidHere(/bytes follow its end/)],
		["a pin that is none", good, { pin: "sha256:1234" }, here("OPTION_INVALID", /"pin" must be "sha256:" and 64 hexadecimal digits/)],
	];
	for (const [what, coordinator, client, outcome] of lines) yield { what, coordinator, client, outcome };
}

/** The table. */
export const CASES: readonly Case[] = [...eitherSide(), ...hosts(), ...ids(), ...oneSided(), ...trust(), ...unusable()];
