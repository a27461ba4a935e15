import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../../packages/conec/src/client/options.ts";
import { Coordinator } from "../../packages/conec/src/coordinator/coordinator.ts";
import { resolveLimits } from "../../packages/conec/src/limits.ts";
import { fingerprintOf } from "../../packages/conec/src/tls/fingerprint.ts";
import { parseIdentity } from "../../packages/conec/src/tls/identity.ts";
import { coordinatorTrust } from "../../packages/conec/src/tls/trust.ts";
import { createQuicTransport } from "../../packages/conec/src/transport/quic/transport.ts";
import { type ControlMessage, decodeControl, encodeControl } from "../../packages/conec/src/wire/control.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { echo, handler, hello } from "../entities-world.ts";
import { type Forged, forge, pemOf, shown } from "./forge.ts";

const [oldRoot, newRoot] = [forge({ subject: "authority", authority: true }), forge({ subject: "authority", authority: true })];
const identityOf = (id: string, issuer: Forged): { certificate: string; privateKey: string } => shown(forge({ names: [id], issuer }));

async function place(): Promise<{ coordinator: Coordinator; connect: (id: string, issuer: Forged, options?: Partial<ClientOptions>) => Promise<Client> }> {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...identityOf("localhost", oldRoot), clientCa: pemOf(oldRoot) });
	const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}` };
	const ca = [pemOf(oldRoot), pemOf(newRoot)];
	return { coordinator, connect: (id, issuer, options) => Client.connect({ id, ...where, ca, ...identityOf(id, issuer), ...options }) };
}

/** Sends and receives on a stream that was open before. */
async function stillTalks(stream: { send(text: string): Promise<void>; receive(): Promise<Uint8Array | null> }, text: string): Promise<void> {
	await stream.send(text);
	assert.equal(Buffer.from((await stream.receive()) ?? []).toString(), text);
}

test("reload: one authority takes over from another, and one certificate from another, without a lost message", async () => {
	const { coordinator, connect } = await place();
	const [alice, bob] = await Promise.all([connect("alice", oldRoot), connect("bob", oldRoot)]);
	echo(bob);
	const stream = await alice.openStream("bob");
	await stillTalks(stream, "before");
	await assert.rejects(connect("carol", newRoot), { code: /^CERTIFICATE_/ });

	coordinator.reload({ clientCa: [pemOf(oldRoot), pemOf(newRoot)] });
	const [carol, dave] = await Promise.all([connect("carol", newRoot), connect("dave", oldRoot)]);
	await stillTalks(stream, "both");

	coordinator.reload({ clientCa: pemOf(newRoot), ...identityOf("localhost", newRoot) });
	await assert.rejects(connect("erin", oldRoot), { code: /^CERTIFICATE_/ });
	await assert.rejects(connect("erin", newRoot, { ca: pemOf(oldRoot) }), { code: "CERTIFICATE_UNTRUSTED" });
	const erin = await connect("erin", newRoot, { ca: pemOf(newRoot) });
	await stillTalks(stream, "new");

	// What cannot be used changes nothing, in part neither.
	const fingerprint = coordinator.fingerprint;
	for (const wrong of [
		{ ...identityOf("localhost", oldRoot), clientCa: "no authority" },
		{ certificate: pemOf(oldRoot), privateKey: identityOf("x", oldRoot).privateKey },
		{ clientCa: pemOf(oldRoot), deny: ["no fingerprint"] },
	]) {
		assert.throws(() => coordinator.reload(wrong), { code: /^(CERTIFICATE_INVALID|CERTIFICATE_KEY_MISMATCH|OPTION_INVALID)$/ });
	}
	assert.throws(() => coordinator.reload({ certificate: pemOf(oldRoot) }), { code: "OPTION_INVALID" });
	assert.equal(coordinator.fingerprint, fingerprint);
	await assert.rejects(connect("frank", oldRoot), { code: /^CERTIFICATE_/ });
	await stillTalks(stream, "after");
	assert.equal(coordinator.clientCount, 5);
	await Promise.all([alice, bob, carol, dave, erin].map((client) => client.close()));
	await coordinator.close();
});

test("reload: a key that is denied now is gone at once and stays out; nobody else notices", async () => {
	const { coordinator, connect } = await place();
	const certificate = forge({ names: ["alice"], issuer: oldRoot });
	const [alice, bob] = await Promise.all([connect("alice", oldRoot, shown(certificate)), connect("bob", oldRoot)]);
	echo(bob);
	const stream = await bob.openStream("bob");
	const started = performance.now();
	coordinator.reload({ deny: [fingerprintOf(certificate.der)] });
	const info = await alice.closed;
	assert.ok(performance.now() - started < 8_000, "not when it is idle, after 15 s");
	assert.deepEqual([info.by, info.code, info.reason], ["peer", "CERTIFICATE_REFUSED", "its key is on the deny list"]);
	await assert.rejects(connect("alice", oldRoot, shown(certificate)), { code: "CERTIFICATE_REFUSED", message: /deny list/ });
	// The id may go on with another key.
	const again = await connect("alice", oldRoot);
	await stillTalks(stream, "undisturbed");
	await Promise.all([bob.close(), again.close()]);
	await coordinator.close();
});

test("reload: who had shaken hands in open mode and says hello in CA mode needs a certificate of the authority all the same", async () => {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const transport = createQuicTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({}, "client"), role: "client" });
	const enter = async (shows: { certificate: string; privateKey: string }): Promise<{ say: () => Promise<ControlMessage> }> => {
		const connection = await transport.dial({
			address: "127.0.0.1",
			port: coordinator.address.port,
			serverName: "localhost",
			trust: coordinatorTrust({ pin: coordinator.fingerprint }),
			identity: parseIdentity(shows.certificate, shows.privateKey),
			alpnProtocol: "conec/1",
			handshakeTimeoutMs: 5_000,
		});
		const say = (): Promise<ControlMessage> =>
			new Promise((resolve, reject) => {
				const frame = (_kind: number, payload: Uint8Array): void => {
					const message = decodeControl(payload, 1_024);
					if (message.ok && message.value !== undefined) resolve(message.value);
				};
				connection.openStream({ kind: FRAME.CONTROL, payload: encodeControl(hello("alice")) }, handler({ frame, lost: reject }));
			});
		return { say };
	};
	const impostor = await enter(shown(forge({ names: ["alice"] })));
	const stranger = await enter(identityOf("alice", newRoot));
	const real = await enter(identityOf("alice", oldRoot));
	coordinator.reload({ clientCa: pemOf(oldRoot) });
	for (const wrong of [impostor, stranger]) {
		const answer = await wrong.say();
		assert.ok(answer.type === "refused");
		assert.equal(answer.code, "CERTIFICATE_REFUSED");
		assert.match(answer.message ?? "", /leads to no authority that is trusted/);
	}
	assert.equal((await real.say()).type, "welcome");
	assert.deepEqual(
		coordinator.clients().map(({ id }) => id),
		["alice"],
	);
	transport.destroy();
	coordinator.destroy();
	await coordinator.closed;
});
