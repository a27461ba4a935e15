import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { certificateId } from "./certificate-id.ts";
import { readCertificates } from "./pem.ts";

/** A certificate with these subject alternative names, by openssl: ours could not make the wrong ones. */
function certificate(names: string | undefined): Uint8Array {
	const extension = names === undefined ? [] : ["-addext", `subjectAltName=${names}`];
	const pem = execFileSync(
		"openssl",
		[
			"req",
			"-x509",
			"-newkey",
			"ec",
			"-pkeyopt",
			"ec_paramgen_curve:P-256",
			"-nodes",
			"-keyout",
			"/dev/null",
			"-subj",
			"/CN=alice",
			"-days",
			"2",
			...extension,
		],
		{
			stdio: ["ignore", "pipe", "ignore"],
		},
	);
	return readCertificates(pem)[0] as Uint8Array;
}

test("certificate id: is the only DNS name", () => {
	for (const id of ["alice", "alice.example", "a-1", "x".repeat(63)]) assert.equal(certificateId(certificate(`DNS:${id}`)), id);
});

test("certificate id: every other certificate is refused with the reason", () => {
	const cases: [string | undefined, RegExp][] = [
		[undefined, /no SubjectAltName/],
		["DNS:alice,DNS:mallory", /2 names/],
		["DNS:alice,DNS:alice", /2 names/],
		["DNS:alice,IP:127.0.0.1", /2 names/],
		["IP:127.0.0.1", /not a DNS name/],
		["email:alice@example.org", /not a DNS name/],
		["URI:conec:alice", /not a DNS name/],
		["DNS:*.example.org", /not an id/],
		["DNS:Alice", /not an id/],
		["DNS:alice.", /not an id/],
		["DNS:xn--lice-8na", /not an id/],
		["DNS:a.1", /not an id/],
		["DNS:a_b", /not an id/],
		[`DNS:${"x".repeat(64)}`, /not an id/],
	];
	for (const [names, message] of cases)
		assert.throws(() => certificateId(certificate(names)), { code: "CERTIFICATE_REFUSED", message }, names ?? "common name only");
	assert.throws(() => certificateId(new Uint8Array(4)), { code: "CERTIFICATE_INVALID" });
});
