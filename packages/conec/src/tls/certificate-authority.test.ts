import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createCertificateAuthority, issueCertificate } from "./certificate-authority.ts";
import { certificateId } from "./certificate-id.ts";
import { parseIdentity } from "./identity.ts";
import { readCertificates } from "./pem.ts";

const directory: string = await mkdtemp(join(tmpdir(), "conec-ca-"));
after(() => rm(directory, { recursive: true }));
const authority = await createCertificateAuthority({ name: "test authority" });

test("authority: what it issues passes openssl's strict verification, for the right name only", async () => {
	const issued = await issueCertificate(authority, "alice");
	const [ca, leaf] = [join(directory, "ca.pem"), join(directory, "leaf.pem")];
	await writeFile(ca, authority.certificate);
	await writeFile(leaf, issued.certificate);
	const verify = (...more: string[]): string => execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, ...more, leaf], { stdio: "pipe" }).toString();
	for (const purpose of ["sslserver", "sslclient"]) assert.match(verify("-purpose", purpose, "-verify_hostname", "alice"), /OK/);
	assert.throws(() => verify("-verify_hostname", "bob"), /hostname mismatch/i);
});

test("authority: what it issues is an identity, with the id, for as long as asked but not longer than its own", async () => {
	const issued = await issueCertificate(authority, "alice", { validForDays: 2 });
	assert.equal(parseIdentity(issued.certificate, issued.privateKey).key, "kept");
	assert.equal(certificateId(readCertificates(issued.certificate)[0] as Uint8Array), "alice");
	const { validFrom, validTo } = new X509Certificate(issued.certificate);
	assert.ok(Date.parse(validFrom) < Date.now() - 4 * 60_000);
	assert.equal(Math.round((Date.parse(validTo) - Date.now()) / 86_400_000), 2);
	const long = new X509Certificate((await issueCertificate(authority, "alice", { validForDays: 36_500 })).certificate);
	assert.equal(long.validTo, new X509Certificate(authority.certificate).validTo);
	assert.equal(new X509Certificate((await issueCertificate(authority, "::1")).certificate).checkIP("::1"), "::1");
});

test("authority: wrong names, lifetimes and authorities are refused", async () => {
	const issued = await issueCertificate(authority, "alice");
	await assert.rejects(createCertificateAuthority({ name: "" }), { name: "TypeError", code: "OPTION_INVALID" });
	await assert.rejects(issueCertificate(authority, "a b"), { name: "TypeError", code: "OPTION_INVALID" });
	await assert.rejects(issueCertificate(authority, "a", { validForDays: 0 }), { name: "RangeError", code: "OPTION_INVALID" });
	await assert.rejects(issueCertificate(issued, "bob"), { code: "CERTIFICATE_INVALID" });
	await assert.rejects(issueCertificate({ certificate: authority.certificate, privateKey: issued.privateKey }, "bob"), { code: "CERTIFICATE_KEY_MISMATCH" });
});
