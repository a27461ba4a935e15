import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fingerprint, parseFingerprint } from "./fingerprint.ts";
import { parseIdentity } from "./identity.ts";
import { loadKeptIdentity } from "./kept-identity.ts";
import { readCertificates, writePem } from "./pem.ts";
import { makeSelfSigned } from "./self-signed.ts";
import { clientTrust, coordinatorTrust } from "./trust.ts";

const directory: string = await mkdtemp(join(tmpdir(), "conec-tls-"));
after(() => rm(directory, { recursive: true }));
const identity = await makeSelfSigned({ names: ["localhost", "127.0.0.1", "::1"] }, "ephemeral");
const der = identity.certificates[0] as Uint8Array;
const pem: string = writePem("CERTIFICATE", der);

test("self-signed: is what it says for names, dates, usage and key", () => {
	const certificate = new X509Certificate(der);
	assert.equal(certificate.checkHost("localhost"), "localhost");
	assert.equal(certificate.checkIP("::1"), "::1");
	assert.equal(certificate.checkHost("example.org"), undefined);
	assert.ok(Date.parse(certificate.validFrom) <= Date.now() - 4 * 60_000);
	assert.ok(Date.parse(certificate.validTo) > Date.now() + 9 * 365 * 86_400_000);
	assert.deepEqual([...certificate.keyUsage].sort(), ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
	assert.ok(certificate.verify(certificate.publicKey));
	assert.equal(certificate.ca, false);
});

test("self-signed: openssl verifies it, and reads every form of name as meant", async () => {
	const names = [
		"localhost",
		"127.0.0.1",
		"::",
		"::1",
		"fe80::",
		"2001:db8::8:800:200c:417a",
		"1:2:3:4:5:6:7:8",
		"::ffff:10.0.0.1",
		"64:ff9b::192.0.2.33",
		`${"x".repeat(60)}.${"y".repeat(60)}.org`,
	];
	const made = await makeSelfSigned({ names }, "ephemeral");
	const path = join(directory, "self.pem");
	await writeFile(path, writePem("CERTIFICATE", made.certificates[0] as Uint8Array));
	assert.match(execFileSync("openssl", ["verify", "-CAfile", path, "-purpose", "sslserver", path]).toString(), /OK/);
	for (const name of names) {
		const check = name.includes(":") || /^[0-9.]+$/.test(name) ? "-checkip" : "-checkhost";
		assert.match(execFileSync("openssl", ["x509", "-in", path, "-noout", check, name]).toString(), /does match/, name);
	}
	assert.equal(new X509Certificate(made.certificates[0] as Uint8Array).subjectAltName?.split(", ").length, names.length);
	const parsed = parseIdentity(made.certificates[0] as Uint8Array, made.privateKey, "ephemeral");
	assert.deepEqual(parsed, made);
	const far = new X509Certificate((await makeSelfSigned({ names: ["a"], nowMs: Date.UTC(2045, 0, 1) }, "kept")).certificates[0] as Uint8Array);
	assert.deepEqual([far.validFrom, far.validTo.slice(-8)], ["Dec 31 23:55:00 2044 GMT", "2055 GMT"]);
});

test("self-signed: refuses what is no name", async () => {
	for (const name of ["", "a b", "*.example.org", "a..b", "é.", "xn--", "\u2488com", "fe80::1%", "1.2.3.4%eth0", "\uff11.2.3.4"])
		await assert.rejects(makeSelfSigned({ names: [name] }, "kept"), { name: "TypeError", code: "OPTION_INVALID" });
	await assert.rejects(makeSelfSigned({ names: [] }, "kept"), { code: "OPTION_INVALID" });
});

test("fingerprint: is SHA-256 of the SubjectPublicKeyInfo, of PEM and DER alike", () => {
	const spki = new X509Certificate(der).publicKey.export({ type: "spki", format: "der" });
	const expected = `sha256:${execFileSync("openssl", ["dgst", "-sha256", "-r"], { input: spki }).toString().slice(0, 64)}`;
	assert.equal(fingerprint(pem), expected);
	assert.equal(fingerprint(der), expected);
	assert.equal(fingerprint(Buffer.from(pem)), expected);
	assert.equal(identity.fingerprint, expected);
});

test("fingerprint: pins are read with and without prefix, in either case, with colons", () => {
	const hex = identity.fingerprint.slice(7);
	const expected = new Uint8Array(Buffer.from(hex, "hex"));
	const colons = (hex.toUpperCase().match(/../g) ?? []).join(":");
	for (const text of [hex, `sha256:${hex}`, `SHA256:${hex.toUpperCase()}`, colons]) assert.deepEqual(parseFingerprint(text, "pin"), expected);
	for (const text of ["", "sha256:", hex.slice(1), `${hex}0`, `sha1:${hex}`, "zz".repeat(32)])
		assert.throws(() => parseFingerprint(text, "pin"), { code: "OPTION_INVALID" });
});

test("identity: reads PKCS#8, SEC1 and PKCS#1 keys, PEM and DER, and every allowed type", () => {
	const kinds = [
		["ec", () => generateKeyPairSync("ec", { namedCurve: "P-256" }), "sec1"],
		["ec", () => generateKeyPairSync("ec", { namedCurve: "P-384" }), "sec1"],
		["rsa", () => generateKeyPairSync("rsa", { modulusLength: 2_048 }), "pkcs1"],
		["ed25519", () => generateKeyPairSync("ed25519"), undefined],
	] as const;
	for (const [name, make, legacy] of kinds) {
		const { privateKey } = make();
		const certificate = certificateFor(privateKey.export({ type: "pkcs8", format: "pem" }) as string);
		const expected = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
		const forms: (string | Buffer)[] = [privateKey.export({ type: "pkcs8", format: "pem" }) as string, privateKey.export({ type: "pkcs8", format: "der" })];
		if (legacy !== undefined) forms.push(privateKey.export({ type: legacy, format: "pem" }) as string, privateKey.export({ type: legacy, format: "der" }));
		for (const form of forms) assert.deepEqual(parseIdentity(certificate, form).privateKey, expected, name);
	}
});

test("identity: refuses another key, weak keys and damaged input with a reason", () => {
	const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }) as string;
	assert.throws(() => parseIdentity(pem, other), { code: "CERTIFICATE_KEY_MISMATCH" });
	const weak = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey.export({ type: "pkcs8", format: "pem" }) as string;
	assert.throws(() => parseIdentity(certificateFor(weak), weak), { code: "CERTIFICATE_INVALID", message: /1024 bits/ });
	const encrypted = generateKeyPairSync("ec", {
		namedCurve: "P-256",
		privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
		publicKeyEncoding: { type: "spki", format: "pem" },
	}).privateKey;
	assert.throws(() => parseIdentity(pem, encrypted), { code: "CERTIFICATE_INVALID", message: /encrypted/ });
	assert.throws(() => parseIdentity(other, other), { code: "CERTIFICATE_INVALID", message: /no CERTIFICATE block/ });
	assert.throws(() => parseIdentity(pem, pem), { code: "CERTIFICATE_INVALID", message: /no PRIVATE KEY block/ });
	assert.throws(() => readCertificates(pem.slice(0, 200)), { code: "CERTIFICATE_INVALID", message: /cut short/ });
	assert.throws(() => readCertificates(pem.replace("MII", "M*I")), { code: "CERTIFICATE_INVALID", message: /not base64/ });
	assert.throws(() => readCertificates(der.subarray(0, 100)), { code: "CERTIFICATE_INVALID" });
	assert.throws(() => readCertificates(Buffer.concat([der, Buffer.of(0)])), { code: "CERTIFICATE_INVALID", message: /follow its end/ });
	assert.throws(() => readCertificates("hello"), { code: "CERTIFICATE_INVALID" });
});

test("certificate: no cut or flipped byte makes the reader throw anything but CERTIFICATE_INVALID", () => {
	for (let i = 0; i < der.length; i++) {
		for (const bytes of [der.subarray(0, i), der.map((byte, at) => (at === i ? byte ^ 0xff : byte))]) {
			try {
				fingerprint(bytes);
			} catch (error) {
				assert.equal((error as { code?: string }).code, "CERTIFICATE_INVALID");
			}
		}
	}
});

test("trust: pin alone, ca alone, both, neither", () => {
	const pinned = coordinatorTrust({ pin: identity.fingerprint });
	assert.equal(pinned.pinnedKeys?.length, 1);
	assert.equal(pinned.roots, undefined);
	const both = coordinatorTrust({ pin: [identity.fingerprint], ca: pem });
	assert.deepEqual([both.pinnedKeys?.length, both.roots?.length], [1, 1]);
	assert.equal(coordinatorTrust({ ca: [pem, der] }).roots?.length, 2);
	assert.ok((coordinatorTrust({}).roots?.length ?? 0) > 50);
	assert.deepEqual(clientTrust(undefined), {});
	assert.deepEqual(clientTrust(pem).roots, [der]);
	assert.throws(() => coordinatorTrust({ ca: [] }), { code: "CERTIFICATE_INVALID" });
});

test("kept identity: is made once with safe modes, and is the same the next time", async () => {
	const state = join(directory, "a", "b");
	const first = await loadKeptIdentity({ stateDirectory: state, file: "coordinator", names: ["localhost"] });
	const second = await loadKeptIdentity({ stateDirectory: state, file: "coordinator", names: ["localhost"] });
	assert.deepEqual(second, first);
	assert.equal(first.key, "kept");
	if (process.platform !== "win32") {
		assert.equal((await stat(state)).mode & 0o777, 0o700);
		assert.equal((await stat(join(state, "coordinator.pem"))).mode & 0o777, 0o600);
	}
	assert.deepEqual(await readdir(state), ["coordinator.pem"]);
});

test("kept identity: other names renew the certificate and keep the key", async () => {
	const state = join(directory, "renamed");
	const first = await loadKeptIdentity({ stateDirectory: state, file: "x", names: ["localhost"] });
	const second = await loadKeptIdentity({ stateDirectory: state, file: "x", names: ["localhost", "10.0.0.1"] });
	assert.equal(second.fingerprint, first.fingerprint);
	assert.notDeepEqual(second.certificates, first.certificates);
	assert.equal(new X509Certificate(second.certificates[0] as Uint8Array).checkIP("10.0.0.1"), "10.0.0.1");
});

test("kept identity: makers at the same time agree on one key", async () => {
	const options = { stateDirectory: join(directory, "raced"), file: "x", names: ["a"] };
	const all = await Promise.all([1, 2, 3, 4].map(() => loadKeptIdentity(options)));
	assert.equal(new Set(all.map((one) => one.fingerprint)).size, 1);
});

test("kept identity: a torn, foreign or readable file is reported with its path and stays as it is", async () => {
	const state = join(directory, "torn");
	const path = join(state, "x.pem");
	const options = { stateDirectory: state, file: "x", names: ["a"] };
	await loadKeptIdentity(options);
	const whole = await readFile(path, "latin1");
	for (const content of ["", "hello", whole.slice(0, whole.length / 2), pem]) {
		await writeFile(path, content);
		await assert.rejects(
			loadKeptIdentity(options),
			(error: Error & { code?: string }) => error.code === "STATE_DIRECTORY_INVALID" && error.message.includes(path),
		);
		assert.equal(await readFile(path, "latin1"), content);
	}
	await writeFile(join(directory, "file"), "");
	await assert.rejects(loadKeptIdentity({ ...options, stateDirectory: join(directory, "file") }), { code: "STATE_DIRECTORY_INVALID" });
	if (process.platform !== "win32") {
		await rm(path);
		await writeFile(path, whole, { mode: 0o644 });
		await assert.rejects(loadKeptIdentity(options), { code: "STATE_DIRECTORY_INVALID", message: /0600/ });
	}
});

/** A certificate for any key, by openssl: a second opinion on what certificates look like. */
function certificateFor(key: string): string {
	const path = join(directory, "key.pem");
	writeFileSync(path, key);
	return execFileSync("openssl", ["req", "-x509", "-new", "-key", path, "-subj", "/CN=x", "-addext", "subjectAltName=DNS:x", "-days", "2"], {
		stdio: ["ignore", "pipe", "ignore"],
	}).toString();
}
