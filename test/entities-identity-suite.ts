/**
 * Ids, keys, trust and addresses, on any transport.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connectOn } from "../packages/conec/src/client/client.ts";
import { listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import { createCertificateAuthority, issueCertificate } from "../packages/conec/src/tls/certificate-authority.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { declare, type Fabric, nowOf, pair, pass, runtimeOf, text, until, World, withoutPin } from "./entities-world.ts";

/** Declares the tests. */
export function identitySuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("a second key for a live id is told ID_TAKEN, the first one is not disturbed", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		await assert.rejects(world.connect("alice"), { name: "ConecError", code: "ID_TAKEN" });
		const [near, far] = await pair(alice, alice);
		await near.send("still here");
		assert.equal(text(await far.receive()), "still here");
	});

	it("the same key supersedes its older connection; the fourth within ten seconds is told ID_CONTENDED", async (t) => {
		const world = await World.create(t, fabric);
		const { privateKey, certificates } = await makeSelfSigned({ names: ["alice"] }, "kept");
		const identity = { privateKey, certificate: certificates[0] as Uint8Array };
		let before = await world.connect("alice", identity);
		const bob = await world.connect("bob");
		const [stream] = await pair(bob, before);
		for (let i = 0; i < 3; i++) {
			const after = await world.connect("alice", identity);
			assert.equal((await before.closed).code, "SUPERSEDED");
			await assert.rejects(before.openStream("bob"), { code: "SUPERSEDED" });
			before = after;
		}
		await assert.rejects(stream.receive(), { code: "PEER_LOST" });
		await assert.rejects(
			world.connect("alice", identity),
			(error: { code?: string; retryAfterMs?: number }) => error.code === "ID_CONTENDED" && (error.retryAfterMs ?? 0) > 5_000,
		);
		assert.equal(world.coordinator.clientCount, 2);
		assert.equal((await bob.openStream("alice")).peer, "alice");
	});

	it("a Client that leaves and comes again with its key is not two that fight, however often and however soon", async (t) => {
		const world = await World.create(t, fabric);
		const { privateKey, certificates } = await makeSelfSigned({ names: ["alice"] }, "kept");
		const identity = { privateKey, certificate: certificates[0] as Uint8Array };
		const bob = await world.connect("bob");
		let client = await world.connect("alice", identity);
		const closing: Promise<void>[] = [];
		for (let i = 0; i < 8; i++) {
			// It lingers, as bob does not read. So it is still there when the next one comes.
			const [near] = await pair(client, bob);
			near.send(new Uint8Array(4_000_000)).catch(() => undefined);
			near.close().catch(() => undefined);
			closing.push(client.close());
			client = await world.connect("alice", identity);
		}
		await Promise.all(closing);
		assert.deepEqual([world.coordinator.clientCount, (await client.openStream("alice")).peer], [2, "alice"]);
	});

	it("wrong pin, wrong name and no Coordinator are told apart", async (t) => {
		const world = await World.create(t, fabric);
		const other = await makeSelfSigned({ names: ["elsewhere"] }, "ephemeral");
		const certificate = other.certificates[0] as Uint8Array;
		await assert.rejects(world.connect("alice", { pin: other.fingerprint }), { name: "ConecError", code: "PIN_MISMATCH" });
		await assert.rejects(connectOn(runtimeOf(fabric), withoutPin(world.clientOptions("alice", { ca: certificate }))), { code: "CERTIFICATE_UNTRUSTED" });
		await assert.rejects(connectOn(runtimeOf(fabric), withoutPin(world.clientOptions("alice"))), { code: "CERTIFICATE_UNTRUSTED" });
		await assert.rejects(connectOn(runtimeOf(fabric), world.clientOptions("alice", { address: "127.0.0.1:9", limits: { requestTimeoutMs: 300 } })), {
			code: "COORDINATOR_UNREACHABLE",
			// On Linux the network says so at once, where there is one.
			message: /UDP within 0.3 s|nothing takes packets on this UDP port/,
		});
		await assert.rejects(
			connectOn(runtimeOf(fabric), { id: "alice", coordinator: "no.such.host.invalid", pin: other.fingerprint }, () =>
				Promise.reject(Object.assign(new Error("x"), { code: "ENOTFOUND" })),
			),
			{ code: "HOST_UNRESOLVABLE" },
		);
		assert.equal(world.coordinator.clientCount, 0);
	});

	it("a self-signed Coordinator certificate is its own ca; it must be for the host's name", async (t) => {
		const identity = await makeSelfSigned({ names: ["localhost"] }, "kept");
		const certificate = identity.certificates[0] as Uint8Array;
		const world = await World.create(t, fabric, { certificate, privateKey: identity.privateKey });
		assert.equal(world.coordinator.fingerprint, identity.fingerprint);
		const alice = await connectOn(runtimeOf(fabric), withoutPin(world.clientOptions("alice", { ca: certificate })));
		await alice.close();
		const elsewhere = `example.org:${world.coordinator.address.port}`;
		await assert.rejects(connectOn(runtimeOf(fabric), withoutPin(world.clientOptions("alice", { ca: certificate, coordinator: elsewhere }))), {
			code: "CERTIFICATE_NAME_MISMATCH",
		});
		const bob = await world.connect("bob", { coordinator: elsewhere });
		assert.equal(bob.id, "bob");
	});

	it("addresses of a name are raced, a dead one costs little", async (t) => {
		const world = await World.create(t, fabric);
		const { address: _dialled, ...options } = world.clientOptions("alice");
		const client = await connectOn(runtimeOf(fabric), options, async () => [
			{ address: "127.0.0.9", family: 4 },
			{ address: "127.0.0.1", family: 4 },
		]);
		assert.equal(client.id, "alice");
		await client.close();
	});

	it("denied keys are refused, also those that are connected", async (t) => {
		const world = await World.create(t, fabric);
		const { privateKey, certificates, fingerprint } = await makeSelfSigned({ names: ["alice"] }, "kept");
		const identity = { privateKey, certificate: certificates[0] as Uint8Array };
		const alice = await world.connect("alice", identity);
		const bob = await world.connect("bob");
		world.coordinator.reload({ deny: [fingerprint] });
		assert.equal((await alice.closed).code, "CERTIFICATE_REFUSED");
		await assert.rejects(world.connect("alice", identity), { code: "CERTIFICATE_REFUSED" });
		assert.equal((await bob.openStream("bob")).peer, "bob");
		world.coordinator.reload({ deny: [] });
		await world.connect("alice", identity);
	});

	it("after reload, new connections see the new identity and old ones stay", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const before = world.coordinator.fingerprint;
		const identity = await makeSelfSigned({ names: ["localhost"] }, "kept");
		world.coordinator.reload({ certificate: identity.certificates[0] as Uint8Array, privateKey: identity.privateKey });
		assert.equal(world.coordinator.fingerprint, identity.fingerprint);
		await world.connect("bob");
		await assert.rejects(world.connect("carol", { pin: before }), { code: "PIN_MISMATCH" });
		assert.equal((await alice.openStream("bob")).peer, "bob");
		assert.throws(() => world.coordinator.reload({ certificate: "x", privateKey: "y" }), { code: "CERTIFICATE_INVALID" });
	});

	it("a silent holder of an id loses it to another key after a second", async (t) => {
		const world = await World.create(t, fabric, { limits: { holderPingMs: 300 } });
		const { connection } = await world.enter("mallory");
		const started = nowOf(fabric);
		const newcomer = await world.connect("mallory");
		assert.ok(nowOf(fabric) - started >= 290);
		assert.equal((await connection.closed).closeCode, CLOSE_CODES.PATH_LOST);
		assert.equal(newcomer.id, "mallory");
		assert.equal(world.coordinator.clientCount, 1);
	});

	it("no more Clients than limits.clients", async (t) => {
		const world = await World.create(t, fabric, { limits: { clients: 1 } });
		const alice = await world.connect("alice");
		await assert.rejects(world.connect("bob"), { code: "LIMIT_EXCEEDED" });
		await alice.close();
		await until(() => world.coordinator.clientCount === 0);
		await world.connect("bob");
	});

	it("CA mode: the id is the certificate's, any valid certificate for it supersedes, all others are refused", async (t) => {
		const authority = await createCertificateAuthority({ name: "ours" });
		const foreign = await createCertificateAuthority({ name: "theirs" });
		const server = await issueCertificate(authority, "localhost");
		const world = await World.create(t, fabric, { ...server, clientCa: authority.certificate });
		const trusting = async (id: string, identity: { certificate?: string; privateKey?: string }): Promise<Client> =>
			connectOn(runtimeOf(fabric), withoutPin(world.clientOptions(id, { ca: authority.certificate, ...identity })));
		const alice = await trusting("alice", await issueCertificate(authority, "alice"));
		const newer = await trusting("alice", await issueCertificate(authority, "alice"));
		assert.equal((await alice.closed).code, "SUPERSEDED");
		assert.equal((await newer.openStream("alice")).peer, "alice");
		await assert.rejects(trusting("bob", await issueCertificate(authority, "mallory")), { code: "CERTIFICATE_NAME_MISMATCH" });
		await assert.rejects(trusting("bob", await issueCertificate(authority, "10.0.0.1")), { code: "CERTIFICATE_REFUSED", message: /not a DNS name/ });
		const refused = (error: { code?: string }): boolean => /^CERTIFICATE_/.test(error.code ?? "");
		await assert.rejects(trusting("bob", await issueCertificate(foreign, "bob")), refused);
		await assert.rejects(trusting("bob", {}), refused);
		assert.deepEqual(
			world.coordinator.clients().map((client) => client.id),
			["alice"],
		);
		world.coordinator.reload({ clientCa: [authority.certificate, foreign.certificate] });
		const bob = await trusting("bob", await issueCertificate(foreign, "bob"));
		assert.equal((await newer.openStream("bob")).peer, "bob");
		await Promise.all([bob.close(), newer.close()]);
	});

	it("a kept key has its id back at once, also while its older connection is not over", async (t) => {
		const directory = await mkdtemp(join(tmpdir(), "conec-entities-"));
		t.after(() => rm(directory, { recursive: true }));
		const world = await World.create(t, fabric, { stateDirectory: join(directory, "coordinator") });
		const stateDirectory = join(directory, "alice");
		const before = await world.connect("alice", { stateDirectory });
		const after = await world.connect("alice", { stateDirectory });
		assert.equal(after.fingerprint, before.fingerprint);
		assert.equal((await before.closed).code, "SUPERSEDED");
		await assert.rejects(listenOn(runtimeOf(fabric), { host: "127.0.0.1", port: 0, stateDirectory: join(directory, "coordinator") }), {
			code: "STATE_DIRECTORY_INVALID",
			message: /another Coordinator \(process \d+\) uses this state directory/,
		});
		await world.coordinator.close();
		const again = await listenOn(runtimeOf(fabric), { host: "127.0.0.1", port: 0, stateDirectory: join(directory, "coordinator") });
		assert.equal(again.fingerprint, world.coordinator.fingerprint);
		await again.close();
	});

	it("the id of a kept key is leased: another key is ID_TAKEN after the key has left, also after a restart; then the key itself is back", async (t) => {
		const directory = await mkdtemp(join(tmpdir(), "conec-entities-"));
		t.after(() => rm(directory, { recursive: true }));
		const options = { stateDirectory: join(directory, "coordinator") };
		const first = await World.create(t, fabric, options);
		const alice = { stateDirectory: join(directory, "alice") };
		await (await first.connect("alice", alice)).close();
		await until(() => first.coordinator.clientCount === 0);
		await assert.rejects(
			first.connect("alice"),
			(error: { code?: string; retryAfterMs?: number }) => error.code === "ID_TAKEN" && (error.retryAfterMs ?? 0) > 80_000_000,
		);
		await first.coordinator.close();
		const second = await World.create(t, fabric, options);
		await assert.rejects(second.connect("alice"), { code: "ID_TAKEN" });
		const back = await second.connect("alice", alice);
		await assert.rejects(
			second.connect("alice"),
			(error: { code?: string; retryAfterMs?: number }) => error.code === "ID_TAKEN" && error.retryAfterMs === undefined,
		);
		assert.equal((await back.openStream("alice")).peer, "alice");
	});

	it("a step of the wall clock neither frees a leased id nor asks for more patience than a lease lasts", async (t) => {
		const world = await World.create(t, fabric);
		const { privateKey, certificates } = await makeSelfSigned({ names: ["alice"] }, "kept");
		await (await world.connect("alice", { privateKey, certificate: certificates[0] as Uint8Array })).close();
		await until(() => world.coordinator.clientCount === 0);
		const rightMs = Date.now();
		t.mock.timers.enable({ apis: ["Date"], now: rightMs });
		for (const stepMs of [0, 25 * 3_600_000, -10 * 365 * 86_400_000, 20 * 365 * 86_400_000]) {
			t.mock.timers.setTime(rightMs + stepMs);
			await assert.rejects(world.connect("alice"), ({ code, retryAfterMs = 0 }: { code?: string; retryAfterMs?: number }) => {
				assert.equal(code, "ID_TAKEN");
				assert.ok(retryAfterMs > 80_000_000 && retryAfterMs <= 86_400_000, `${retryAfterMs} after a step of ${stepMs}`);
				return true;
			});
		}
	});

	it("a lease ends: after leaseMs, and at once when its key is denied; without leases a graceful end frees the id", async (t) => {
		const { privateKey, certificates, fingerprint } = await makeSelfSigned({ names: ["alice"] }, "kept");
		const kept = { privateKey, certificate: certificates[0] as Uint8Array };
		const leaseMs = 2_500;
		const world = await World.create(t, fabric, { limits: { leaseMs } });
		const gone = async (where: World): Promise<void> => until(() => where.coordinator.clientCount === 0);
		await (await world.connect("alice", kept)).close();
		await gone(world);
		await assert.rejects(world.connect("alice"), { code: "ID_TAKEN" });
		await pass(fabric, leaseMs + 20);
		await (await world.connect("alice")).close();
		const denying = await World.create(t, fabric);
		await (await denying.connect("alice", kept)).close();
		await gone(denying);
		denying.coordinator.reload({ deny: [fingerprint] });
		await denying.connect("alice");
		const without = await World.create(t, fabric, { limits: { leases: 0 } });
		await (await without.connect("alice", kept)).close();
		await gone(without);
		await without.connect("alice");
	});

	it("a silent holder with a lease keeps its id, one that found no room for a lease loses it", async (t) => {
		const world = await World.create(t, fabric, { limits: { holderPingMs: 200, leasesPerSource: 1 } });
		const leased = await world.enter("alice", "kept");
		const unleased = await world.enter("bob", "kept");
		await assert.rejects(world.connect("alice"), { code: "ID_TAKEN" });
		const bob = await world.connect("bob");
		assert.equal((await unleased.connection.closed).closeCode, CLOSE_CODES.PATH_LOST);
		assert.equal((await bob.openStream("bob")).peer, "bob");
		leased.connection.close(0, "");
	});

	it("of many keys that ask for one id at the same time, one has it and is not disturbed", async (t) => {
		const world = await World.create(t, fabric);
		const asked = await Promise.allSettled(Array.from({ length: 12 }, () => world.connect("alice")));
		const won = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
		assert.equal(won.length, 1);
		for (const one of asked) if (one.status === "rejected") assert.equal((one.reason as { code?: string }).code, "ID_TAKEN");
		const [near, far] = await pair(won[0] as Client, won[0] as Client);
		await near.send("mine");
		assert.equal(text(await far.receive()), "mine");
	});

	it("what is in a state directory and not Conec's is reported with its path, and nothing listens", async (t) => {
		const directory = await mkdtemp(join(tmpdir(), "conec-entities-"));
		t.after(() => rm(directory, { recursive: true }));
		const listen = async (): Promise<void> => void (await listenOn(runtimeOf(fabric), { host: "127.0.0.1", port: 0, stateDirectory: directory }));
		for (const name of ["leases.txt", "coordinator.pem"]) {
			await writeFile(join(directory, name), "something else", { mode: 0o600 });
			await assert.rejects(
				listen(),
				(error: Error & { code?: string }) => error.code === "STATE_DIRECTORY_INVALID" && error.message.includes(join(directory, name)),
			);
			await rm(join(directory, name));
		}
	});

	it("in CA mode there are no leases: another key of the same name takes over, also from who came in before there was an authority", async (t) => {
		const ca = await createCertificateAuthority({ name: "ours" });
		const world = await World.create(t, fabric);
		const open = await world.connect("alice", await issueCertificate(ca, "alice"));
		world.coordinator.reload({ clientCa: ca.certificate });
		const first = await world.connect("alice", await issueCertificate(ca, "alice"));
		assert.equal((await open.closed).code, "SUPERSEDED");
		const second = await world.connect("alice", await issueCertificate(ca, "alice"));
		assert.equal((await first.closed).code, "SUPERSEDED");
		assert.equal((await second.openStream("alice")).peer, "alice");
	});
}
