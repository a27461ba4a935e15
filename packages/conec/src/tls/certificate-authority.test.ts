import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createCertificateAuthority, issueCertificate } from "./certificate-authority.ts";
import { certificateId } from "./certificate-id.ts";
import { fingerprint } from "./fingerprint.ts";
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

test("authority: with every kind of key, of its own and of what it issues, openssl's strict verification passes", async () => {
	const [ca, leaf] = [join(directory, "kind-ca.pem"), join(directory, "kind-leaf.pem")];
	const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
	for (const [keyType, options, curve] of [
		["P-256", { keyType: "P-384" }, "secp384r1"],
		["P-384", { keyType: "RSA-2048" }, undefined],
		["RSA-3072", { privateKey: ed25519 }, undefined],
		["RSA-2048", {}, "prime256v1"],
	] as const) {
		const kind = await createCertificateAuthority({ name: keyType, keyType });
		const issued = await issueCertificate(kind, "alice", options);
		await writeFile(ca, kind.certificate);
		await writeFile(leaf, issued.certificate);
		const verified = execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslclient", "-verify_hostname", "alice", leaf]);
		assert.match(verified.toString(), /OK/, keyType);
		assert.equal(new X509Certificate(issued.certificate).publicKey.asymmetricKeyDetails?.namedCurve, curve);
		assert.equal(parseIdentity(issued.certificate, issued.privateKey).certificates.length, 1);
	}
	await assert.rejects(createCertificateAuthority({ name: "x", privateKey: ed25519 }), { code: "CERTIFICATE_INVALID", message: /Ed25519/ });
	await assert.rejects(createCertificateAuthority({ name: "x", keyType: "RSA-1024" as "RSA-2048" }), { name: "RangeError", code: "OPTION_INVALID" });
});

test("authority: extensions, serial numbers and names are as RFC 5280 asks", async () => {
	const issued = await issueCertificate(authority, "coordinator.example.org", { alternativeNames: ["10.0.0.1", "::1"] });
	const text = (pem: string): string => execFileSync("openssl", ["x509", "-noout", "-text"], { input: pem }).toString();
	assert.match(text(authority.certificate), /Basic Constraints: critical\s+CA:TRUE, pathlen:0\s/);
	assert.match(text(authority.certificate), /Key Usage: critical\s+Certificate Sign, CRL Sign\s/);
	const leaf = text(issued.certificate);
	assert.match(leaf, /Basic Constraints: critical\s+CA:FALSE\s/);
	assert.match(leaf, /X509v3 Key Usage: critical\s+Digital Signature\s/);
	assert.match(leaf, /TLS Web Server Authentication, TLS Web Client Authentication/);
	assert.match(leaf, /DNS:coordinator\.example\.org, IP Address:10\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/);
	const [subjectKey, authorityKey] = [/Subject Key Identifier:\s+([0-9A-F:]+)/, /Authority Key Identifier:\s+(?:keyid:)?([0-9A-F:]+)/];
	assert.equal(authorityKey.exec(leaf)?.[1], subjectKey.exec(text(authority.certificate))?.[1]);
	const serials = await Promise.all([1, 2, 3].map(async () => new X509Certificate((await issueCertificate(authority, "a")).certificate).serialNumber));
	assert.equal(new Set(serials).size, 3);
	for (const serial of serials) assert.equal(serial.length, 32);
	const long = `${"x".repeat(60)}.example.org`;
	assert.equal(new X509Certificate((await issueCertificate(authority, long)).certificate).checkHost(long), long);
});

test("authority: renewed with its key and name, what the older one issued stays valid; a leaf renewed keeps its fingerprint", async () => {
	const issued = await issueCertificate(authority, "alice");
	const renewed = await createCertificateAuthority({ name: "test authority", privateKey: authority.privateKey });
	const [ca, leaf] = [join(directory, "renewed-ca.pem"), join(directory, "renewed-leaf.pem")];
	await writeFile(ca, renewed.certificate);
	await writeFile(leaf, issued.certificate);
	assert.match(execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, leaf]).toString(), /OK/);
	const again = await issueCertificate(renewed, "alice", { privateKey: issued.privateKey });
	assert.equal(fingerprint(again.certificate), fingerprint(issued.certificate));
	assert.ok(createPublicKey(again.privateKey).equals(createPublicKey(issued.privateKey)));
	assert.notEqual(again.certificate, issued.certificate);
});

test("authority: wrong names, lifetimes and authorities are refused", async () => {
	const issued = await issueCertificate(authority, "alice");
	await assert.rejects(createCertificateAuthority({ name: "" }), { name: "TypeError", code: "OPTION_INVALID" });
	await assert.rejects(issueCertificate(authority, "a b"), { name: "TypeError", code: "OPTION_INVALID" });
	await assert.rejects(issueCertificate(authority, "a", { validForDays: 0 }), { name: "RangeError", code: "OPTION_INVALID" });
	await assert.rejects(issueCertificate(issued, "bob"), { code: "CERTIFICATE_INVALID" });
	await assert.rejects(issueCertificate({ certificate: authority.certificate, privateKey: issued.privateKey }, "bob"), { code: "CERTIFICATE_KEY_MISMATCH" });
});
