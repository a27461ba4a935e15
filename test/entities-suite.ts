/**
 * What Coordinators and Clients promise each other, on any transport.
 */

import assert from "node:assert/strict";
import { censusOfClient, connectOn } from "../packages/conec/src/client/client.ts";
import { censusOfCoordinator, listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorStatus } from "../packages/conec/src/coordinator/status.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import type { TransportFactory } from "../packages/conec/src/transport/transport.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { ANSWER } from "../packages/conec/testing/stream-fixture.ts";
import { declare, echo, type Fabric, handler, next, pair, runtimeOf, text, until, World } from "./entities-world.ts";

/** Declares the tests. */
export function entitiesSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("a Client connects, is listed, leaves, and its id is free at once", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		assert.equal(alice.id, "alice");
		assert.equal(world.coordinator.clientCount, 1);
		const [info] = world.coordinator.clients();
		assert.equal(info?.id, "alice");
		assert.equal(info?.fingerprint, alice.fingerprint);
		assert.equal(info?.address.address, "127.0.0.1");
		assert.equal(info?.streams, 0);
		assert.equal(info?.metadata, undefined);
		const bob = await world.connect("bob", { metadata: { name: "Bob", tags: [1, null] } });
		assert.deepEqual(world.coordinator.clients()[1]?.metadata, { name: "Bob", tags: [1, null] });
		await bob.close();
		await until(() => world.coordinator.clientCount === 1);
		await Promise.all([alice.close(), alice.close()]);
		assert.deepEqual(await alice.closed, { by: "local" });
		await assert.rejects(alice.openStream("bob"), { code: "CLIENT_CLOSED" });
		// Another key, no waiting: the end was graceful.
		const again = await world.connect("alice");
		assert.notEqual(again.fingerprint, alice.fingerprint);
		assert.equal(world.coordinator.clientCount, 1);
	});

	it("two Clients exchange messages both ways, in order, to the end", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [near, far] = await pair(alice, bob, { metadata: { subject: "hello" } });
		assert.deepEqual([near.peer, near.path, far.peer, far.path], ["bob", "proxied", "alice", "proxied"]);
		assert.equal(far.id, near.id);
		assert.ok(near.id >= 2 ** 32);
		assert.deepEqual(far.metadata, { subject: "hello" });
		const messages = ["", "a", "b".repeat(100_000), ...Array.from({ length: 200 }, (_, i) => `message ${i}`)];
		const talk = async (stream: MessageStream): Promise<void> => {
			for (const message of messages) await stream.send(message);
			await stream.close();
		};
		const listen = async (stream: MessageStream): Promise<(string | null)[]> => {
			const heard: (string | null)[] = [];
			for await (const message of stream) heard.push(text(message));
			return heard;
		};
		const [, , heardByAlice, heardByBob] = await Promise.all([talk(near), talk(far), listen(near), listen(far)]);
		assert.deepEqual(heardByAlice, messages);
		assert.deepEqual(heardByBob, messages);
		assert.equal((await near.closed).code, undefined);
		assert.equal((await far.closed).code, undefined);
		await until(() => world.coordinator.clients().every((client) => client.streams === 0));
	});

	it("early data goes with the opening; a rejection then fails the stream", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const near = await alice.openStream("bob", { early: true });
		await near.send("first");
		const far = await next(bob.incomingStreams);
		assert.equal(text(await far.receive()), "first");
		const nowhere = await alice.openStream("nobody", { early: true });
		await assert.rejects(nowhere.receive(), { code: "PEER_UNKNOWN" });
		assert.equal((await nowhere.closed).code, "PEER_UNKNOWN");
	});

	it("a Client has a stream to itself", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const [near, far] = await pair(alice, alice);
		assert.equal(near.peer, "alice");
		assert.equal(far.peer, "alice");
		await near.send("to me");
		assert.equal(text(await far.receive()), "to me");
		await Promise.all([near.close(), far.close()]);
	});

	it("streams between Client and Coordinator, opened by either", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const [up, atCoordinator] = await Promise.all([alice.openCoordinatorStream({ id: 7, metadata: [1] }), next(world.coordinator.incomingStreams)]);
		assert.deepEqual([up.peer, atCoordinator.peer, atCoordinator.id, atCoordinator.metadata], [null, "alice", 7, [1]]);
		await up.send("question");
		assert.equal(text(await atCoordinator.receive()), "question");
		await atCoordinator.send("answer");
		assert.equal(text(await up.receive()), "answer");
		const [down, atAlice] = await Promise.all([world.coordinator.openStream("alice", { id: 7 }), next(alice.incomingStreams)]);
		assert.deepEqual([down.peer, atAlice.peer, atAlice.id], ["alice", null, 7]);
		await down.send("news");
		assert.equal(text(await atAlice.receive()), "news");
		assert.equal(world.coordinator.clients()[0]?.streams, 2);
		await assert.rejects(world.coordinator.openStream("bob"), { code: "PEER_UNKNOWN" });
		await assert.rejects(world.coordinator.openStream("Bob"), { name: "TypeError", code: "ID_INVALID" });
		await Promise.all([up.close(), atCoordinator.close(), down.close(), atAlice.close()]);
		await until(() => world.coordinator.clients()[0]?.streams === 0);
	});

	it("unknown peers, wrong ids, wrong options and direct paths are refused with their codes", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		await assert.rejects(alice.openStream("bob"), { name: "ConecError", code: "PEER_UNKNOWN", peer: "bob" });
		await assert.rejects(alice.openStream("bob", { path: "direct" }), { code: "PEER_UNKNOWN" });
		await assert.rejects(alice.openStream("Bob"), { name: "TypeError", code: "ID_INVALID" });
		await assert.rejects(alice.openStream("bob", { id: 2 ** 32 }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.openStream("bob", { id: -1 }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.openStream("bob", { metadata: "x".repeat(2_000) }), { name: "TypeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.openStream("bob", { Path: "auto" } as never), { name: "TypeError", code: "OPTION_INVALID" });
		await assert.rejects(world.connect("xn--a"), { name: "TypeError", code: "ID_INVALID" });
		await assert.rejects(world.connect("a", { limits: { messageBytes: 0 } }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(listenOn(runtimeOf(fabric), { port: 65_536 }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(listenOn(runtimeOf(fabric), { certificate: "x" }), { name: "TypeError", code: "OPTION_INVALID" });
	});

	it("the stream beyond limits.streamsPerPair waits until another one has ended, and another peer is not concerned", async (t) => {
		const world = await World.create(t, fabric, { limits: { streamsPerPair: 16 } });
		const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol")]);
		const streams = await Promise.all(Array.from({ length: 16 }, () => alice.openStream("bob")));
		const waits = alice.openStream("bob");
		assert.equal((await alice.openStream("carol")).peer, "carol");
		assert.equal((await carol.openStream("bob")).peer, "bob");
		assert.equal(world.coordinator.clients().find((client) => client.id === "alice")?.streams, 17);
		streams[0]?.reset();
		streams[0]?.stop();
		assert.equal((await waits).peer, bob.id);
	});

	it("a stream to a peer whose streams are all taken by others waits until one of them has ended", async (t) => {
		const world = await World.create(t, fabric, { limits: { streamsPerConnection: 3 } });
		const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol")]);
		const streams = await Promise.all([alice.openStream("bob"), alice.openStream("bob"), carol.openStream("bob")]);
		const waits = carol.openStream("bob");
		await until(() => censusOfCoordinator(world.coordinator).proxied === 4);
		assert.equal(world.coordinator.clients().find((client) => client.id === "bob")?.streams, 3);
		streams[0].reset();
		streams[0].stop();
		assert.equal((await waits).peer, bob.id);
	});

	it("an application that takes no streams gets limits.incomingStreams, and one more for each that it takes; others end with PEER_TIMEOUT", async (t) => {
		const world = await World.create(t, fabric, { limits: { incomingStreams: 1 } });
		const patience = { limits: { requestTimeoutMs: 3_000 } };
		const [alice, bob] = await Promise.all([world.connect("alice", patience), world.connect("bob", { limits: { incomingStreams: 2 } })]);
		await alice.openStream("bob");
		await alice.openStream("bob");
		const waits = alice.openStream("bob");
		await until(() => censusOfClient(bob).waiting === 1);
		await next(bob.incomingStreams);
		await waits;
		await alice.openCoordinatorStream();
		const late = [alice.openStream("bob"), alice.openCoordinatorStream()];
		await Promise.all(late.map((opening) => assert.rejects(opening, { code: "PEER_TIMEOUT" })));
		await until(() => censusOfClient(bob).waiting === 0 && censusOfCoordinator(world.coordinator).waiting === 0);
	});

	it("400 streams opened at once, to a peer, to the Coordinator and from it, each with a message there and back", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		for (const taker of [bob, world.coordinator]) echo(taker);
		for (const open of [() => alice.openStream("bob", { path: "proxied" }), () => alice.openCoordinatorStream(), () => world.coordinator.openStream("bob")]) {
			const done = Array.from({ length: 400 }, async (_, index) => {
				const stream = await open();
				await stream.send(`${index}`);
				assert.equal(text(await stream.receive()), `${index}`);
				await stream.close();
				assert.equal(await stream.receive(), null);
			});
			await Promise.all(done);
		}
		await until(() => censusOfCoordinator(world.coordinator).proxied === 0);
		assert.deepEqual([censusOfClient(alice).streams, censusOfClient(bob).waiting], [0, 0]);
	});

	it("explicit numbers are unique among live streams, and free again afterwards", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [near, far] = await pair(alice, bob, { id: 0 });
		assert.equal(far.id, 0);
		await assert.rejects(alice.openStream("bob", { id: 0 }), { name: "RangeError", code: "STREAM_ID_IN_USE" });
		await assert.rejects(alice.openCoordinatorStream({ id: 0 }), { code: "STREAM_ID_IN_USE" });
		assert.equal((await bob.openStream("alice", { id: 0 })).id, 0);
		await Promise.all([near.close(), far.close()]);
		await near.closed;
		const [again] = await pair(alice, bob, { id: 0 });
		assert.equal(again.id, 0);
		await assert.rejects(alice.openStream("nobody", { id: 5 }), { code: "PEER_UNKNOWN" });
		await assert.rejects(alice.openStream("nobody", { id: 5 }), { code: "PEER_UNKNOWN" });
	});

	it("aborting rejects with the reason untouched, whenever it comes", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const reason = new Error("enough");
		const is = (error: unknown): boolean => error === reason;
		await assert.rejects(alice.openStream("bob", { signal: AbortSignal.abort(reason) }), is);
		await assert.rejects(world.connect("bob", { signal: AbortSignal.abort(reason) }), is);
		// While the name is looked up; while the address is dialled.
		const { address: _, ...byName } = world.clientOptions("bob");
		const resolving = new AbortController();
		const lookup = (): Promise<never> => {
			queueMicrotask(() => resolving.abort(reason));
			return new Promise(() => undefined);
		};
		await assert.rejects(connectOn(runtimeOf(fabric), { ...byName, signal: resolving.signal }, lookup), is);
		const dialling = new AbortController();
		const createTransport: TransportFactory = (options) => {
			queueMicrotask(() => queueMicrotask(() => dialling.abort(reason)));
			return fabric.createTransport(options);
		};
		await assert.rejects(connectOn(createTransport, world.clientOptions("bob", { signal: dialling.signal })), is);
		// A peer that is connected but never answers: a raw connection that reads no streams.
		const silent = await world.enter("silent");
		const opening = new AbortController();
		const waiting = alice.openStream("silent", { id: 1, signal: opening.signal });
		setImmediate(() => opening.abort(reason));
		await assert.rejects(waiting, is);
		await until(() => world.coordinator.clients().every((client) => client.streams === 0));
		const late = new AbortController();
		const carol = await world.connect("carol", { signal: late.signal });
		late.abort(reason);
		assert.equal((await carol.openStream("carol", { signal: late.signal }).catch(() => undefined))?.id, undefined);
		assert.equal((await carol.openStream("carol")).peer, "carol");
		silent.connection.close(0, "");
	});

	it("when the Coordinator is destroyed, streams fail with COORDINATOR_LOST and Clients end", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [near, far] = await pair(alice, bob);
		const status = alice.status()[Symbol.asyncIterator]();
		assert.equal((await status.next()).value?.type, "connected");
		world.coordinator.destroy(new Error("burnt down"));
		assert.deepEqual(await world.coordinator.closed, { by: "local", reason: "burnt down" });
		await assert.rejects(near.receive(), { code: "COORDINATOR_LOST" });
		await assert.rejects(
			far.send("x".repeat(10)).then(() => far.receive()),
			{ code: "COORDINATOR_LOST" },
		);
		const info = await alice.closed;
		assert.notEqual(info.by, "local");
		assert.equal((await status.next()).value?.type, "disconnected");
		assert.equal((await status.next()).done, true);
		await assert.rejects(alice.openStream("bob"), { code: "COORDINATOR_LOST" });
		await assert.rejects(next(bob.incomingStreams), { code: "COORDINATOR_LOST" });
		await assert.rejects(world.coordinator.openStream("alice"), { code: "COORDINATOR_CLOSED" });
		await alice.close();
	});

	it("when a peer is gone in the middle, its streams fail with PEER_LOST and others go on", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol")]);
		const [near, far] = await pair(alice, bob);
		const [other, otherFar] = await pair(alice, carol);
		await near.send("one");
		assert.equal(text(await far.receive()), "one");
		bob.destroy();
		await assert.rejects(near.receive(), (error: { code?: string }) => error.code === "PEER_LOST" || error.code === "CLIENT_CLOSED");
		await assert.rejects(far.receive(), { code: "CLIENT_CLOSED" });
		await other.send("still");
		assert.equal(text(await otherFar.receive()), "still");
		// The news of the streams may come before that of the connection.
		await until(() => world.coordinator.clientCount === 2);
		await assert.rejects(alice.openStream("bob"), { code: "PEER_UNKNOWN" });
	});

	it("closing a Client delivers what its application closed, and resets the rest with CLIENT_CLOSED", async (t) => {
		const world = await World.create(t, fabric);
		const patient = { limits: { lingerMs: 20_000, closeTimeoutMs: 20_000 } };
		const [alice, bob] = await Promise.all([world.connect("alice", patient), world.connect("bob")]);
		const [closed, closedFar] = await pair(alice, bob);
		const [open, openFar] = await pair(alice, bob);
		for (let i = 0; i < 20; i++) await closed.send("x".repeat(10_000));
		const acknowledged = closed.close();
		const leaving = alice.close();
		let bytes = 0;
		for await (const message of closedFar) bytes += message.length;
		assert.equal(bytes, 200_000);
		await acknowledged;
		const started = performance.now();
		await leaving;
		assert.ok(performance.now() - started < 10_000, "does not wait for what is done");
		await assert.rejects(openFar.receive(), { code: "CLIENT_CLOSED" });
		await assert.rejects(open.receive(), { code: "CLIENT_CLOSED" });
		assert.equal((await open.closed).by, "local");
	});

	it("reading to the end and closing the Client at once still acknowledges", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		for (let i = 0; i < 5; i++) {
			const bob = await world.connect("bob");
			const [near, far] = await pair(alice, bob);
			await near.send("all of it");
			const acknowledged = near.close();
			const heard: (string | null)[] = [];
			for await (const message of far) heard.push(text(message));
			await Promise.all([bob.close(), acknowledged]);
			assert.deepEqual(heard, ["all of it"]);
		}
	});

	it("closing the Coordinator tells everybody, and what its application closed arrives", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const [down, atAlice] = await Promise.all([world.coordinator.openStream("alice"), next(alice.incomingStreams)]);
		const open = await world.coordinator.openStream("alice");
		await down.send("goodbye");
		void down.close().catch(() => undefined);
		const started = performance.now();
		await Promise.all([world.coordinator.close(), world.coordinator.close()]);
		assert.ok(performance.now() - started < 10_000, "3 s, not until the connection is idle");
		assert.deepEqual(await world.coordinator.closed, { by: "local" });
		assert.equal(text(await atAlice.receive()), "goodbye");
		assert.equal(await atAlice.receive(), null);
		assert.equal((await alice.closed).code, "COORDINATOR_CLOSED");
		await assert.rejects(open.receive(), { code: "COORDINATOR_CLOSED" });
		assert.throws(() => world.coordinator.reload({}), { code: "COORDINATOR_CLOSED" });
		for await (const stream of world.coordinator.incomingStreams) assert.fail(`a stream from ${stream.peer}`);
	});

	it("a Client hears that its Coordinator stops, opens nothing more, and reads what it has", async (t) => {
		const world = await World.create(t, fabric, { limits: { lingerMs: 30_000, closeTimeoutMs: 40_000 } });
		const alice = await world.connect("alice");
		const status = alice.status()[Symbol.asyncIterator]();
		assert.equal((await status.next()).value?.type, "connected");
		// One that does not acknowledge the end of a stream: the Coordinator waits for it until it goes.
		const mute = await world.enter("mute");
		mute.connection.onStream = (incoming) => incoming.accept(handler()).write(FRAME.RESUMABLE, ANSWER);
		const unheard = await world.coordinator.openStream("mute");
		unheard.close().catch(() => undefined);
		const [down, atAlice] = await Promise.all([world.coordinator.openStream("alice"), next(alice.incomingStreams)]);
		await down.send("last words");
		const acknowledged = down.close();
		const closing = world.coordinator.close();
		assert.deepEqual((await status.next()).value, { type: "draining", reason: "the Coordinator stops" });
		await assert.rejects(alice.openStream("alice"), { code: "COORDINATOR_CLOSED" });
		await assert.rejects(alice.openCoordinatorStream(), { code: "COORDINATOR_CLOSED" });
		assert.equal(text(await atAlice.receive()), "last words");
		assert.equal(await atAlice.receive(), null);
		await acknowledged;
		mute.connection.close(0, "");
		await closing;
		assert.deepEqual((await status.next()).value, { type: "disconnected", info: { by: "peer", code: "COORDINATOR_CLOSED", reason: "the Coordinator stops" } });
		assert.equal((await status.next()).done, true);
	});

	it("error messages name the streams that the application numbered, and no automatic numbers", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		await assert.rejects(alice.openStream("bob", { id: 7 }), { message: 'Cannot open stream 7 to "bob": peer is not connected' });
		await assert.rejects(alice.openStream("bob"), { message: 'Cannot open stream to "bob": peer is not connected' });
	});

	it("disconnect ends one Client with the reason and frees its id", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		world.coordinator.disconnect("alice", "you were rude");
		assert.deepEqual(await alice.closed, { by: "peer", code: "DISCONNECTED", reason: "you were rude" });
		assert.equal(world.coordinator.clientCount, 1);
		assert.throws(() => world.coordinator.disconnect("alice"), { code: "PEER_UNKNOWN" });
		assert.equal((await bob.openStream("bob")).peer, "bob");
		await world.connect("alice");
	});

	it("status tells who comes, goes and is refused", async (t) => {
		const world = await World.create(t, fabric);
		const seen: string[] = [];
		const watching = (async () => {
			for await (const event of world.coordinator.status() as AsyncIterable<CoordinatorStatus>) {
				seen.push(
					event.type === "connected"
						? `+${event.client.id}`
						: event.type === "disconnected"
							? `-${event.id} ${event.info.code}`
							: event.type === "refused"
								? `!${event.id} ${event.code}`
								: "lagged",
				);
			}
		})();
		const alice = await world.connect("alice");
		await assert.rejects(world.connect("alice"), { code: "ID_TAKEN" });
		await alice.close();
		await until(() => seen.length === 3);
		await world.coordinator.close();
		await watching;
		assert.deepEqual(seen, ["+alice", "!alice ID_TAKEN", "-alice CLIENT_CLOSED"]);
	});

	it("hundreds of streams and dozens of connections leave nothing behind", async (t) => {
		const world = await World.create(t, fabric);
		const bob = await world.connect("bob");
		echo(bob);
		for (let i = 0; i < 12; i++) {
			const client = await world.connect("alice");
			for (let j = 0; j < 3; j++) {
				await Promise.all(
					Array.from({ length: 8 }, async (_, k) => {
						const stream = await client.openStream("bob", { id: k });
						await stream.send("ping");
						assert.equal(text(await stream.receive()), "ping");
						await stream.close();
						assert.equal(await stream.receive(), null);
						await stream.closed;
					}),
				);
			}
			await client.close();
		}
		await until(() => world.coordinator.clients().every((client) => client.id === "bob" && client.streams === 0));
		await bob.close();
		await until(() => world.coordinator.clientCount === 0);
		await world.coordinator.close();
		if (fabric.leftovers !== undefined) await until(() => fabric.leftovers?.() === 0);
	});
}
