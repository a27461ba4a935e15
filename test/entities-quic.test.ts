import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { connectOn } from "../packages/conec/src/client/client.ts";
import { Client, Coordinator, createCertificateAuthority, issueCertificate } from "../packages/conec/src/index.ts";
import { resolveLimits } from "../packages/conec/src/limits.ts";
import type { Lookup } from "../packages/conec/src/session/runtime.ts";
import { coordinatorTrust } from "../packages/conec/src/tls/trust.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { until } from "../packages/conec/testing/until.ts";
import { hostileSuite } from "./entities-hostile-suite.ts";
import { identitySuite } from "./entities-identity-suite.ts";
import { presenceSuite } from "./entities-presence-suite.ts";
import { entitiesSuite } from "./entities-suite.ts";
import { echo, type Fabric, text, World } from "./entities-world.ts";

const fabric: Fabric = { name: "quic", createTransport: createQuicTransport };
entitiesSuite(fabric);
identitySuite(fabric);
hostileSuite(fabric);
presenceSuite(fabric);

/** Whether no socket of this machine has the port. */
async function isFree(port: number): Promise<boolean> {
	const socket = createSocket({ type: "udp6", ipv6Only: false });
	try {
		socket.bind({ port, address: "::", exclusive: true });
		await once(socket, "listening");
		return true;
	} catch {
		return false;
	} finally {
		socket.removeAllListeners("error").on("error", () => undefined);
		socket.close();
	}
}

test("quic: a Client has the port of its choice, over IPv4 and IPv6, and a port that another program has is told", async () => {
	const coordinator = await Coordinator.listen({ port: 0 });
	const pin = coordinator.fingerprint;
	const taken = createSocket("udp4").bind(0, "127.0.0.1");
	await once(taken, "listening");
	const { port } = taken.address();
	const options = { coordinator: `127.0.0.1:${coordinator.address.port}`, pin, localAddress: "127.0.0.1" };
	await assert.rejects(Client.connect({ id: "late", ...options, localPort: port }), ({ code, message }: { code: string; message: string }) => {
		assert.match(message, new RegExp(`${port}`));
		return code === "ADDRESS_IN_USE";
	});
	taken.close();
	await once(taken, "close");
	const seen = (id: string): number | undefined => coordinator.clients().find((client) => client.id === id)?.address.port;
	for (const [id, where] of [
		["v4", options],
		["both-4", { ...options, localAddress: "::" }],
		["both-6", { ...options, localAddress: "::", coordinator: `[::1]:${coordinator.address.port}` }],
	] as const) {
		const client = await Client.connect({ id, ...where, localPort: port });
		assert.equal(seen(id), port, id);
		await client.close();
		// The socket is released a moment after the peers know.
		await until(() => isFree(port), { timeoutMs: 20_000 });
	}
	for (const wrong of [-1, 65_536, 1.5, "7"])
		await assert.rejects(Client.connect({ id: "wrong", ...options, localPort: wrong as number }), { code: "OPTION_INVALID" });
	await coordinator.close();
});

test("quic: a dual-stack Coordinator is reached over IPv4 and IPv6, and shows addresses unmapped", async () => {
	const coordinator = await Coordinator.listen({ port: 0 });
	const { port } = coordinator.address;
	const pin = coordinator.fingerprint;
	const clients = await Promise.all([
		Client.connect({ id: "by-name", coordinator: `localhost:${port}`, pin }),
		Client.connect({ id: "by-v4", coordinator: `127.0.0.1:${port}`, pin }),
		Client.connect({ id: "by-v6", coordinator: `[::1]:${port}`, pin }),
		Client.connect({ id: "v4-only", coordinator: `localhost:${port}`, pin, localAddress: "127.0.0.1" }),
		Client.connect({ id: "v6-only", coordinator: `[::1]:${port}`, pin, localAddress: "::1" }),
	]);
	const address = (id: string): string | undefined => coordinator.clients().find((client) => client.id === id)?.address.address;
	assert.equal(clients.length, coordinator.clientCount);
	assert.deepEqual([address("by-v4"), address("v4-only"), address("by-v6"), address("v6-only")], ["127.0.0.1", "127.0.0.1", "::1", "::1"]);
	await assert.rejects(Client.connect({ id: "wrong", coordinator: `[::1]:${port}`, pin, localAddress: "127.0.0.1", limits: { requestTimeoutMs: 500 } }), {
		code: /HOST_UNRESOLVABLE|ADDRESS_UNAVAILABLE|COORDINATOR_UNREACHABLE/,
	});
	await Promise.all(clients.map((client) => client.close()));
	await coordinator.close();
});

test("quic: a Coordinator alone on IPv4 is reached by name", async () => {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const client = await Client.connect({ id: "a", coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint });
	await client.close();
	await coordinator.close();
});

test("quic: a Coordinator alone on IPv6 is reached by address and by name, and not over IPv4", async () => {
	const coordinator = await Coordinator.listen({ host: "::1", port: 0 });
	const { address, port } = coordinator.address;
	const pin = coordinator.fingerprint;
	assert.equal(address, "::1");
	const both: Lookup = async () => [
		{ address: "127.0.0.1", family: 4 },
		{ address: "::1", family: 6 },
	];
	const clients = await Promise.all([
		Client.connect({ id: "a", coordinator: `[::1]:${port}`, pin }),
		Client.connect({ id: "b", coordinator: "elsewhere.invalid", address: `[::1]:${port}`, pin, localAddress: "::1" }),
		connectOn(createQuicTransport, { id: "c", coordinator: `both.invalid:${port}`, pin }, both),
	]);
	await assert.rejects(
		connectOn(createQuicTransport, { id: "d", coordinator: `both.invalid:${port}`, pin, localAddress: "127.0.0.1", limits: { requestTimeoutMs: 400 } }, both),
		{
			code: "COORDINATOR_UNREACHABLE",
		},
	);
	assert.deepEqual(
		coordinator.clients().map((client) => client.address.address),
		["::1", "::1", "::1"],
	);
	await Promise.all(clients.map((client) => client.close()));
	await coordinator.close();
});

test("quic: of many addresses that are dead, the one that lives is found, whatever its family and place", async () => {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const pin = coordinator.fingerprint;
	const where = `many.invalid:${coordinator.address.port}`;
	const dead = ["127.0.0.9", "::1", "192.0.2.1", "2001:db8::1"].map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
	const started = performance.now();
	const client = await connectOn(createQuicTransport, { id: "a", coordinator: where, pin }, async () => [...dead, { address: "127.0.0.1", family: 4 }]);
	assert.ok(performance.now() - started < 7_000, `${performance.now() - started} ms, not the 10 s after which one dead address is given up`);
	await client.close();
	await coordinator.close();
});

test("quic: a Client comes from its localAddress", async (t) => {
	const world = await World.create(t, fabric, { host: "0.0.0.0" });
	await world.connect("a", { localAddress: "127.0.0.2" });
	assert.equal(world.coordinator.clients()[0]?.address.address, "127.0.0.2");
});

test("quic: a port that is taken, an address that is not ours", async () => {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	await assert.rejects(Coordinator.listen({ host: "127.0.0.1", port: coordinator.address.port }), { code: "ADDRESS_IN_USE" });
	await assert.rejects(Coordinator.listen({ host: "192.0.2.1", port: 0 }), { code: "ADDRESS_UNAVAILABLE" });
	await assert.rejects(Client.connect({ id: "a", coordinator: "localhost", localAddress: "192.0.2.1" }), { code: "ADDRESS_UNAVAILABLE" });
	await coordinator.close();
});

test("quic: each wrong certificate has its own code at the side that can act on it", async () => {
	const [ours, theirs] = await Promise.all([createCertificateAuthority({ name: "ours" }), createCertificateAuthority({ name: "theirs" })]);
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...(await issueCertificate(ours, "localhost")), clientCa: ours.certificate });
	const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, ca: ours.certificate };
	const good = await Client.connect({ id: "good", ...where, ...(await issueCertificate(ours, "good")) });
	await assert.rejects(Client.connect({ id: "a", ...where, ca: theirs.certificate }), { code: "CERTIFICATE_UNTRUSTED" });
	await assert.rejects(Client.connect({ id: "a", ...where, coordinator: `example.org:${coordinator.address.port}` }), { code: "CERTIFICATE_NAME_MISMATCH" });
	await assert.rejects(Client.connect({ id: "a", ...where, ...(await issueCertificate(theirs, "a")) }), { code: /^CERTIFICATE_(UNTRUSTED|REFUSED)$/ });
	await assert.rejects(Client.connect({ id: "a", ...where }), { code: /^CERTIFICATE_(UNTRUSTED|REFUSED|INVALID)$/ });
	// No certificate at all, and another protocol: only who speaks for himself can do that.
	const transport = createQuicTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits(), role: "client" });
	const dial = {
		address: "127.0.0.1",
		port: coordinator.address.port,
		serverName: "localhost",
		trust: coordinatorTrust({ ca: ours.certificate }),
		handshakeTimeoutMs: 5_000,
	};
	await assert.rejects(
		transport.dial({ ...dial, alpnProtocol: "conec/1" }).then(async (connection) => {
			throw (await connection.closed).error;
		}),
		{ code: "CERTIFICATE_REQUIRED" },
	);
	await assert.rejects(transport.dial({ ...dial, alpnProtocol: "conec/2" }), { code: "PROTOCOL_UNSUPPORTED" });
	transport.destroy();
	assert.equal((await good.openStream("good")).peer, "good");
	await good.close();
	await coordinator.close();
});

test("quic: random bytes to the port change nothing", async (t) => {
	const world = await World.create(t, fabric);
	const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
	echo(bob);
	const stream = await alice.openStream("bob");
	const socket = createSocket("udp4");
	for (let i = 0; i < 2_000; i++) {
		const bytes = randomBytes(1 + ((i * 37) % 1_400));
		// Half of them look like QUIC long headers.
		if (i % 2 === 0) bytes[0] = (bytes[0] ?? 0) | 0xc0;
		socket.send(bytes, world.coordinator.address.port, "127.0.0.1");
		if (i % 50 === 0) {
			await stream.send(`still ${i}`);
			assert.equal(text(await stream.receive()), `still ${i}`);
		}
	}
	socket.close();
	await once(socket, "close");
	assert.equal(world.coordinator.clientCount, 2);
	await world.connect("carol");
});
