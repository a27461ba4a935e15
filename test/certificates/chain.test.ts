import assert from "node:assert/strict";
import { test } from "node:test";
import { createCertificateAuthority, issueCertificate } from "../../packages/conec/src/tls/certificate-authority.ts";
import { chainProblem } from "../../packages/conec/src/tls/chain.ts";
import { readCertificates } from "../../packages/conec/src/tls/pem.ts";
import { type Forged, forge, type Wanted } from "./forge.ts";

const root: Forged = forge({ subject: "root", authority: true });
const below = (issuer: Forged, wanted: Wanted = {}): Forged => forge({ subject: "between", authority: true, issuer, ...wanted });
const problem = (chain: readonly Forged[], roots: readonly Forged[] = [root], role: "client" | "server" = "client"): string | undefined =>
	chainProblem(
		chain.map(({ der }) => der),
		roots.map(({ der }) => der),
		role,
		Date.now(),
	);

test("chain: leads to an authority directly, through intermediates in any order, by the right one of two with the same name", () => {
	const [one, other] = [below(root), below(root, { subject: "other" })];
	const two = below(one, { subject: "two" });
	const leaf = forge({ issuer: two });
	assert.equal(problem([forge({ issuer: root })]), undefined);
	assert.equal(problem([leaf, two, one]), undefined);
	assert.equal(problem([leaf, other, root, one, two]), undefined);
	assert.equal(problem([forge({ issuer: root })], [forge({ subject: "root", authority: true }), root]), undefined);
	assert.equal(problem([forge({ issuer: one }), below(root), one]), undefined);
	const self = forge();
	assert.equal(problem([self], [self]), undefined);
});

test("chain: every other one has its problem named", () => {
	const short = forge({ subject: "short", authority: { pathLength: 1 } });
	const one = below(short, { subject: "one" });
	const two = below(one, { subject: "two" });
	const leaf = forge({ subject: "leaf", issuer: root });
	const past = { beginsInSeconds: -20, endsInSeconds: -10 };
	const elsewhere = /leads to no authority that is trusted/;
	for (const [chain, roots, words] of [
		[[], [root], /is missing/],
		[[forge({ issuer: forge({ subject: "root", authority: true }) })], [root], elsewhere],
		[[forge()], [root], elsewhere],
		[[forge({ issuer: below(root) })], [root], elsewhere],
		[[forge({ issuer: leaf }), leaf], [root], elsewhere],
		[[forge({ issuer: below(root, past) }), below(root, past)], [root], elsewhere],
		[[forge({ issuer: root, ...past })], [root], /has expired or is not valid yet/],
		[[forge({ issuer: root, beginsInSeconds: 60 })], [root], /has expired or is not valid yet/],
		[[forge({ issuer: root, usages: ["server"] })], [root], /must not be used for a client/],
		[[forge({ issuer: two }), two, one], [short], /path length/],
	] as const) {
		assert.match(problem(chain, roots) ?? "accepted", words);
	}
	assert.equal(problem([forge({ issuer: one }), one], [short]), undefined);
	assert.match(problem([forge({ issuer: root, usages: ["client"] })], [root], "server") ?? "", /must not be used for a server/);
	assert.match(chainProblem([new Uint8Array(10)], [root.der], "client", 0) ?? "", /cannot be read/);
});

test("chain: what is made to be searched for ever is given up soon", () => {
	// Many authorities with one name and one key each, all issued by each other's names: every step has all of them to try.
	const knot = Array.from({ length: 60 }, () => forge({ subject: "knot", authority: true }));
	const leaf = forge({ subject: "leaf", issuer: knot[0] as Forged });
	const before = process.cpuUsage().user;
	assert.match(problem([leaf, ...knot]) ?? "", /leads to no authority/);
	// Some milliseconds; all the ways there are would take for ever.
	assert.ok(process.cpuUsage().user - before < 2_000_000);
});

test("chain: an authority made here allows no intermediate", async () => {
	const authority = await createCertificateAuthority({ name: "ours" });
	const issued = await issueCertificate(authority, "alice");
	const ders = (pem: string): Uint8Array[] => readCertificates(pem);
	assert.equal(chainProblem(ders(issued.certificate), ders(authority.certificate), "client", Date.now()), undefined);
	assert.equal(chainProblem(ders(issued.certificate), ders(authority.certificate), "server", Date.now()), undefined);
	assert.match(chainProblem(ders(issued.certificate), ders(authority.certificate), "client", Date.now() + 366 * 86_400_000) ?? "", /expired/);
});
