import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { DER_SEQUENCE, readDer, readDerChildren, writeDer, writeOid, writeSequence } from "./der.ts";
import { parseIdentity, parseKey } from "./identity.ts";
import { type Pem, readCertificates, readPrivateKey, writePem } from "./pem.ts";
import { makeSelfSigned } from "./self-signed.ts";

const identity = await makeSelfSigned({ names: ["localhost"] }, "kept");
const der = identity.certificates[0] as Uint8Array;
const pem = writePem("CERTIFICATE", der);
const keyPem = writePem("PRIVATE KEY", identity.privateKey);
const block = (label: string, bytes: Uint8Array): string =>
	pem.replaceAll("CERTIFICATE", label).replace(/\n[^-]+\n/, `\n${Buffer.from(bytes).toString("base64")}\n`);

const swapped = (text: string): Buffer => Buffer.from(text, "utf16le").swap16();

test("PEM: is read as editors, shells and environment variables write it", () => {
	const forms: Record<string, Pem> = {
		plain: pem,
		bytes: Buffer.from(pem),
		"BOM, text": `\ufeff${pem}`,
		"BOM, bytes": Buffer.from(`\ufeff${pem}`),
		"UTF-16, as PowerShell writes it": Buffer.from(`\ufeff${pem}`, "utf16le"),
		"UTF-16, big-endian": swapped(`\ufeff${pem}`),
		"line ends of Windows": pem.replaceAll("\n", "\r\n"),
		"line ends of old Macs": pem.replaceAll("\n", "\r"),
		"line ends written out": pem.replaceAll("\n", "\\n"),
		"line ends of Windows written out": pem.replaceAll("\n", "\\r\\n"),
		"one line": pem.replaceAll("\n", " "),
		"one line without spaces": pem.replaceAll("\n", ""),
		indented: pem.replaceAll(/^/gm, "\t  "),
		"text before and behind": `Subject: CN = localhost\n${pem}\n\u00e9\n`,
	};
	for (const [name, form] of Object.entries(forms)) assert.deepEqual(readCertificates(form), [der], name);
	const joined = Buffer.concat([Buffer.from(`\ufeff${pem}`), Buffer.from(`\ufeff${keyPem}`), Buffer.from(`\ufeff${pem}`)]);
	assert.deepEqual(readCertificates(joined), [der, der]);
	assert.deepEqual(parseIdentity(joined, joined).fingerprint, identity.fingerprint);
	assert.deepEqual(readPrivateKey(Buffer.from(`\ufeff${keyPem}`, "utf16le")).bytes, identity.privateKey);
});

test("PEM: what is broken or something else is told as what it is", () => {
	const wrong: [Pem, RegExp][] = [
		["", /there is no CERTIFICATE block in it$/],
		["\ufeff", /no CERTIFICATE block/],
		[Buffer.from([0xff, 0xfe]), /no CERTIFICATE block/],
		[Buffer.from([0xfe, 0xff, 0x00]), /no CERTIFICATE block/],
		[keyPem, /there is no CERTIFICATE block in it$/],
		[block("PKCS7", der), /no CERTIFICATE block in it: it is PKCS#7; convert it with openssl pkcs7 -print_certs$/],
		[block("CERTIFICATE REQUEST", der), /it is a request for a certificate; give the certificate/],
		[pem.slice(0, -30), /cut short/],
		[pem.replace("-----BEGIN", "----BEGIN"), /ends that never began/],
		[`${pem.slice(0, 60)}=${pem.slice(60)}`, /not base64/],
	];
	for (const [source, message] of wrong) assert.throws(() => readCertificates(source), { code: "CERTIFICATE_INVALID", message }, String(source));
	const keys: [Pem, RegExp][] = [
		[pem, /there is no PRIVATE KEY block in it$/],
		[block("OPENSSH PRIVATE KEY", der), /it is a key in the format of OpenSSH; give one in PKCS#8$/],
		[block("PUBLIC KEY", der), /it is only a public key$/],
		[keyPem + keyPem, /more than one/],
		[block("ENCRYPTED PRIVATE KEY", der), /encrypted; decrypt it first/],
	];
	for (const [source, message] of keys) assert.throws(() => readPrivateKey(source), { code: "CERTIFICATE_INVALID", message });
});

const SERVER = writeOid("2b06010505070301");
const EMAIL = writeOid("2b06010505070304");

test("TRUSTED CERTIFICATE: is the certificate in it, if its settings do not rule out servers and clients", () => {
	const alias = writeDer(0x0c, Buffer.from("mine"));
	const trusted = (...settings: readonly Uint8Array[]): string => block("TRUSTED CERTIFICATE", Buffer.concat([der, writeSequence(...settings)]));
	const good = [
		block("TRUSTED CERTIFICATE", der),
		trusted(),
		trusted(alias),
		trusted(writeSequence(EMAIL, SERVER), writeDer(0xa0, EMAIL), alias),
		trusted(writeSequence(writeOid("551d2500"))),
		`\ufeff${trusted(writeDer(0xa0, EMAIL))}`,
	];
	for (const source of good) assert.deepEqual(readCertificates(source), [der]);
	for (const source of [
		trusted(writeSequence(EMAIL)),
		trusted(writeSequence()),
		trusted(writeDer(0xa0, SERVER)),
		trusted(writeSequence(SERVER), writeDer(0xa0, SERVER)),
	])
		assert.throws(() => readCertificates(source), { code: "CERTIFICATE_INVALID", message: /do not allow servers and clients; openssl x509 -clrtrust/ });
	for (const bytes of [
		der.subarray(0, 40),
		Buffer.concat([der, Buffer.of(0x30)]),
		Buffer.concat([der, writeSequence(), writeSequence()]),
		Buffer.concat([der, Buffer.of(5, 0)]),
	])
		assert.throws(() => readCertificates(block("TRUSTED CERTIFICATE", bytes)), { code: "CERTIFICATE_INVALID" });
	assert.throws(() => readCertificates(block("CERTIFICATE", Buffer.concat([der, writeSequence()]))), {
		code: "CERTIFICATE_INVALID",
		message: /bytes follow its end/,
	});
});

/** RFC 8410, 10.3: version 2, with an attribute and the public key. */
const RFC_8410 = `-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
`;

test("PKCS#8 of version 2: is the same key as in version 1, of every type, in PEM and DER", () => {
	const known = parseKey(readPrivateKey(RFC_8410));
	const spki = createPublicKey(known).export({ type: "spki", format: "der" });
	assert.equal(spki.subarray(-32).toString("base64"), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
	for (const { privateKey, publicKey } of [
		generateKeyPairSync("ed25519"),
		generateKeyPairSync("ec", { namedCurve: "P-256" }),
		generateKeyPairSync("rsa", { modulusLength: 2_048 }),
	]) {
		const one = privateKey.export({ type: "pkcs8", format: "der" });
		const [, ...rest] = (readDerChildren(one, readDer(one, 0) ?? assert.fail()) ?? []).map(({ from, end }) => one.subarray(from, end));
		const bits = publicKey.export({ type: "spki", format: "der" }).subarray(-33);
		const two = writeSequence(writeDer(2, Uint8Array.of(1)), ...rest, writeDer(0x81, bits));
		assert.equal(readDer(two, 0)?.tag, DER_SEQUENCE);
		for (const source of [two, writePem("PRIVATE KEY", two)]) {
			const key = parseKey(readPrivateKey(source));
			assert.ok(key.equals(privateKey), privateKey.asymmetricKeyType);
			// What the transport gets is read by everybody.
			assert.ok(createPrivateKey({ key: key.export({ type: "pkcs8", format: "der" }), format: "der", type: "pkcs8" }).equals(privateKey));
		}
	}
	const broken = writeSequence(writeDer(2, Uint8Array.of(1)), writeSequence(), writeDer(4, Uint8Array.of()));
	assert.throws(() => parseKey(readPrivateKey(broken)), { code: "CERTIFICATE_INVALID", message: /damaged or of an unknown type/ });
});
