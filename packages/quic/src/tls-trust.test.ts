import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DAY_MS, type Issued, issue } from "../test/support/certificates.ts";
import { ALPN, dialling, endpoint, eventually, nextConnection } from "../test/support/link.ts";
import type { Connection, ConnectOptions, ListenOptions, QuicError } from "./index.ts";

const authority = issue({ authority: true });
const otherAuthority = issue({ authority: true });
const intermediate = issue({ authority: true, issuer: authority });
const past = { notBefore: new Date(Date.now() - 9 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
const future = { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 9 * DAY_MS) };

interface Case {
	readonly server: Issued;
	readonly connect: Partial<ConnectOptions>;
	readonly listen?: Partial<ListenOptions>;
}

/** Connects with the case's certificates and returns both sides. */
async function meet(t: TestContext, { server: shown, connect, listen }: Case): Promise<{ dialled: Connection; accepted: Connection }> {
	const server = endpoint(t);
	const client = endpoint(t);
	server.listen({ identity: shown.identity, alpnProtocols: [ALPN], ...listen });
	const arrived = nextConnection(server);
	const { identity: _, ...rest } = dialling(server);
	const dialled = await client.connect({ ...rest, ...connect });
	const accepted = await arrived;
	accepted.confirm();
	return { dialled, accepted };
}

const serverAccepted: [string, Issued, ConnectOptions["trust"], string?][] = [
	["a private authority and the name", issue({ issuer: authority }), { roots: [authority.certificate] }],
	["an authority among others", issue({ issuer: authority }), { roots: [otherAuthority.certificate, authority.certificate] }],
	["an IP address as name", issue({ issuer: authority, names: ["127.0.0.1"] }), { roots: [authority.certificate] }, "127.0.0.1"],
	["an intermediate sent by the server", issue({ issuer: intermediate }), { roots: [authority.certificate] }],
	["an Ed25519 leaf", issue({ issuer: authority, key: "ed25519" }), { roots: [authority.certificate] }],
	["an RSA leaf", issue({ issuer: authority, key: "rsa" }), { roots: [authority.certificate] }],
	["a P-384 leaf", issue({ issuer: authority, key: "p384" }), { roots: [authority.certificate] }],
	["a P-384 authority", ...p384()],
	["a root that is the self-signed leaf itself", ...self(false)],
	["a root that is the leaf itself, marked as an authority", ...self(true)],
];

function p384(): [Issued, ConnectOptions["trust"]] {
	const root = issue({ authority: true, key: "p384" });
	return [issue({ issuer: root }), { roots: [root.certificate] }];
}

function self(marked: boolean): [Issued, ConnectOptions["trust"]] {
	const leaf = issue({ authority: marked, names: ["localhost"] });
	return [leaf, { roots: [leaf.certificate] }];
}

for (const [what, shown, trust, serverName = "localhost"] of serverAccepted) {
	test(`client trust: accepts ${what}`, async (t) => {
		const { dialled } = await meet(t, { server: shown, connect: { trust, serverName } });
		assert.deepEqual(
			dialled.peerCertificates.map((der) => Buffer.from(der)),
			shown.identity.certificates.map((der) => Buffer.from(der)),
		);
	});
}

const pinned: [string, Issued, (shown: Issued) => ConnectOptions["trust"]][] = [
	["a key pin", issue(), ({ keyPin }) => ({ pinnedKeys: [keyPin] })],
	["a key pin of a certificate marked as an authority", issue({ authority: true, names: ["localhost"] }), ({ keyPin }) => ({ pinnedKeys: [keyPin] })],
	["a certificate pin", issue(), ({ certificatePin }) => ({ pinnedCertificates: [certificatePin] })],
	["a certificate pin, marked as an authority", issue({ authority: true }), ({ certificatePin }) => ({ pinnedCertificates: [certificatePin] })],
	["one pin of several", issue(), ({ keyPin }) => ({ pinnedKeys: [otherAuthority.keyPin, keyPin] })],
	["a pin of an expired certificate with another name", issue({ ...past, names: ["elsewhere"] }), ({ keyPin }) => ({ pinnedKeys: [keyPin] })],
	["a pin of an Ed25519 key", issue({ key: "ed25519" }), ({ keyPin }) => ({ pinnedKeys: [keyPin] })],
	["pin and root together", issue({ issuer: authority }), ({ keyPin }) => ({ pinnedKeys: [keyPin], roots: [authority.certificate] })],
];

for (const [what, shown, trust] of pinned) {
	test(`client trust: accepts ${what}`, async (t) => {
		const { dialled } = await meet(t, { server: shown, connect: { trust: trust(shown) } });
		assert.deepEqual(Buffer.from(dialled.peerCertificates[0] as Uint8Array), Buffer.from(shown.certificate));
	});
}

const good = issue({ issuer: authority });
const roots = { roots: [authority.certificate] };
const refused: [string, Issued, ConnectOptions["trust"], QuicError["refusal"]][] = [
	["an expired certificate", issue({ issuer: authority, ...past }), roots, "expired"],
	["a certificate that is not valid yet", issue({ issuer: authority, ...future }), roots, "not-yet-valid"],
	["another authority", issue({ issuer: otherAuthority }), roots, "unknown-issuer"],
	["another name", issue({ issuer: authority, names: ["elsewhere"] }), roots, "name"],
	["a certificate without any name", issue({ issuer: authority, names: [] }), roots, "name"],
	["a certificate for clients only", issue({ issuer: authority, usages: ["client"] }), roots, "usage"],
	["a missing intermediate", withoutChain(issue({ issuer: intermediate })), roots, "unknown-issuer"],
	["another key", good, { pinnedKeys: [otherAuthority.keyPin] }, "pin"],
	["another certificate of the same key's owner", good, { pinnedCertificates: [otherAuthority.certificatePin] }, "pin"],
	["the right root with another pin", good, { ...roots, pinnedKeys: [otherAuthority.keyPin] }, "pin"],
	["the right pin with another root", good, { pinnedKeys: [good.keyPin], roots: [otherAuthority.certificate] }, "unknown-issuer"],
	["a key pin where only the certificate pin fits", good, { pinnedKeys: [good.certificatePin], pinnedCertificates: [good.certificatePin] }, "pin"],
	["an expired self-signed root", ...expiredSelf()],
	["a self-signed root with another name", ...misnamedSelf()],
];

function hex(bytes: Uint8Array | undefined): string {
	return Buffer.from(bytes ?? []).toString("hex");
}

function withoutChain(leaf: Issued): Issued {
	return { ...leaf, identity: { certificates: [leaf.certificate], privateKey: leaf.identity.privateKey } };
}

function expiredSelf(): [Issued, ConnectOptions["trust"], QuicError["refusal"]] {
	const leaf = issue({ authority: true, names: ["localhost"], ...past });
	return [leaf, { roots: [leaf.certificate] }, "expired"];
}

function misnamedSelf(): [Issued, ConnectOptions["trust"], QuicError["refusal"]] {
	const leaf = issue({ authority: true, names: ["elsewhere"] });
	return [leaf, { roots: [leaf.certificate] }, "name"];
}

for (const [what, shown, trust, refusal] of refused) {
	test(`client trust: refuses ${what} as "${refusal}"`, async (t) => {
		await assert.rejects(meet(t, { server: shown, connect: { trust } }), (error: QuicError) => {
			assert.equal(error.code, "TLS_REFUSED");
			assert.equal(error.refusal, refusal);
			assert.ok((error.alert ?? 0) > 0);
			assert.equal(hex(error.shownKey), hex(shown.keyPin));
			return true;
		});
	});
}

const presented: [string, Issued | undefined, (shown: Issued | undefined) => ListenOptions["clientTrust"]][] = [
	["nobody asked for a certificate", undefined, () => undefined],
	["any key that is proved", issue(), () => ({})],
	["any key: expired, no name, for servers only", issue({ ...past, names: [], usages: ["server"] }), () => ({})],
	["any key: RSA", issue({ key: "rsa" }), () => ({})],
	["a private authority", issue({ issuer: authority }), () => roots],
	["a private authority and an intermediate", issue({ issuer: intermediate }), () => roots],
	["a pinned key", issue(), (shown = good) => ({ pinnedKeys: [shown.keyPin] })],
	["a pinned certificate", issue(), (shown = good) => ({ pinnedCertificates: [shown.certificatePin] })],
	["a root that is the client's own certificate, marked as an authority", issue({ authority: true }), (shown = good) => ({ roots: [shown.certificate] })],
];

for (const [what, shown, trust] of presented) {
	test(`server trust: accepts ${what}`, async (t) => {
		const clientTrust = trust(shown);
		const identity = shown === undefined ? {} : { identity: shown.identity };
		const listen = clientTrust === undefined ? {} : { clientTrust };
		const { accepted } = await meet(t, { server: good, connect: { trust: roots, ...identity }, listen });
		assert.deepEqual(
			accepted.peerCertificates.map((der) => Buffer.from(der)),
			(shown?.identity.certificates ?? []).map((der) => Buffer.from(der)),
		);
	});
}

const CERTIFICATE_REQUIRED = 116;
const turnedAway: [string, Issued | undefined, ListenOptions["clientTrust"], number][] = [
	["no certificate where any will do", undefined, {}, CERTIFICATE_REQUIRED],
	["no certificate where an authority is asked for", undefined, roots, CERTIFICATE_REQUIRED],
	["an expired certificate", issue({ issuer: authority, ...past }), roots, 45],
	["a certificate that is not valid yet", issue({ issuer: authority, ...future }), roots, 45],
	["another authority", issue({ issuer: otherAuthority }), roots, 48],
	["a certificate for servers only", issue({ issuer: authority, usages: ["server"] }), roots, 43],
	["another key", issue(), { pinnedKeys: [good.keyPin] }, 49],
	["another certificate", issue(), { pinnedCertificates: [good.certificatePin] }, 49],
	["the right root with another pin", issue({ issuer: authority }), { ...roots, pinnedKeys: [good.keyPin] }, 49],
];

for (const [what, shown, clientTrust, alert] of turnedAway) {
	test(`server trust: refuses ${what}, and the client learns alert ${alert}`, async (t) => {
		const server = endpoint(t);
		const client = endpoint(t);
		server.listen({ identity: good.identity, alpnProtocols: [ALPN], ...(clientTrust === undefined ? {} : { clientTrust }) });
		server.onConnection = () => assert.fail("it must not be let in");
		const { identity: _, ...rest } = dialling(server, { trust: roots });
		const error = await client.connect({ ...rest, ...(shown === undefined ? {} : { identity: shown.identity }) }).then(
			async (dialled) => (await dialled.closed).error as QuicError, // TLS 1.3: the client may be through before the server judges
			(e: QuicError) => e,
		);
		assert.equal(error.code, "TLS_REFUSED_BY_PEER");
		assert.equal(error.alert, alert);
		await eventually(() => server.stats().failedHandshakes === 1, "the server to count it");
		assert.equal(server.stats().acceptedHandshakes, 0);
	});
}
