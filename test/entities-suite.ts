/**
 * What Coordinators and Clients promise, on any transport. Every test makes its own Coordinator, on a port of its own.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Client, connectOn } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/client-options.ts";
import { type Coordinator, type CoordinatorStatus, listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../packages/conec/src/coordinator/coordinator-options.ts";
import type { TransportFactory } from "../packages/conec/src/entity/transport-factory.ts";
import { resolveLimits } from "../packages/conec/src/options.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../packages/conec/src/tls/trust.ts";
import type { StreamHandler, Transport, TransportConnection } from "../packages/conec/src/transport/transport.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { decodeControl, encodeControl } from "../packages/conec/src/wire/control.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { encodeOpen } from "../packages/conec/src/wire/open.ts";

/** What the suite runs on. */
export interface Fabric {
	readonly name: string;
	readonly createTransport: TransportFactory;
	/** What is left of connections and streams, where the transport can tell. */
	readonly leftovers?: () => number;
}

const text = (message: Uint8Array | null): string | null => (message === null ? null : new TextDecoder().decode(message));
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A Coordinator and whatever a test adds to it; all of it is taken down at the end of the test. */
class World {
	readonly coordinator: Coordinator;
	readonly fabric: Fabric;
	readonly #parts: { destroy(): void }[] = [];

	private constructor(fabric: Fabric, coordinator: Coordinator) {
		this.fabric = fabric;
		this.coordinator = coordinator;
	}

	static async create(t: TestContext, fabric: Fabric, options: CoordinatorOptions = {}): Promise<World> {
		const world = new World(fabric, await listenOn(fabric.createTransport, { host: "127.0.0.1", port: 0, ...options }));
		t.after(async () => {
			for (const part of world.#parts) part.destroy();
			world.coordinator.destroy();
			await world.coordinator.closed;
			if (fabric.leftovers !== undefined) await until(() => fabric.leftovers?.() === 0);
		});
		return world;
	}

	async connect(id: string, options: Partial<ClientOptions> = {}): Promise<Client> {
		const client = await connectOn(this.fabric.createTransport, this.clientOptions(id, options));
		this.#parts.push(client);
		return client;
	}

	clientOptions(id: string, options: Partial<ClientOptions> = {}): ClientOptions {
		const { port } = this.coordinator.address;
		return { id, coordinator: `localhost:${port}`, address: `127.0.0.1:${port}`, localAddress: "127.0.0.1", pin: this.coordinator.fingerprint, ...options };
	}

	/** A connection that speaks for itself, to break rules with. */
	async dial(): Promise<{ transport: Transport; connection: TransportConnection }> {
		const transport = this.fabric.createTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({}, "client"), role: "client" });
		this.#parts.push(transport);
		const connection = await transport.dial({
			address: "127.0.0.1",
			port: this.coordinator.address.port,
			serverName: "localhost",
			trust: coordinatorTrust({ pin: this.coordinator.fingerprint }),
			identity: await makeSelfSigned({ names: ["mallory"] }, "ephemeral"),
			alpnProtocol: "conec/1",
			handshakeTimeoutMs: 5_000,
		});
		return { transport, connection };
	}

	/** The same, after a proper hello and welcome. */
	async enter(id: string): Promise<{ connection: TransportConnection; control: ReturnType<TransportConnection["openStream"]> }> {
		const { connection } = await this.dial();
		let welcome: () => void = () => undefined;
		const greeted = new Promise<void>((resolve) => {
			welcome = resolve;
		});
		const control = connection.openStream({ kind: FRAME.CONTROL, payload: encodeControl(hello(id)) }, handler({ frame: welcome }));
		await greeted;
		return { connection, control };
	}
}

function hello(id: string) {
	return { type: "hello", versions: [1], id, key: "ephemeral", capabilities: [] } as const;
}

function handler(part: Partial<StreamHandler> = {}): StreamHandler {
	const nothing = (): void => undefined;
	return { frame: nothing, end: nothing, reset: nothing, stopped: nothing, drained: nothing, finished: nothing, lost: nothing, ...part };
}

async function next(streams: AsyncIterable<MessageStream>): Promise<MessageStream> {
	for await (const stream of streams) return stream;
	throw new assert.AssertionError({ message: "no stream came" });
}

/** Opens a stream and takes it at the other side. */
async function pair(from: Client, to: Client, options: Parameters<Client["openStream"]>[1] = {}): Promise<[MessageStream, MessageStream]> {
	const [near, far] = await Promise.all([from.openStream(to.id, options), next(to.incomingStreams)]);
	return [near, far];
}

/** Waits for something that has no event of its own. */
async function until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
	for (const end = performance.now() + timeoutMs; !condition(); ) {
		assert.ok(performance.now() < end, `not true within ${timeoutMs} ms: ${condition}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

/** Echoes everything on every incoming stream, as a bystander that must not notice anything. */
function echo(client: Client): void {
	void (async () => {
		for await (const stream of client.incomingStreams) {
			void (async () => {
				for await (const message of stream) await stream.send(message);
				await stream.close();
			})().catch(() => undefined);
		}
	})().catch(() => undefined);
}

/** Declares the tests. */
export function entitiesSuite(fabric: Fabric): void {
	const it = (name: string, run: (t: TestContext) => Promise<void>): void => void test(`${fabric.name}: ${name}`, run);

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

	it("unknown peers, wrong ids, wrong options and direct paths are refused with their codes", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		await assert.rejects(alice.openStream("bob"), { name: "ConecError", code: "PEER_UNKNOWN", peer: "bob" });
		await assert.rejects(alice.openStream("bob", { path: "direct" }), { code: "DIRECT_UNAVAILABLE" });
		await assert.rejects(alice.openStream("Bob"), { name: "TypeError", code: "ID_INVALID" });
		await assert.rejects(alice.openStream("bob", { id: 2 ** 32 }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.openStream("bob", { id: -1 }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.openStream("bob", { metadata: "x".repeat(2_000) }), { name: "TypeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.openStream("bob", { Path: "auto" } as never), { name: "TypeError", code: "OPTION_INVALID" });
		await assert.rejects(world.connect("xn--a"), { name: "TypeError", code: "ID_INVALID" });
		await assert.rejects(world.connect("a", { limits: { messageBytes: 0 } }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(listenOn(fabric.createTransport, { port: 65_536 }), { name: "RangeError", code: "OPTION_INVALID" });
		await assert.rejects(listenOn(fabric.createTransport, { certificate: "x" }), { name: "TypeError", code: "OPTION_INVALID" });
	});

	it("the seventeenth stream to one peer is PEER_BUSY, and another peer is not concerned", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol")]);
		const streams = await Promise.all(Array.from({ length: 16 }, () => alice.openStream("bob")));
		await assert.rejects(alice.openStream("bob"), { code: "PEER_BUSY" });
		assert.equal((await alice.openStream("carol")).peer, "carol");
		assert.equal((await carol.openStream("bob")).peer, "bob");
		streams[0]?.reset();
		streams[0]?.stop();
		await until(() => (world.coordinator.clients().find((client) => client.id === "alice")?.streams ?? 0) === 16);
		assert.equal((await alice.openStream("bob")).peer, "bob");
		assert.equal(bob.id, "bob");
	});

	it("an application that takes no streams is PEER_BUSY after limits.incomingStreams", async (t) => {
		const world = await World.create(t, fabric, { limits: { incomingStreams: 1 } });
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob", { limits: { incomingStreams: 2 } })]);
		await alice.openStream("bob");
		await alice.openStream("bob");
		await assert.rejects(alice.openStream("bob"), { code: "PEER_BUSY" });
		await next(bob.incomingStreams);
		await alice.openStream("bob");
		await alice.openCoordinatorStream();
		await assert.rejects(alice.openCoordinatorStream(), { code: "PEER_BUSY" });
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
		const midway = new AbortController();
		const connecting = world.connect("bob", { signal: midway.signal });
		setImmediate(() => midway.abort(reason));
		await assert.rejects(connecting, is);
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

	it("a peer that never accepts is PEER_TIMEOUT", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice", { limits: { requestTimeoutMs: 300 } });
		const silent = await world.enter("silent");
		await assert.rejects(alice.openStream("silent"), { code: "PEER_TIMEOUT", peer: "silent" });
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
		await assert.rejects(alice.openStream("bob"), { code: "PEER_UNKNOWN" });
	});

	it("closing a Client delivers what its application closed, and resets the rest with CLIENT_CLOSED", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [closed, closedFar] = await pair(alice, bob);
		const [open, openFar] = await pair(alice, bob);
		for (let i = 0; i < 100; i++) await closed.send("x".repeat(10_000));
		const acknowledged = closed.close();
		const leaving = alice.close();
		let bytes = 0;
		for await (const message of closedFar) bytes += message.length;
		assert.equal(bytes, 1_000_000);
		await acknowledged;
		const started = performance.now();
		await leaving;
		assert.ok(performance.now() - started < 1_500, "does not wait for what is done");
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
		assert.ok(performance.now() - started < 3_200);
		assert.deepEqual(await world.coordinator.closed, { by: "local" });
		assert.equal(text(await atAlice.receive()), "goodbye");
		assert.equal(await atAlice.receive(), null);
		assert.equal((await alice.closed).code, "COORDINATOR_CLOSED");
		await assert.rejects(open.receive(), { code: "COORDINATOR_CLOSED" });
		assert.throws(() => world.coordinator.reload({}), { code: "COORDINATOR_CLOSED" });
		for await (const stream of world.coordinator.incomingStreams) assert.fail(`a stream from ${stream.peer}`);
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

	it("wrong pin, wrong name and no Coordinator are told apart", async (t) => {
		const world = await World.create(t, fabric);
		const other = await makeSelfSigned({ names: ["elsewhere"] }, "ephemeral");
		const certificate = other.certificates[0] as Uint8Array;
		await assert.rejects(world.connect("alice", { pin: other.fingerprint }), { name: "ConecError", code: "PIN_MISMATCH" });
		await assert.rejects(connectOn(fabric.createTransport, withoutPin(world.clientOptions("alice", { ca: certificate }))), { code: "CERTIFICATE_UNTRUSTED" });
		await assert.rejects(connectOn(fabric.createTransport, withoutPin(world.clientOptions("alice"))), { code: "CERTIFICATE_UNTRUSTED" });
		await assert.rejects(connectOn(fabric.createTransport, world.clientOptions("alice", { address: "127.0.0.1:9", limits: { requestTimeoutMs: 300 } })), {
			code: "COORDINATOR_UNREACHABLE",
			message: /UDP within 0.3 s/,
		});
		await assert.rejects(
			connectOn(fabric.createTransport, { id: "alice", coordinator: "no.such.host.invalid", pin: other.fingerprint }, () =>
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
		const alice = await connectOn(fabric.createTransport, withoutPin(world.clientOptions("alice", { ca: certificate })));
		await alice.close();
		const elsewhere = `example.org:${world.coordinator.address.port}`;
		await assert.rejects(connectOn(fabric.createTransport, withoutPin(world.clientOptions("alice", { ca: certificate, coordinator: elsewhere }))), {
			code: "CERTIFICATE_NAME_MISMATCH",
		});
		const bob = await world.connect("bob", { coordinator: elsewhere });
		assert.equal(bob.id, "bob");
	});

	it("addresses of a name are raced, a dead one costs little", async (t) => {
		const world = await World.create(t, fabric);
		const { address: _dialled, ...options } = world.clientOptions("alice");
		const client = await connectOn(fabric.createTransport, options, async () => [
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

	it("no common version: refused with both sides' versions", async (t) => {
		const world = await World.create(t, fabric);
		const { connection } = await world.dial();
		const answers: unknown[] = [];
		connection.openStream(
			{ kind: FRAME.CONTROL, payload: encodeControl({ ...hello("alice"), versions: [2, 3] }) },
			handler({
				frame: (_kind, payload) => {
					const message = decodeControl(payload);
					answers.push(message.ok ? message.value : message.error);
				},
			}),
		);
		const info = await connection.closed;
		assert.equal(info.closeCode, CLOSE_CODES.REFUSED);
		assert.deepEqual(answers, [{ type: "refused", code: "VERSION_UNSUPPORTED", message: "the Client speaks 2, 3, the Coordinator 1", versions: [1] }]);
		assert.equal(world.coordinator.clientCount, 0);
	});

	it("a hello that never comes ends the connection in time", async (t) => {
		const world = await World.create(t, fabric, { limits: { helloTimeoutMs: 300 } });
		const { connection } = await world.dial();
		const started = performance.now();
		const info = await connection.closed;
		assert.equal(info.closeCode, CLOSE_CODES.HELLO_TIMEOUT);
		assert.ok(performance.now() - started < 2_000);
	});

	it("a first frame that is not a hello ends that connection and disturbs nobody", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		echo(bob);
		const bystander = await alice.openStream("bob");
		const headers: [string, { kind: number; payload: Uint8Array }][] = [
			["not JSON", { kind: FRAME.CONTROL, payload: utf8("hello!") }],
			["not an object", { kind: FRAME.CONTROL, payload: utf8("[]") }],
			["another message", { kind: FRAME.CONTROL, payload: encodeControl({ type: "ping", nonce: 1 }) }],
			["a type unknown", { kind: FRAME.CONTROL, payload: utf8('{"type":"greetings"}') }],
			["a bad id", { kind: FRAME.CONTROL, payload: utf8('{"type":"hello","versions":[1],"id":"Alice","key":"kept","capabilities":[]}') }],
			["no control stream", { kind: FRAME.OPEN, payload: encodeOpen({ id: 1 }) }],
		];
		for (const [what, header] of headers) {
			const { connection } = await world.dial();
			connection.openStream(header, handler());
			const info = await connection.closed;
			assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
			assert.notEqual(info.reason, "", what);
			await bystander.send(what);
			assert.equal(text(await bystander.receive()), what);
		}
		assert.equal(world.coordinator.clientCount, 2);
	});

	it("a wrong message on the control stream ends that connection, frees its id and disturbs nobody", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		echo(bob);
		const bystander = await alice.openStream("bob");
		const frames: [string, number, Uint8Array][] = [
			["not JSON", FRAME.CONTROL, utf8("{")],
			["1 MB", FRAME.CONTROL, new Uint8Array(1_000_000)],
			["hello again", FRAME.CONTROL, encodeControl(hello("mallory"))],
			["a welcome", FRAME.CONTROL, utf8('{"type":"welcome"}')],
			["a type unknown", FRAME.CONTROL, utf8('{"type":"greetings"}')],
			["a nonce too large", FRAME.CONTROL, utf8('{"type":"ping","nonce":1e300}')],
			["DATA", FRAME.DATA, utf8("x")],
			["a kind unknown", 0x3f, utf8("x")],
		];
		for (const [what, kind, payload] of frames) {
			const { connection, control } = await world.enter("mallory");
			control.write(kind, payload);
			const info = await connection.closed;
			assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
			assert.notEqual(info.reason, "", what);
			await bystander.send(what);
			assert.equal(text(await bystander.receive()), what);
		}
		const { connection, control } = await world.enter("mallory");
		control.finish();
		assert.equal((await connection.closed).closeCode, CLOSE_CODES.PROTOCOL_ERROR);
		await until(() => world.coordinator.clientCount === 2);
	});

	it("a kind from 0x80 and an answer nobody asked for are passed over", async (t) => {
		const world = await World.create(t, fabric);
		const { connection, control } = await world.enter("mallory");
		control.write(0x80, utf8("whatever"));
		control.write(FRAME.CONTROL, encodeControl({ type: "pong", nonce: 9 }));
		const alice = await world.connect("alice");
		const opening = alice.openStream("mallory", { early: true });
		assert.equal((await opening).peer, "mallory");
		assert.equal(world.coordinator.clientCount, 2);
		connection.close(0, "");
	});

	it("a stream header that is wrong is answered, not punished", async (t) => {
		const world = await World.create(t, fabric);
		const { connection } = await world.enter("mallory");
		const ask = (kind: number, payload: Uint8Array): Promise<string> =>
			new Promise((resolve) => {
				connection.openStream(
					{ kind, payload },
					handler({ frame: (k, answer) => resolve(`${k} ${JSON.parse(text(answer) ?? "").code}`), reset: (code) => resolve(`reset ${code}`) }),
				);
			});
		assert.equal(await ask(FRAME.OPEN, utf8("{")), `${FRAME.REJECT} PROTOCOL_ERROR`);
		assert.equal(await ask(FRAME.OPEN, utf8('{"to":"mallory"}')), `${FRAME.REJECT} PROTOCOL_ERROR`);
		assert.equal(await ask(FRAME.OPEN, utf8('{"to":"Bob","id":1}')), `${FRAME.REJECT} PROTOCOL_ERROR`);
		assert.equal(await ask(FRAME.OPEN, utf8('{"to":"bob","id":1}')), `${FRAME.REJECT} PEER_UNKNOWN`);
		assert.equal(await ask(FRAME.DATA, utf8("x")), "reset 5");
		assert.equal(world.coordinator.clientCount, 1);
		connection.close(0, "");
	});

	it("a silent holder of an id loses it to another key after a second", async (t) => {
		const world = await World.create(t, fabric, { limits: { holderPingMs: 300 } });
		const { connection } = await world.enter("mallory");
		const started = performance.now();
		const newcomer = await world.connect("mallory");
		assert.ok(performance.now() - started >= 290);
		assert.equal((await connection.closed).closeCode, CLOSE_CODES.DISCONNECTED);
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

function withoutPin(options: ClientOptions): ClientOptions {
	const { pin: _pin, ...rest } = options;
	return rest;
}
