/**
 * Who is here, on any transport: every watcher's view is the Coordinator's, and no watcher costs more than it may.
 */

import assert from "node:assert/strict";
import type { PeerInfo } from "../packages/conec/src/session/peer-info.ts";
import type { PresenceEvent } from "../packages/conec/src/session/presence-event.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import type { TransportConnection, TransportStream } from "../packages/conec/src/transport/transport.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { encodeControl } from "../packages/conec/src/wire/control.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { encodeOpen } from "../packages/conec/src/wire/open.ts";
import { declare, disconnects, type Fabric, handler, hello, text, until, utf8, World } from "./entities-world.ts";
import { asTold, orForgotten } from "./forgotten.ts";

/** Applies what a watch gives, and checks that nothing is missing and nothing comes twice. */
class View {
	readonly peers: Map<string, PeerInfo> = new Map();
	readonly words: string[] = [];
	epoch = "";
	seq = -1;
	over: unknown;

	constructor(watch: AsyncIterable<PresenceEvent>) {
		void this.#read(watch).then(
			() => {
				this.over = "end";
			},
			(error: unknown) => {
				this.over = error;
			},
		);
	}

	/** Resolves when it knows the same as the Coordinator does. */
	async agrees(world: World): Promise<void> {
		const sorted = (peers: Iterable<PeerInfo>): string =>
			JSON.stringify([...peers].map(({ id, fingerprint, metadata }) => JSON.stringify({ id, fingerprint, metadata })).sort());
		await until(() => sorted(this.peers.values()) === sorted(world.coordinator.clients() as PeerInfo[]), 15_000);
	}

	async #read(watch: AsyncIterable<PresenceEvent>): Promise<void> {
		for await (const event of watch) {
			this.words.push(event.type === "members" ? `members ${event.members.map(({ id }) => id).join(" ")}` : `${event.type} ${event.peer.id}`);
			if (event.type === "members") {
				assert.ok(event.seq >= this.seq);
				assert.ok(this.epoch === "" || this.epoch === event.epoch);
				this.peers.clear();
				for (const peer of event.members) this.peers.set(peer.id, peer);
			} else {
				assert.deepEqual([event.seq, event.epoch], [this.seq + 1, this.epoch]);
				assert.equal(this.peers.has(event.peer.id), event.type !== "join");
				if (event.type === "leave") this.peers.delete(event.peer.id);
				else this.peers.set(event.peer.id, event.peer);
			}
			this.seq = event.seq;
			this.epoch = event.epoch;
		}
	}
}

const ids = (peers: readonly { readonly id: string }[]): string[] => peers.map(({ id }) => id);

/** Declares the tests. */
export function presenceSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("peers: everybody, oneself too, with fingerprint and metadata; one who has come or gone before the call counts", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		assert.deepEqual(await alice.peers(), [{ id: "alice", fingerprint: alice.fingerprint }]);
		const bob = await world.connect("bob", { metadata: { name: "Bob" } });
		const lists = await Promise.all([alice.peers(), alice.peers(), bob.peers()]);
		for (const list of lists)
			assert.deepEqual(list, [
				{ id: "alice", fingerprint: alice.fingerprint },
				{ id: "bob", fingerprint: bob.fingerprint, metadata: { name: "Bob" } },
			]);
		lists[0]?.pop();
		assert.equal(lists[1]?.length, 2, "each caller has a list of its own");
		const early = alice.peers();
		const carol = await world.connect("carol");
		assert.deepEqual(ids(await alice.peers()), ["alice", "bob", "carol"]);
		await early;
		await carol.close();
		await until(() => world.coordinator.clientCount === 2);
		assert.deepEqual(ids(await alice.peers()), ["alice", "bob"]);
	});

	it("watchPeers: members, then join, update and leave in order, with no hole; at the Coordinator too", async (t) => {
		const world = await World.create(t, fabric);
		const near = new View(world.coordinator.watchPeers());
		await until(() => near.words.length === 1);
		const alice = await world.connect("alice");
		const view = new View(alice.watchPeers());
		await until(() => view.words.length === 1);
		const bob = await world.connect("bob");
		await bob.updateMetadata({ mood: 1 });
		await bob.close();
		const expected = ["join bob", "update bob", "leave bob"];
		await until(() => view.words.length === 4 && near.words.length === 5);
		assert.deepEqual(view.words, ["members alice", ...expected]);
		assert.deepEqual(near.words, ["members ", "join alice", ...expected]);
		assert.deepEqual([view.seq, view.epoch], [near.seq, near.epoch]);
		await Promise.all([view.agrees(world), near.agrees(world)]);
		await world.coordinator.close();
		await until(() => near.over !== undefined && view.over !== undefined);
		assert.equal(near.over, "end");
		assert.equal((view.over as { code: string }).code, "COORDINATOR_LOST");
		assert.deepEqual(view.words.length, 4, "nobody left when the Coordinator went");
	});

	it("updateMetadata: the Coordinator and the peers have it when it resolves; calls meanwhile count as one", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice", { metadata: "old" }), world.connect("bob")]);
		const view = new View(bob.watchPeers());
		await until(() => view.words.length === 1);
		const metadata = { step: 1 };
		const updating = alice.updateMetadata(metadata);
		metadata.step = 99;
		await updating;
		const ofAlice = () => world.coordinator.clients().find(({ id }) => id === "alice")?.metadata;
		assert.deepEqual(ofAlice(), { step: 1 });
		await Promise.all(Array.from({ length: 500 }, (_, step) => alice.updateMetadata({ step })));
		assert.deepEqual(ofAlice(), { step: 499 });
		await alice.updateMetadata(null);
		assert.equal(ofAlice(), null);
		await alice.updateMetadata(undefined);
		assert.equal(ofAlice(), undefined);
		await view.agrees(world);
		assert.deepEqual(view.words.slice(1), ["update alice", "update alice", "update alice", "update alice", "update alice"]);
		await assert.rejects(alice.updateMetadata("x".repeat(1_000_000)), { name: "TypeError", code: "OPTION_INVALID" });
		await assert.rejects(alice.updateMetadata((() => 1) as never), { name: "TypeError", code: "OPTION_INVALID" });
		await alice.close();
		await assert.rejects(alice.updateMetadata(1), { code: "CLIENT_CLOSED" });
	});

	it("superseding is an update, never leave and join, whatever else has changed", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const view = new View(alice.watchPeers());
		await until(() => view.words.length === 1);
		const { privateKey, certificates } = await makeSelfSigned({ names: ["bob"] }, "kept");
		const identity = { privateKey, certificate: certificates[0] as Uint8Array };
		const first = await world.connect("bob", { ...identity, metadata: "first" });
		const mine = first.watchPeers()[Symbol.asyncIterator]();
		assert.equal((await mine.next()).value?.type, "members");
		const second = await world.connect("bob", { ...identity, metadata: "second" });
		assert.equal((await first.closed).code, "SUPERSEDED");
		await assert.rejects(mine.next(), { code: "SUPERSEDED" });
		await view.agrees(world);
		assert.equal(view.peers.get("bob")?.metadata, "second");
		await second.close();
		await until(() => view.words.length === 4);
		assert.deepEqual(view.words, ["members alice", "join bob", "update bob", "leave bob"]);
	});

	it("break releases a watch, and so does the end of the Client", async (t) => {
		const world = await World.create(t, fabric, { limits: { presenceWatches: 2 } });
		const alice = await world.connect("alice");
		for (let round = 0; round < 20; round++) {
			for await (const event of alice.watchPeers()) {
				assert.equal(event.type, "members");
				break;
			}
			await alice.peers();
		}
		const begin = async (): Promise<AsyncIterator<PresenceEvent>> => {
			const watch = alice.watchPeers()[Symbol.asyncIterator]();
			assert.equal((await watch.next()).value?.type, "members");
			return watch;
		};
		const both = [await begin(), await begin()];
		const next = both.map((watch) => watch.next());
		await alice.close();
		for (const ended of await Promise.all(next)) assert.deepEqual(ended, { done: true, value: undefined });
		await assert.rejects(alice.watchPeers()[Symbol.asyncIterator]().next(), { code: "CLIENT_CLOSED" });
		await assert.rejects(alice.peers(), { code: "CLIENT_CLOSED" });
	});

	it("leaving a watch is acknowledged: as many as there may be begin anew at once, however often, and none is one too many", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		for (let round = 0; round < 80; round++) {
			const watches = Array.from({ length: 8 }, () => alice.watchPeers()[Symbol.asyncIterator]());
			const begun = watches.map((watch) => watch.next());
			// In every other round one leaves before it has the list.
			const early = round % 16;
			void watches[early]?.return?.();
			for (const [index, one] of (await Promise.all(begun)).entries()) assert.equal(one.value?.type, index === early ? undefined : "members");
			await Promise.all(watches.map((watch) => watch.return?.()));
			assert.deepEqual(ids((await Promise.all(Array.from({ length: 8 }, () => alice.peers())))[7] ?? []), ["alice"]);
		}
	});

	it("peers: an abort rejects with its own reason; more peers than presencePeers are LIMIT_EXCEEDED", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const reason = new RangeError("enough");
		await assert.rejects(alice.peers({ signal: AbortSignal.abort(reason) }), reason);
		const abort = new AbortController();
		const list = alice.peers({ signal: abort.signal });
		abort.abort(reason);
		await assert.rejects(list, reason);
		assert.deepEqual(ids(await alice.peers()), ["alice"]);
		const bob = await world.connect("bob", { limits: { presencePeers: 1 } });
		await assert.rejects(bob.peers(), { code: "LIMIT_EXCEEDED" });
	});

	it("every watcher's view is the Coordinator's after churn, also of one that was too slow to be told everything", async (t) => {
		const world = await World.create(t, fabric, {
			limits: { presenceLogBytes: 65_536, presenceQueueBytes: 16_384, metadataUpdatesPerMinute: 1_000_000 },
		});
		const [alice, lazy] = await Promise.all([
			world.connect("alice"),
			world.connect("lazy", { limits: { presenceQueueBytes: 16_384, quicStreamWindowBytes: 65_536 } }),
		]);
		const views = [new View(alice.watchPeers()), new View(world.coordinator.watchPeers())];
		const slow = await begun(lazy.watchPeers());
		const slowNear = await begun(world.coordinator.watchPeers());
		const churn = async (name: string): Promise<void> => {
			for (let round = 0; round < 6; round++) {
				const one = await world.connect(`${name}-${round}`, { metadata: round });
				for (let step = 0; step < 60; step++) await one.updateMetadata(`${step}`.padEnd(900, "x"));
				if (round % 2 === 0) await one.close();
			}
		};
		await Promise.all(["a", "b"].map(churn));
		for (const view of views) await view.agrees(world);
		// Now they read: what was kept for them, then what they missed as one list.
		const late = [new View(slow), new View(slowNear)];
		await Promise.all(late.map((view) => view.agrees(world)));
		for (const view of late) assert.ok(view.words.filter((word) => word.startsWith("members")).length >= 2);
		for (const view of [...views, ...late]) assert.equal(view.over, undefined);
	});

	it("1,000 watches by one Client: as many as it may have are taken, the others told LIMIT_EXCEEDED, nobody else notices", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const view = new View(alice.watchPeers());
		const mallory = await world.connect("mallory");
		const outcomes = await Promise.all(
			Array.from({ length: 1_000 }, async () => {
				const watch = mallory.watchPeers()[Symbol.asyncIterator]();
				return await watch.next().then(
					({ value }) => value?.type,
					(error: { code: string }) => error.code,
				);
			}),
		);
		assert.equal(outcomes.filter((outcome) => outcome === "members").length, 8);
		assert.equal(outcomes.filter((outcome) => outcome === "LIMIT_EXCEEDED").length, 992);
		await alice.updateMetadata("still here");
		await view.agrees(world);
		assert.equal(world.coordinator.clientCount, 2);
	});

	it("a watch that never reads costs a queue, and is let go with its connection; other watches are told everything", async (t) => {
		const world = await World.create(t, fabric, { limits: { metadataUpdatesPerMinute: 1_000_000 } });
		const alice = await world.connect("alice");
		const view = new View(alice.watchPeers());
		const mallory = await enter(world);
		let accepted = 0;
		for (let id = 0; id < 8; id++)
			mallory.connection.openStream({ kind: FRAME.OPEN, payload: encodeOpen({ watch: "peers", id }) }, handler({ frame: () => accepted++ }));
		await until(() => accepted >= 8 && view.words.length > 0);
		for (let step = 0; step < 3_000; step++) await alice.updateMetadata(`${step}`.padEnd(900, "x"));
		await view.agrees(world);
		assert.equal(view.words.filter((word) => word === "update alice").length, 3_000);
		mallory.connection.close(CLOSE_CODES.NORMAL, "");
		await until(() => view.words.at(-1) === "leave mallory");
		await view.agrees(world);
	});

	it("floods of updates: beyond so many a minute LIMIT_EXCEEDED with retryAfterMs; unread answers end the flooder alone", async (t) => {
		// Not slowed, so that the answers are soon too many.
		const world = await World.create(t, fabric, { limits: { metadataUpdatesPerMinute: 3, controlMessagesPerSecond: 1_000_000 } });
		const alice = await world.connect("alice");
		for (let step = 0; step < 3; step++) await alice.updateMetadata(step);
		await assert.rejects(alice.updateMetadata("more"), (error: { code?: string; retryAfterMs?: number }) => {
			const { code, retryAfterMs = 0 } = error;
			return code === "LIMIT_EXCEEDED" && retryAfterMs > 1_000 && retryAfterMs <= 20_000;
		});
		assert.equal(world.coordinator.clients()[0]?.metadata, 2);
		const view = new View(alice.watchPeers());
		await until(() => view.words.length === 1);
		const told = disconnects(world.coordinator);
		const mallory = await enter(world);
		const ended = { yes: false };
		void mallory.connection.closed.then(() => {
			ended.yes = true;
		});
		const update = encodeControl({ type: "metadata", request: 1, metadata: "x".repeat(900) });
		for (let sent = 0; !ended.yes && sent < 1_000_000; sent++) {
			while (!ended.yes && mallory.control.queuedBytes > 65_536) await new Promise((resolve) => setImmediate(resolve));
			mallory.control.write(FRAME.CONTROL, update);
		}
		const info = await mallory.connection.closed.then(asTold).catch(orForgotten);
		if (info !== undefined) assert.equal(info.closeCode, CLOSE_CODES.LIMIT_EXCEEDED);
		await until(() => told.has("mallory"));
		assert.equal(told.get("mallory"), "LIMIT_EXCEEDED");
		await until(() => view.words.at(-1) === "leave mallory");
		assert.deepEqual(view.words.slice(1), ["join mallory", "update mallory", "update mallory", "update mallory", "leave mallory"]);
	});

	it("metadata of 1 MB, or just too long, or asked for without the capability, ends that connection only", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice");
		const view = new View(alice.watchPeers());
		await until(() => view.words.length === 1);
		const message = (metadata: string): Uint8Array => utf8(JSON.stringify({ type: "metadata", request: 1, metadata }));
		const cases: [string, Uint8Array, readonly string[]][] = [
			["1 MB", message("x".repeat(1_000_000)), ["presence"]],
			["1,025 bytes", message("x".repeat(1_023)), ["presence"]],
			["no request", utf8('{"type":"metadata","metadata":1}'), ["presence"]],
			["__proto__", utf8('{"type":"metadata","request":1,"metadata":{"__proto__":{}}}'), ["presence"]],
			["an answer", utf8('{"type":"metadata-set","request":1}'), ["presence"]],
			["without the capability", message("x"), []],
		];
		for (const [what, payload, capabilities] of cases) {
			const { connection, control } = await enter(world, capabilities);
			control.write(FRAME.CONTROL, payload);
			// Not again where that is not told: everybody else counts who comes and goes.
			const info = await connection.closed.then(asTold).catch(orForgotten);
			if (info !== undefined) assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
			await until(() => world.coordinator.clientCount === 1);
		}
		await until(() => view.words.length === 1 + 2 * cases.length);
		await view.agrees(world);
		assert.equal(view.over, undefined);
	});

	it("a watch that is asked for wrongly is rejected, one that talks is reset; the connection goes on", async (t) => {
		const world = await World.create(t, fabric);
		const { connection } = await enter(world);
		const resume = '"resume":{"limit":100000,"messageBytes":0}';
		const outcome = (on: typeof connection, open: string, ...more: readonly number[]): Promise<string> =>
			new Promise((resolve) => {
				const stream = on.openStream(
					{ kind: FRAME.OPEN, payload: utf8(open) },
					handler({
						frame: (kind, payload) => {
							if (kind === FRAME.REJECT) resolve(JSON.parse(text(payload) ?? "").code);
							if (kind === FRAME.CONTROL && more.length === 0) resolve("watching");
							if (kind === FRAME.RESET) resolve("left");
							stream.consumed(payload.length);
						},
						reset: (code) => resolve(`reset ${code}`),
					}),
				);
				for (const kind of more) stream.write(kind, kind === FRAME.STOP ? new Uint8Array(4) : utf8(kind === FRAME.END ? "" : "x"));
			});
		assert.equal(await outcome(connection, `{"watch":"everything","id":1,${resume}}`), "PROTOCOL_ERROR");
		assert.equal(await outcome(connection, `{"watch":"peers","to":"bob","id":1,${resume}}`), "PROTOCOL_ERROR");
		assert.equal(await outcome(connection, `{"watch":null,"id":1,${resume}}`), "PROTOCOL_ERROR");
		assert.equal(await outcome(connection, '{"watch":"peers","id":1}'), "PROTOCOL_ERROR");
		assert.equal(
			await outcome(connection, `{"watch":"peers","id":1,"resume":{"token":"${"0".repeat(32)}","generation":1,"received":0,"limit":0}}`),
			"RESUME_UNKNOWN",
		);
		for (const kind of [FRAME.DATA, FRAME.TAGGED, FRAME.CONTROL, FRAME.FROM]) {
			assert.equal(await outcome(connection, `{"watch":"peers","id":1,${resume}}`, kind), "reset 6");
		}
		assert.equal(await outcome(connection, `{"watch":"peers","id":1,${resume}}`, FRAME.END, FRAME.DATA), "reset 6");
		assert.equal(await outcome(connection, `{"watch":"peers","id":1,${resume}}`, FRAME.END, FRAME.STOP), "left");
		assert.equal(await outcome(connection, `{"watch":"peers","id":1,${resume}}`), "watching");
		assert.equal(world.coordinator.clientCount, 1);
		const plain = await enter(world, [], "plain");
		assert.equal(await outcome(plain.connection, `{"watch":"peers","id":1,${resume}}`), "PROTOCOL_ERROR");
		for (const one of [connection, plain.connection]) one.close(0, "");
	});
}

/** A watch whose list has been asked for, so that it counts from now. */
async function begun(watch: AsyncIterable<PresenceEvent>): Promise<AsyncIterable<PresenceEvent>> {
	const events = watch[Symbol.asyncIterator]();
	const first = await events.next();
	return {
		async *[Symbol.asyncIterator]() {
			for (let event = first; event.done !== true; event = await events.next()) yield event.value;
		},
	};
}

/** A connection that speaks for itself, welcome with these capabilities. */
async function enter(
	world: World,
	capabilities: readonly string[] = ["presence"],
	id = "mallory",
): Promise<{ connection: TransportConnection; control: TransportStream }> {
	const { connection } = await world.dial();
	let welcome: () => void = () => undefined;
	const greeted = new Promise<void>((resolve) => {
		welcome = resolve;
	});
	const control = connection.openStream({ kind: FRAME.CONTROL, payload: encodeControl({ ...hello(id), capabilities }) }, handler({ frame: () => welcome() }));
	await greeted;
	return { connection, control };
}
