/**
 * What direct channels do, on any transport.
 */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../packages/conec/src/client/client.ts";
import { createCertificateAuthority, issueCertificate } from "../packages/conec/src/tls/certificate-authority.ts";
import { declare, echo, type Fabric, next, pair, text, until, World } from "./entities-world.ts";

/** A Client that takes direct channels. */
const connect = (world: World, id: string, options: Parameters<World["connect"]>[1] = {}): Promise<Client> => world.connect(id, { listen: true, ...options });

/** Declares the suite. */
export function directSuite(fabric: Fabric): void {
	const test = declare(fabric);

	async function two(t: Parameters<typeof World.create>[0], options: Parameters<World["connect"]>[1] = {}): Promise<[Client, Client, World]> {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await connect(world, "alice", options), await connect(world, "bob", options)];
		return [alice, bob, world];
	}

	test("direct channel: opened by one, there for both, and streams go over it both ways", async (t) => {
		const [alice, bob] = await two(t);
		const channel = await alice.openChannel("bob");
		assert.deepEqual([channel.peer, alice.channels(), await alice.openChannel("bob")], ["bob", [channel], channel]);
		await until(() => bob.channels().length === 1);
		for (const [from, to] of [
			[alice, bob],
			[bob, alice],
		] as const) {
			const [near, far] = await pair(from, to, { path: "direct", metadata: { n: 1 } });
			assert.deepEqual([near.path, far.path, near.peer, far.peer, far.metadata], ["direct", "direct", to.id, from.id, { n: 1 }]);
			await near.send("hello");
			assert.equal(text(await far.receive()), "hello");
			await far.send("back");
			await Promise.all([near.close(), far.close()]);
			assert.deepEqual([text(await near.receive()), await near.receive(), await far.receive()], ["back", null, null]);
		}
		const onIt = channel.openStream();
		assert.equal((await next(bob.incomingStreams)).path, "direct");
		assert.equal((await onIt).peer, "bob");
		assert.ok(channel.stats().receivedBytes > 0 && channel.stats().streams === 1);
	});

	test("direct channel: 400 streams opened at once, each with a message there and back", async (t) => {
		const [alice, bob] = await two(t);
		const channel = await alice.openChannel("bob");
		echo(bob);
		const done = Array.from({ length: 400 }, async (_, index) => {
			const stream = await channel.openStream();
			await stream.send(`${index}`);
			assert.equal(text(await stream.receive()), `${index}`);
			await stream.close();
			assert.equal(await stream.receive(), null);
		});
		await Promise.all(done);
		await until(() => channel.stats().streams === 0);
	});

	test("direct channel: auto takes it, proxied does not, and auto alone brings one about", async (t) => {
		const [alice, bob] = await two(t);
		const started = performance.now();
		const [first] = await pair(alice, bob);
		// On a machine so slow that the attempt takes longer than a stream waits for it, the stream has waited, and the next one is direct.
		if (first.path === "proxied") assert.ok(performance.now() - started > 240, `it has waited ${performance.now() - started} ms`);
		await until(() => alice.channels().length === 1);
		if (first.path === "proxied") assert.equal((await pair(alice, bob))[0].path, "direct");
		const [proxied] = await pair(alice, bob, { path: "proxied" });
		assert.equal(proxied.path, "proxied");
		const [second] = await pair(bob, alice);
		assert.equal(second.path, "direct");
		assert.equal(bob.channels().length, 1);
		const [loop] = await pair(alice, alice);
		assert.equal(loop.path, "proxied", "to oneself");
		await assert.rejects(alice.openStream("alice", { path: "direct" }), { code: "DIRECT_UNAVAILABLE" });
	});

	test("direct channel: calls at the same time share one, also when both sides call", async (t) => {
		const [alice, bob] = await two(t);
		for (let round = 0; round < 10; round++) {
			const all = await Promise.all([alice.openChannel("bob"), alice.openChannel("bob"), bob.openChannel("alice"), bob.openChannel("alice")]);
			assert.equal(new Set(all).size, 2, "one object at each side");
			assert.deepEqual([alice.channels(), bob.channels()], [[all[0]], [all[2]]]);
			const [near, far] = await pair(alice, bob, { path: "direct" });
			await near.send(`${round}`);
			assert.equal(text(await far.receive()), `${round}`);
			await Promise.all([all[0]?.close(), all[2]?.closed]);
		}
	});

	test("direct channel: closing ends its streams with a code at both sides, and reopening works at once", async (t) => {
		const [alice, bob] = await two(t);
		for (let round = 0; round < 5; round++) {
			const channel = await alice.openChannel("bob");
			const [near, far] = await pair(alice, bob, { path: "direct" });
			await near.send("whole");
			void channel.close();
			await assert.rejects(channel.openStream(), { code: "CHANNEL_CLOSED" });
			const again = await alice.openChannel("bob");
			assert.notEqual(again, channel);
			assert.equal(text(await far.receive()), "whole");
			await assert.rejects(near.receive(), { code: "CHANNEL_CLOSED" });
			await assert.rejects(far.receive(), (error: { code: string }) => ["CHANNEL_CLOSED", "PEER_LOST"].includes(error.code));
			assert.equal((await channel.closed).by, "local");
			const [onNew] = await pair(alice, bob, { path: "direct" });
			assert.equal(onNew.path, "direct");
			await again.close();
			await until(() => bob.channels().length === 0);
		}
	});

	test("direct channel: a stream that the application closed is delivered when the channel closes", async (t) => {
		const [alice, bob] = await two(t);
		const channel = await alice.openChannel("bob");
		const [near, far] = await pair(alice, bob, { path: "direct" });
		for (let index = 0; index < 20; index++) await near.send(new Uint8Array(10_000).fill(index));
		const closing = near.close();
		const closed = channel.close();
		let count = 0;
		for await (const message of far) assert.equal(message[0], count++);
		assert.equal(count, 20);
		await Promise.all([closing, far.close().catch(() => undefined), closed]);
		assert.deepEqual([await channel.closed, bob.channels()], [{ by: "local" }, []]);
	});

	test("direct channel: who does not listen is not reached directly, but may dial", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await connect(world, "alice"), await connect(world, "bob", { listen: false })];
		await assert.rejects(alice.openChannel("bob"), { code: "DIRECT_UNAVAILABLE" });
		const [near] = await pair(alice, bob);
		assert.equal(near.path, "proxied");
		assert.equal(alice.explain("bob").path, "proxied");
		assert.equal((await bob.openChannel("alice")).peer, "alice");
	});

	test("direct channel: the application is asked, with what is known of the peer, and an error is a no", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await connect(world, "alice", { metadata: { role: "worker" } });
		const asked: unknown[] = [];
		for (const [id, answer] of [
			["yes", () => true],
			["later", () => delay(20, true)],
			["no", () => false],
			["throws", () => assert.fail("a bug of the application")],
			["rejects", () => Promise.reject(new Error("a bug of the application"))],
		] as const) {
			const acceptChannel = (peer: unknown): boolean | Promise<boolean> => {
				asked.push(peer);
				return answer();
			};
			await connect(world, id, { acceptChannel });
			if (id === "yes" || id === "later") await alice.openChannel(id);
			else await assert.rejects(alice.openChannel(id), { code: "DIRECT_UNAVAILABLE" });
		}
		assert.deepEqual(asked, Array(5).fill({ id: "alice", fingerprint: alice.fingerprint, metadata: { role: "worker" } }));
	});

	test("direct channel: an explanation can wait for the attempt that is under way, begins none, and can be given up", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await connect(world, "alice");
		let answer: (consents: boolean) => void = () => undefined;
		const acceptChannel = (): Promise<boolean> =>
			new Promise((resolve) => {
				answer = resolve;
			});
		for (const [id, consents, path, reason] of [
			["yes", true, "direct", /^this side dialled$/],
			["no", false, "proxied", /^the peer declined$/],
		] as const) {
			const peer = await connect(world, id, { acceptChannel });
			assert.match((await alice.explainSettled(id)).reason, /^no direct channel has been tried$/);
			const [near] = await pair(alice, peer);
			assert.deepEqual([near.path, alice.explain(id).reason], ["proxied", "a direct channel is being tried"]);
			await assert.rejects(alice.explainSettled(id, { signal: AbortSignal.abort("early") }), (error) => error === "early");
			const explained = alice.explainSettled(id);
			answer(consents);
			const report = await explained;
			assert.equal(report.path, path);
			assert.match(report.reason, reason);
		}
		await assert.rejects(alice.explainSettled("Bob"), { code: "ID_INVALID" });
	});

	test("direct channel: unknown peers, oneself, bad ids and aborted calls", async (t) => {
		const [alice, bob] = await two(t);
		await assert.rejects(alice.openChannel("nobody"), { code: "PEER_UNKNOWN" });
		await assert.rejects(alice.openChannel("alice"), { code: "DIRECT_UNAVAILABLE" });
		await assert.rejects(alice.openChannel("Bob"), { code: "ID_INVALID", name: "TypeError" });
		await assert.rejects(alice.openChannel("bob", { signal: AbortSignal.abort("early") }), (reason) => reason === "early");
		for (let round = 0; round < 5; round++) {
			const abort = new AbortController();
			const aborted = alice.openChannel("bob", { signal: abort.signal });
			setTimeout(() => abort.abort("late"), round);
			await aborted.then(
				(channel) => channel.close(),
				(reason) => assert.equal(reason, "late"),
			);
			await until(() => bob.channels().length === 0 && alice.channels().length === 0);
		}
		assert.equal((await alice.openChannel("bob")).peer, "bob");
	});

	test("direct channel: outlives the Coordinator; what needs the Coordinator says so", async (t) => {
		const [alice, bob, world] = await two(t);
		const carol = await connect(world, "carol");
		const channel = await alice.openChannel("bob");
		const [near, far] = await pair(alice, bob, { path: "direct" });
		const [proxied] = await pair(alice, bob, { path: "proxied" });
		world.coordinator.destroy();
		await carol.closed;
		await assert.rejects(proxied.receive(), (error: { code: string }) => ["COORDINATOR_LOST", "COORDINATOR_CLOSED"].includes(error.code));
		await near.send("still here");
		assert.equal(text(await far.receive()), "still here");
		const [another] = await pair(bob, alice);
		assert.equal(another.path, "direct");
		await assert.rejects(alice.openStream("bob", { path: "proxied" }), { code: "COORDINATOR_LOST" });
		await assert.rejects(alice.openStream("carol"), { code: "COORDINATOR_LOST" });
		await assert.rejects(alice.openChannel("carol"), { code: "COORDINATOR_LOST" });
		await assert.rejects(alice.openCoordinatorStream(), { code: "COORDINATOR_LOST" });
		for await (const status of alice.status()) {
			assert.equal(status.type, "disconnected");
			break;
		}
		assert.equal(alice.explain("carol").path, "none");
		await channel.close();
		const [info] = await Promise.all([alice.closed, bob.closed]);
		assert.equal(info.code, "COORDINATOR_CLOSED");
	});

	test("direct channel: numbers of streams are unique over all of a Client's streams", async (t) => {
		const [alice, bob] = await two(t);
		await alice.openChannel("bob");
		const [direct] = await pair(alice, bob, { path: "direct", id: 7 });
		await assert.rejects(alice.openStream("bob", { path: "proxied", id: 7 }), { code: "STREAM_ID_IN_USE" });
		direct.reset();
		direct.stop();
		await direct.closed;
		const [again] = await pair(alice, bob, { path: "proxied", id: 7 });
		assert.equal(again.id, 7);
	});

	test("direct channel: both sides' status tells of it, and explain says how and why", async (t) => {
		const [alice, bob] = await two(t);
		const heard: string[] = [];
		void (async () => {
			for await (const status of bob.status()) heard.push(status.type === "channel" ? `${status.peer} ${status.state}` : status.type);
		})();
		assert.deepEqual([alice.explain("bob").path, alice.explain("bob").reason], ["proxied", "no direct channel has been tried"]);
		const channel = await alice.openChannel("bob");
		const report = alice.explain("bob");
		assert.deepEqual([report.path, report.peers, report.reason], ["direct", ["alice", "bob"], "this side dialled"]);
		assert.ok(report.candidates.some(({ answered }) => answered) && report.address !== undefined);
		await until(() => bob.explain("alice").path === "direct");
		await channel.close();
		await until(() => heard.length >= 3);
		assert.deepEqual(heard, ["connected", "alice up", "alice down"]);
		assert.equal(alice.explain("bob").reason, "the direct channel has ended");
		assert.throws(() => alice.explain("Bob"), { code: "ID_INVALID" });
	});

	test("direct channel: closing a Client closes its channels gracefully and rejects what is being opened", async (t) => {
		const [alice, bob, world] = await two(t);
		await connect(world, "slow", { acceptChannel: () => new Promise(() => undefined) });
		await alice.openChannel("bob");
		const [near, far] = await pair(alice, bob, { path: "direct" });
		await near.send("last");
		const opening = alice.openChannel("slow");
		const rejected = assert.rejects(opening, { code: "CLIENT_CLOSED" });
		await alice.close();
		await rejected;
		assert.equal(text(await far.receive()), "last");
		await assert.rejects(far.receive(), (error: { code: string }) => ["CLIENT_CLOSED", "PEER_LOST"].includes(error.code));
		await until(() => bob.channels().length === 0);
		assert.deepEqual(await alice.closed, { by: "local" });
		await assert.rejects(alice.openChannel("bob"), { code: "CLIENT_CLOSED" });
	});

	test("direct channel: a killed peer is lost, its streams say so, and nobody else notices", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob, carol] = [await connect(world, "alice"), await connect(world, "bob"), await connect(world, "carol")];
		echo(carol);
		await Promise.all([alice.openChannel("bob"), alice.openChannel("carol")]);
		const [near] = await pair(alice, bob, { path: "direct" });
		const kept = await alice.openStream("carol", { path: "direct" });
		bob.destroy();
		await assert.rejects(near.receive(), (error: { code: string }) => ["PEER_LOST", "CLIENT_CLOSED"].includes(error.code));
		await until(() => alice.channels().length === 1);
		await kept.send("echo");
		assert.equal(text(await kept.receive()), "echo");
	});

	test("direct channel: with an authority for peers, only its certificates are good, and only for the id in them", async (t) => {
		const [ours, theirs] = await Promise.all([createCertificateAuthority({ name: "ours" }), createCertificateAuthority({ name: "theirs" })]);
		const world = await World.create(t, fabric, { clientCa: [ours.certificate, theirs.certificate] });
		const certified = async (id: string, ca: typeof ours): Promise<Client> =>
			await connect(world, id, { ...(await issueCertificate(ca, id)), clientCa: ours.certificate });
		const [alice, bob, mallory] = [await certified("alice", ours), await certified("bob", ours), await certified("mallory", theirs)];
		assert.equal((await alice.openChannel("bob")).peer, "bob");
		await assert.rejects(alice.openChannel("mallory"), { code: "DIRECT_UNAVAILABLE" });
		await assert.rejects(mallory.openChannel("bob"), { code: "DIRECT_UNAVAILABLE" });
		assert.deepEqual([mallory.channels(), bob.channels().length], [[], 1]);
	});

	test("direct channel: a key that is denied loses its channels, others keep theirs", async (t) => {
		const [alice, bob, world] = await two(t);
		const carol = await connect(world, "carol");
		const [toBob, toCarol] = await Promise.all([alice.openChannel("bob"), alice.openChannel("carol")]);
		const [near] = await pair(alice, bob, { path: "direct" });
		await until(() => world.coordinator.explain("alice", "bob")?.path === "direct");
		world.coordinator.reload({ deny: [bob.fingerprint] });
		// The Coordinator tells both. A Client of ours that is denied leaves by itself, and may be faster than what alice is told.
		const { by, code } = await toBob.closed;
		assert.ok(["local DISCONNECTED", "peer CLIENT_CLOSED"].includes(`${by} ${code}`), `${by} ${code}`);
		await assert.rejects(near.receive(), by === "local" ? { code: "DISCONNECTED" } : { name: "ConecError" });
		await bob.closed;
		assert.deepEqual([alice.channels(), carol.channels().length, bob.channels()], [[toCarol], 1, []]);
	});

	for (const end of ["destroy", "denial"] as const)
		test(`direct channel: a Client that is over, by ${end}, has no channels, and none of them takes a stream`, async (t) => {
			const [alice, bob, world] = await two(t);
			const channel = await bob.openChannel("alice");
			const seen = bob.closed.then(() => bob.channels());
			if (end === "destroy") {
				bob.destroy();
				assert.deepEqual(bob.channels(), []);
				await assert.rejects(channel.openStream(), { code: "CHANNEL_CLOSED" });
			} else world.coordinator.reload({ deny: [bob.fingerprint] });
			assert.deepEqual(await seen, []);
			await assert.rejects(channel.openStream(), { name: "ConecError" });
			await until(() => alice.channels().length === 0);
		});

	test("direct channel: everybody who closes it waits until it is over", async (t) => {
		const [alice] = await two(t);
		const channel = await alice.openChannel("bob");
		let over = false;
		void channel.closed.then(() => {
			over = true;
		});
		const early: number[] = [];
		const closes = [channel.close()];
		// At any moment while the first is at work.
		for (let call = 1; !over && call < 1_000; call++) {
			closes.push(channel.close().then(() => void (over || early.push(call))));
			await new Promise((resolve) => setImmediate(resolve));
		}
		await Promise.all(closes);
		assert.ok(closes.length > 1);
		assert.deepEqual(early, []);
	});

	test("direct channel: no more than the limit, and the limit is the offender's alone", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await connect(world, "alice", { limits: { channels: 2 } });
		const others = await Promise.all(["b", "c", "d"].map((id) => connect(world, id)));
		await alice.openChannel("b");
		await alice.openChannel("c");
		await assert.rejects(alice.openChannel("d"), { code: "LIMIT_EXCEEDED" });
		await assert.rejects(others[2]?.openChannel("alice") ?? Promise.resolve(), (error: { code: string }) =>
			["PEER_BUSY", "DIRECT_UNAVAILABLE"].includes(error.code),
		);
		assert.equal((await others[0]?.openChannel("c"))?.peer, "c");
	});
}
