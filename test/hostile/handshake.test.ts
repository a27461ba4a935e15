/**
 * Before the first frame: certificates, names, protocols, addresses.
 *
 * | bad input                                     | who acts                 | code                                         |
 * |-----------------------------------------------|--------------------------|----------------------------------------------|
 * | wrong name in the Coordinator's certificate   | who connects             | CERTIFICATE_NAME_MISMATCH                    |
 * | wrong pin                                     | who connects             | PIN_MISMATCH                                 |
 * | expired certificate of the Coordinator        | who connects             | CERTIFICATE_EXPIRED                          |
 * | one that is not valid yet                     | who connects             | CERTIFICATE_NOT_YET_VALID                    |
 * | foreign certificate of the Coordinator        | who connects             | CERTIFICATE_UNTRUSTED                        |
 * | one that is for clients only                  | who connects             | CERTIFICATE_INVALID                          |
 * | expired certificate of a Client               | who connects             | CERTIFICATE_EXPIRED                          |
 * | foreign certificate of a Client               | who connects             | CERTIFICATE_UNTRUSTED                        |
 * | certificate for another id                    | who connects             | CERTIFICATE_NAME_MISMATCH                    |
 * | certificate for no id, or for two             | who connects             | CERTIFICATE_REFUSED                          |
 * | no certificate                                | the raw Client           | TLS alert 116, certificate_required          |
 * | wrong ALPN                                    | who connects, either way | PROTOCOL_UNSUPPORTED                         |
 * | another version of QUIC                       | the sender               | a Version Negotiation packet                 |
 * | no common version of Conec                    | hello.test.ts            | VERSION_UNSUPPORTED                          |
 * | port taken                                    | who listens              | ADDRESS_IN_USE                               |
 * | a host that cannot be resolved                | who connects             | HOST_UNRESOLVABLE                            |
 * | nobody there                                  | who connects             | COORDINATOR_UNREACHABLE in `requestTimeoutMs` |
 */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { Endpoint } from "@conec/quic";
import { Client, type ClientOptions, Coordinator, createCertificateAuthority, issueCertificate } from "../../packages/conec/src/index.ts";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { type Issued, issue, type Wanted } from "../../packages/quic/test/support/certificates.ts";
import { Stage, soon } from "./stage.ts";

const HOUR_MS = 3_600_000;
const past = new Date(Date.now() - HOUR_MS);
const future = new Date(Date.now() + HOUR_MS);

/** As options want it: DER each. */
function shown(issued: Issued): { certificate: Uint8Array; privateKey: Uint8Array } {
	return { certificate: issued.certificate, privateKey: issued.identity.privateKey };
}

async function refused(options: ClientOptions, code: string, what: string): Promise<void> {
	const started = performance.now();
	await assert.rejects(soon(Client.connect(options), what), { name: "ConecError", code }, what);
	assert.ok(performance.now() - started < 8_000, `${what}: at once, not at the deadline, which is 10 s`);
}

test("handshake: each wrong certificate of a Coordinator has its own code where one connects", async (t) => {
	const stage = await Stage.set(t);
	const authority = issue({ authority: true });
	const cases: [string, Wanted, string][] = [
		["another name", { names: ["example.org"] }, "CERTIFICATE_NAME_MISMATCH"],
		["no name", { names: [] }, "CERTIFICATE_NAME_MISMATCH"],
		["expired", { notAfter: past }, "CERTIFICATE_EXPIRED"],
		["not valid yet", { notBefore: future }, "CERTIFICATE_NOT_YET_VALID"],
		["for clients only", { usages: ["client"] }, "CERTIFICATE_INVALID"],
		["its own issuer", { issuer: undefined as unknown as Issued }, "CERTIFICATE_UNTRUSTED"],
		["another issuer", { issuer: issue({ authority: true }) }, "CERTIFICATE_UNTRUSTED"],
	];
	for (const [what, wanted, code] of cases) {
		const { issuer, ...rest } = wanted;
		const issued = issue({ ...rest, ...("issuer" in wanted ? (issuer === undefined ? {} : { issuer }) : { issuer: authority }) });
		const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...shown(issued) });
		const where = `localhost:${coordinator.address.port}`;
		await refused({ id: "cleo", coordinator: where, ca: authority.certificate }, code, what);
		// With its key pinned, names and dates do not matter.
		const client = await soon(Client.connect({ id: "cleo", coordinator: where, pin: coordinator.fingerprint }), what);
		await client.close();
		await coordinator.close();
	}
	const other = (await makeSelfSigned({ names: ["other"] }, "ephemeral")).fingerprint;
	await refused({ id: "cleo", ...stage.where, pin: other }, "PIN_MISMATCH", "a wrong pin");
	const { pin: _pin, ...unpinned } = stage.where;
	await refused({ id: "cleo", ...unpinned }, "CERTIFICATE_UNTRUSTED", "no pin, and roots that do not know it");
});

test("handshake: each wrong certificate of a Client has its own code where it connects, and no id is held", async (t) => {
	const authority = issue({ authority: true });
	const bystander = (id: string): Partial<ClientOptions> => shown(issue({ issuer: authority, names: [id] }));
	const stage = await Stage.set(t, { clientCa: authority.certificate }, [bystander("ann"), bystander("ben")]);
	const cases: [string, Issued, RegExp][] = [
		["expired", issue({ issuer: authority, names: ["cleo"], notAfter: past }), /^CERTIFICATE_EXPIRED$/],
		["not valid yet", issue({ issuer: authority, names: ["cleo"], notBefore: future }), /^CERTIFICATE_(REFUSED|NOT_YET_VALID)$/],
		["foreign", issue({ issuer: issue({ authority: true }), names: ["cleo"] }), /^CERTIFICATE_UNTRUSTED$/],
		["self-signed", issue({ names: ["cleo"] }), /^CERTIFICATE_(UNTRUSTED|REFUSED)$/],
		["for servers only", issue({ issuer: authority, names: ["cleo"], usages: ["server"] }), /^CERTIFICATE_REFUSED$/],
		["for a bystander", issue({ issuer: authority, names: ["ben"] }), /^CERTIFICATE_NAME_MISMATCH$/],
		["for two ids", issue({ issuer: authority, names: ["cleo", "ben"] }), /^CERTIFICATE_REFUSED$/],
		["for an address", issue({ issuer: authority, names: ["127.0.0.1"] }), /^CERTIFICATE_REFUSED$/],
		["for capitals", issue({ issuer: authority, names: ["CLEO"] }), /^CERTIFICATE_REFUSED$/],
		["for a wildcard", issue({ issuer: authority, names: ["*.cleo"] }), /^CERTIFICATE_REFUSED$/],
		["for no name", issue({ issuer: authority, names: [] }), /^CERTIFICATE_REFUSED$/],
		["for a NUL", issue({ issuer: authority, names: ["cleo\0.ben"] }), /^CERTIFICATE_(REFUSED|UNTRUSTED)$/],
		["the authority itself", authority, /^CERTIFICATE_(REFUSED|UNTRUSTED)$/],
	];
	for (const [what, issued, code] of cases) {
		const started = performance.now();
		await assert.rejects(soon(Client.connect({ id: "cleo", ...stage.where, ...shown(issued) }), what), { code }, what);
		assert.ok(performance.now() - started < 8_000, `${what}: at once, not at the deadline`);
	}
	assert.equal(stage.coordinator.clientCount, 2);
	assert.equal((await stage.connect("cleo", shown(issue({ issuer: authority, names: ["cleo"] })))).id, "cleo");
});

test("handshake: keys that do not belong to certificates, and files that are none, fail where they are given", async () => {
	const [one, two] = [issue(), issue()];
	const where = { id: "cleo", coordinator: "localhost:1", pin: `sha256:${"0".repeat(64)}` };
	await assert.rejects(Client.connect({ ...where, certificate: one.certificate, privateKey: two.identity.privateKey }), { code: "CERTIFICATE_KEY_MISMATCH" });
	await assert.rejects(Coordinator.listen({ port: 0, certificate: one.certificate, privateKey: two.identity.privateKey }), {
		code: "CERTIFICATE_KEY_MISMATCH",
	});
	await assert.rejects(Client.connect({ ...where, certificate: "no PEM", privateKey: one.identity.privateKey }), { code: "CERTIFICATE_INVALID" });
	await assert.rejects(Client.connect({ id: "cleo", coordinator: "localhost:1", ca: one.certificate.subarray(0, 40) }), { code: "CERTIFICATE_INVALID" });
	await assert.rejects(Client.connect({ ...where, pin: "sha256:zz" }), { name: "TypeError", code: "OPTION_INVALID" });
	const authority = await createCertificateAuthority({ name: "ours" });
	await assert.rejects(issueCertificate(authority, "Not A Name"), { name: "TypeError" });
});

test("handshake: no certificate, a wrong protocol, another version of QUIC", async (t) => {
	const stage = await Stage.set(t);
	const bare = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	t.after(() => bare.close({ drainMs: 0 }));
	const pinned = { pinnedKeys: [Buffer.from(stage.where.pin.slice("sha256:".length), "hex")] };
	const dial = { ...stage.coordinator.address, serverName: "localhost", trust: pinned };
	// TLS 1.3: the Client's side of the handshake is over before the refusal arrives.
	const ended = await bare.connect({ ...dial, alpnProtocols: ["conec/1"] }).then(
		async (connection) => (await soon(connection.closed, "the refusal")).error,
		(error) => error,
	);
	assert.equal(ended.code, "TLS_REFUSED_BY_PEER");
	assert.equal(ended.alert, 116);
	const identity = await makeSelfSigned({ names: ["mallory"] }, "ephemeral");
	for (const alpn of ["conec/2", "h3", "conec-direct/1"]) {
		await assert.rejects(bare.connect({ ...dial, identity, alpnProtocols: [alpn] }), { code: "TLS_REFUSED_BY_PEER", alert: 120 }, alpn);
	}
	assert.equal(stage.coordinator.clientCount, 2);

	const other = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const foreign = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	t.after(() => foreign.close({ drainMs: 0 }));
	foreign.listen({ identity: other, clientTrust: {}, alpnProtocols: ["h3"] });
	await refused(
		{ id: "cleo", coordinator: `localhost:${foreign.address.port}`, pin: other.fingerprint },
		"PROTOCOL_UNSUPPORTED",
		"a server of another protocol",
	);

	// RFC 9000, 6: an Initial of a version nobody speaks, padded to 1200 bytes.
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	const initial = Buffer.alloc(1200);
	initial.set([0xc0, 0x6a, 0x7a, 0x8a, 0x9a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1]);
	const answer = once(socket, "message");
	socket.send(initial, stage.coordinator.address.port, "127.0.0.1");
	const [negotiation] = (await soon(answer, "version negotiation")) as [Buffer];
	assert.equal(negotiation.readUInt32BE(1), 0, "Version Negotiation has version 0");
	assert.ok(negotiation.length < 1200);
});

test("handshake: a port that is taken, a host that is none, and a port where nobody is", async (t) => {
	const stage = await Stage.set(t);
	await assert.rejects(Coordinator.listen({ host: "127.0.0.1", port: stage.coordinator.address.port }), { code: "ADDRESS_IN_USE" });
	await assert.rejects(soon(Client.connect({ id: "cleo", coordinator: "no-such-host.invalid", pin: stage.where.pin }), "resolving", 12_000), {
		code: "HOST_UNRESOLVABLE",
	});
	const silent = createSocket("udp4");
	t.after(() => silent.close());
	silent.bind(0, "127.0.0.1");
	await once(silent, "listening");
	const started = performance.now();
	const limits = { requestTimeoutMs: 500 };
	await assert.rejects(Client.connect({ id: "cleo", coordinator: `127.0.0.1:${silent.address().port}`, pin: stage.where.pin, limits }), {
		code: "COORDINATOR_UNREACHABLE",
	});
	const took = performance.now() - started;
	assert.ok(took > 400 && took < 8_000, `${took} ms, not the 10 s of the default`);
});
