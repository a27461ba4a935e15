import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { issue } from "../test/support/certificates.ts";
import { CLIENT, dialling, endpoint, ends, eventually, join, link, listening, SERVER } from "../test/support/link.ts";
import type { QuicError } from "./index.ts";

const NO_APPLICATION_PROTOCOL = 120;

test("alpn: both sides know the protocol they agreed on, and the server the name", async (t) => {
	const { dialled, accepted } = await link(t, {
		listen: { alpnProtocols: ["second", "first"] },
		connect: { alpnProtocols: ["first", "third"], serverName: "some.name" },
	});
	assert.equal(dialled.alpnProtocol, "first");
	assert.equal(accepted.alpnProtocol, "first");
	assert.equal(accepted.serverName, "some.name");
	assert.equal(dialled.serverName, undefined);
});

for (const offered of [["other"], []]) {
	test(`alpn: a client that offers [${offered}] is refused, and learns alert 120`, async (t) => {
		const server = endpoint(t);
		const client = endpoint(t);
		server.listen(listening());
		await assert.rejects(client.connect(dialling(server, { alpnProtocols: offered })), { code: "TLS_REFUSED_BY_PEER", alert: NO_APPLICATION_PROTOCOL });
		await eventually(() => server.stats().failedHandshakes === 1, "the server to count it");
	});
}

test("alpn: a server that speaks no protocol refuses every client", async (t) => {
	const server = endpoint(t);
	const client = endpoint(t);
	server.listen(listening({ alpnProtocols: [] }));
	await assert.rejects(client.connect(dialling(server)), { code: "TLS_REFUSED_BY_PEER", alert: NO_APPLICATION_PROTOCOL });
});

test("session: a second connection shows both certificates again", async (t) => {
	const server = endpoint(t);
	const client = endpoint(t);
	server.listen(listening());
	for (let round = 0; round < 3; round++) {
		const { dialled, accepted } = await join(client, server);
		assert.deepEqual(Buffer.from(dialled.peerCertificates[0] as Uint8Array), Buffer.from(SERVER.certificate));
		assert.deepEqual(Buffer.from(accepted.peerCertificates[0] as Uint8Array), Buffer.from(CLIENT.certificate));
		// A ticket would have come by now, and been used in the next round.
		await new Promise((resolve) => setTimeout(resolve, 20));
		dialled.close(0);
		await accepted.closed;
	}
});

test("reload: new connections meet the new certificate and trust, live ones stay", async (t) => {
	const { server, client, dialled, accepted } = await link(t);
	const renewed = issue();
	server.listen(listening({ identity: renewed.identity, clientTrust: { pinnedKeys: [renewed.keyPin] } }));
	const trust = { pinnedKeys: [renewed.keyPin] };
	await assert.rejects(client.connect(dialling(server)), { code: "TLS_REFUSED", refusal: "pin" });
	const second = await join(client, server, { trust, identity: renewed.identity });
	assert.deepEqual(Buffer.from(second.dialled.peerCertificates[0] as Uint8Array), Buffer.from(renewed.certificate));
	const refused = await client.connect(dialling(server, { trust })).then(
		async (connection) => (await connection.closed).error as QuicError,
		(error: QuicError) => error,
	);
	assert.equal(refused.code, "TLS_REFUSED_BY_PEER");
	const { near, farHeard } = await ends(dialled, accepted);
	near.write(0, Buffer.from("still here"));
	await farHeard.untilCount(1);
	assert.equal(Buffer.from(farHeard.frames[0]?.payload ?? []).toString(), "still here");
});

test("exporter: both sides derive the same bytes, others for another label, context or connection", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	const context = Buffer.from("context");
	const ours = Buffer.from(dialled.exportKeyingMaterial("EXPORTER-test", context, 48));
	assert.equal(ours.length, 48);
	assert.deepEqual(Buffer.from(accepted.exportKeyingMaterial("EXPORTER-test", context, 48)), ours);
	assert.notDeepEqual(Buffer.from(dialled.exportKeyingMaterial("EXPORTER-other", context, 48)), ours);
	assert.notDeepEqual(Buffer.from(dialled.exportKeyingMaterial("EXPORTER-test", Buffer.from("x"), 48)), ours);
	const other = await join(client, server);
	assert.notDeepEqual(Buffer.from(other.dialled.exportKeyingMaterial("EXPORTER-test", context, 48)), ours);
});

test("identity: a key that is not the certificate's, and what is neither key nor certificate, are refused here", async (t) => {
	const server = endpoint(t);
	const garbage = Buffer.from("this is not DER");
	const { certificates, privateKey } = SERVER.identity;
	const listen = (identity: typeof SERVER.identity) => () => server.listen(listening({ identity }));
	assert.throws(listen({ certificates, privateKey: CLIENT.identity.privateKey }), { name: "QuicError", code: "KEY_INVALID" });
	assert.throws(listen({ certificates, privateKey: garbage }), { name: "QuicError", code: "KEY_INVALID" });
	assert.throws(listen({ certificates: [garbage], privateKey }), { name: "QuicError", code: "CERTIFICATE_INVALID" });
	assert.throws(listen({ certificates: [], privateKey }), { name: "QuicError", code: "CERTIFICATE_INVALID" });
	const x25519 = new Uint8Array(generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "der" }));
	assert.throws(listen({ certificates, privateKey: x25519 }), { name: "QuicError", code: "KEY_INVALID" });
});

test("trust: a client that trusts nobody, unreadable roots and short pins are refused here", async (t) => {
	const client = endpoint(t);
	const connect = (trust: Parameters<typeof client.connect>[0]["trust"]) => client.connect(dialling(client, { trust }));
	await assert.rejects(connect({}), { name: "QuicError", code: "INVALID_ARGUMENT" });
	await assert.rejects(connect({ roots: [] }), { name: "QuicError", code: "INVALID_ARGUMENT" });
	await assert.rejects(connect({ roots: [Buffer.from("junk")] }), { name: "QuicError", code: "CERTIFICATE_INVALID" });
	await assert.rejects(connect({ pinnedKeys: [Buffer.alloc(31)] }), { name: "QuicError", code: "INVALID_ARGUMENT" });
});
