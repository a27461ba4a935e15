import assert from "node:assert/strict";
import { test } from "node:test";
import { testIdentity } from "../../testing/identities.ts";
import { createCertificateAuthority, issueCertificate } from "./certificate-authority.ts";
import { readCertificates } from "./pem.ts";
import { certificateIdentity, identityProblem } from "./proven-identity.ts";

const ann = testIdentity("ann");
const [LEAF = new Uint8Array()] = ann.certificates;
const GARBLED = new TextEncoder().encode("no certificate");

test("proven identity: a certificate proves its key, whatever stands behind it in the chain", () => {
	for (const rest of [[], [GARBLED], [LEAF, new Uint8Array()]]) {
		const chain = [LEAF, ...rest];
		assert.deepEqual(certificateIdentity(chain), { type: "certificate", leaf: LEAF, chain, fingerprint: ann.fingerprint });
	}
});

test("proven identity: no certificate, or one that cannot be read, proves nothing and says why", () => {
	assert.deepEqual(certificateIdentity([]), { type: "none", code: "CERTIFICATE_REQUIRED", problem: "is missing" });
	for (const garbled of [GARBLED, new Uint8Array(), LEAF.subarray(0, -1), new Uint8Array([...LEAF, 0])]) {
		const identity = certificateIdentity([garbled, LEAF]);
		assert.ok(identity.type === "none");
		assert.equal(identity.code, "CERTIFICATE_REFUSED");
		assert.match(identity.problem, /^cannot be read \(.+\)$/);
	}
});

test("proven identity: it leads to the authority that issued it and to no other; nothing leads nowhere", async () => {
	const [authority, other] = [await createCertificateAuthority({ name: "one" }), await createCertificateAuthority({ name: "other" })];
	const issued = certificateIdentity(readCertificates((await issueCertificate(authority, "ann")).certificate));
	const [roots, others] = [readCertificates(authority.certificate), readCertificates(other.certificate)];
	const now = Date.now();
	assert.equal(identityProblem(issued, roots, "client", now), undefined);
	assert.match(identityProblem(issued, others, "client", now) ?? "", /no authority that is trusted/);
	assert.equal(identityProblem(certificateIdentity([]), roots, "client", now), "is missing");
	assert.match(identityProblem(certificateIdentity([GARBLED]), roots, "client", now) ?? "", /cannot be read/);
});
