import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createCertificateAuthority, issueCertificate } from "./certificate-authority.ts";
import { asciiHostName, withoutZone } from "./host-name.ts";
import { makeSelfSigned } from "./self-signed.ts";

test("host names: internationalised ones become what DNS has, and others stay as they are", () => {
	const names = [
		["bücher.example", "xn--bcher-kva.example"],
		["BÜCHER.Example", "xn--bcher-kva.example"],
		["bu\u0308cher.example", "xn--bcher-kva.example"],
		["例え。テスト", "xn--r8jz45g.xn--zckzah"],
		["straße.example", "xn--strae-oqa.example"],
		["xn--bcher-kva.example", "xn--bcher-kva.example"],
		["my_machine", "my_machine"],
		["Example.ORG.", "Example.ORG."],
	] as const;
	for (const [text, ascii] of names) assert.equal(asciiHostName(text), ascii, text);
	// Not even full-width digits make an address of a name.
	for (const text of ["é/path", "é%41", "é b", "é:80", "user@é", "\uff11\uff12\uff17.0.0.1", "\ufffd.example", "é\u0000"])
		assert.equal(asciiHostName(text), undefined, text);
});

test("host names: an address loses its zone, and nothing else does", () => {
	assert.deepEqual(["fe80::1%eth0", "fe80::1%3", "fe80::1", "127.0.0.1", "a%b", "%"].map(withoutZone), [
		"fe80::1",
		"fe80::1",
		"fe80::1",
		"127.0.0.1",
		"a%b",
		"%",
	]);
});

test("certificates: are made for internationalised names and link-local addresses as others look for them", async () => {
	const names = ["bücher.example", "fe80::1%eth0"];
	const authority = await createCertificateAuthority({ name: "names" });
	const issued = await issueCertificate(authority, names[0] as string, { alternativeNames: names.slice(1) });
	for (const certificate of [
		new X509Certificate(issued.certificate),
		new X509Certificate((await makeSelfSigned({ names }, "kept")).certificates[0] as Uint8Array),
	]) {
		assert.equal(certificate.checkHost("xn--bcher-kva.example"), "xn--bcher-kva.example");
		assert.equal(certificate.checkIP("fe80::1"), "fe80::1");
	}
});
