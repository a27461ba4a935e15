/**
 * What broadcasts promise about slow readers, history and presence, on any transport.
 */

import assert from "node:assert/strict";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { CoordinatorStatus } from "../packages/conec/src/coordinator/status.ts";
import { jsonCodec } from "../packages/conec/src/stream/adapters/json-codec.ts";
import { nonBlocking } from "../packages/conec/src/stream/adapters/non-blocking.ts";
import { typed } from "../packages/conec/src/stream/adapters/typed.ts";
import type { BroadcastEvent, BroadcastOptions, BroadcastStream } from "../packages/conec/src/stream/broadcast-stream.ts";
import { collect, words } from "./broadcast-suite.ts";
import { declare, type Fabric, nowOf, pass, text, until, World } from "./entities-world.ts";

/** A Client that holds back little, so that it is slow soon. */
const SMALL = { limits: { messageBytes: 16_384, streamWindowBytes: 65_536, quicStreamWindowBytes: 65_536 } };
const SLOW: BroadcastOptions = { mode: "receive", bufferBytes: 65_536 };
/** Room for all that a test sends: no busy machine makes this reader slow. */
const AMPLE: BroadcastOptions = { mode: "receive", bufferBytes: 4 * 1_048_576 };
const KIB = new Uint8Array(1_000);

/** Declares the tests. */
export function broadcastSlowSuite(fabric: Fabric): void {
	const it = declare(fabric);

	for (const policy of ["drop-oldest", "drop-newest", "latest-per-sender"] as const) {
		it(`${policy}: a reader that stops loses, exactly and in place; the others get everything`, async (t) => {
			// Of no reader here: senders that waited for one as for those that may block would wait for a minute.
			const world = await World.create(t, fabric, { limits: { broadcastBlockMs: 60_000 } });
			const status = watch(world);
			const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol", SMALL)]);
			const sender = await alice.joinBroadcast("news", { mode: "send" });
			const [quick, slow] = await Promise.all([bob.joinBroadcast("news", AMPLE), carol.joinBroadcast("news", { ...SLOW, slowReader: policy })]);
			const reading = collect(quick);
			const started = performance.now();
			for (let i = 0; i < 3_000; i++) await sender.send(numbered(i));
			assert.ok(performance.now() - started < 30_000, `${performance.now() - started} ms`);
			await until(() => sender.lagging.length === 1);
			assert.deepEqual(sender.lagging, ["carol"]);
			await sender.close();
			assert.deepEqual((await reading).map(numberOf), range(0, 3_000));
			const events = await collect(slow);
			const gaps = checkComplete(events, 3_000);
			assert.ok(gaps > 0);
			if (policy === "drop-newest") assert.equal(events.at(-1)?.type, "gap");
			else assert.equal(numberOf(events.at(-1) as BroadcastEvent), 2_999);
			assert.ok(status.some((event) => event.type === "broadcast-lagging" && event.id === "carol" && event.name === "news"));
		});
	}

	it("disconnect: a reader that stops is ended with LAGGED, the others go on", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, carol] = await Promise.all([world.connect("alice"), world.connect("carol", SMALL)]);
		const sender = await alice.joinBroadcast("news", { ...AMPLE, mode: "both" });
		const reading = collect(sender, 2_000);
		const slow = await carol.joinBroadcast("news", { ...SLOW, slowReader: "disconnect" });
		for (let i = 0; i < 2_000; i++) await sender.send(numbered(i));
		assert.equal((await reading).length, 2_000);
		await assert.rejects(collect(slow), { code: "LAGGED" });
		assert.deepEqual([(await slow.closed).by, (await slow.closed).code], ["peer", "LAGGED"]);
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 1 });
	});

	it("block: senders wait for a reader that is slow, and nothing is lost; only where it is allowed", async (t) => {
		const world = await World.create(t, fabric, { broadcasts: { "jobs.*": { block: true } }, limits: { broadcastBlockMs: 60_000 } });
		const [alice, carol] = await Promise.all([world.connect("alice"), world.connect("carol", SMALL)]);
		const sender = await alice.joinBroadcast("jobs.a", { mode: "send" });
		const slow = await carol.joinBroadcast("jobs.a", { ...SLOW, slowReader: "block" });
		await assert.rejects(carol.joinBroadcast("job", { slowReader: "block" }), { code: "BROADCAST_REFUSED" });
		let sent = 0;
		const sending = (async () => {
			for (; sent < 6_000; sent++) await sender.send(numbered(sent));
			await sender.close();
		})();
		await pass(fabric, 700);
		assert.ok(sent < 5_500, `${sent} are sent although nobody reads`);
		const [events] = await Promise.all([collect(slow), sending]);
		assert.deepEqual(events.map(numberOf), range(0, 6_000));
	});

	it("block is bounded: after its time the oldest go", async (t) => {
		const world = await World.create(t, fabric, { broadcasts: { "*": { block: true } }, limits: { broadcastBlockMs: 300 } });
		const [alice, carol] = await Promise.all([world.connect("alice"), world.connect("carol", SMALL)]);
		const sender = await alice.joinBroadcast("news", { mode: "send" });
		const slow = await carol.joinBroadcast("news", { ...SLOW, slowReader: "block" });
		const started = nowOf(fabric);
		for (let i = 0; i < 1_500; i++) await sender.send(numbered(i));
		await sender.finish();
		const tookMs = nowOf(fabric) - started;
		// Without the limit it would be the default, 5 s, and the sending.
		assert.ok(tookMs >= 290 && tookMs < 5_000, `${tookMs} ms`);
		assert.ok(checkComplete(await collect(slow), 1_500) > 0);
	});

	it("a reader that catches up lags no more, and everybody is told", async (t) => {
		const world = await World.create(t, fabric);
		const status = watch(world);
		const [alice, carol] = await Promise.all([world.connect("alice"), world.connect("carol", SMALL)]);
		const sender = await alice.joinBroadcast("news", { mode: "send" });
		const slow = await carol.joinBroadcast("news", { ...SLOW, keepOpen: true });
		for (let i = 0; i < 1_500; i++) await sender.send(numbered(i));
		await until(() => sender.lagging.length === 1);
		const events: BroadcastEvent[] = [];
		const reading = (async () => {
			for await (const event of slow) {
				events.push(event);
				if (event.type === "message" && numberOf(event) === 1_999) break;
			}
		})();
		await until(() => sender.lagging.length === 0);
		for (let i = 1_500; i < 2_000; i++) await sender.send(numbered(i));
		await reading;
		const lost = checkComplete(events, 2_000);
		assert.ok(lost > 0);
		const told = () => status.filter((event) => event.type === "broadcast-lagging" || event.type === "broadcast-caught-up");
		// On a slow machine it may have lagged once more.
		await until(() => told().at(-1)?.type === "broadcast-caught-up");
		for (const [i, event] of told().entries()) {
			assert.deepEqual([event.type, event.name, event.id], [i % 2 === 0 ? "broadcast-lagging" : "broadcast-caught-up", "news", "carol"]);
		}
		assert.deepEqual(told().at(-1), { type: "broadcast-caught-up", name: "news", id: "carol", lost });
	});

	it("history: since goes on without hole or duplicate, or says that it cannot; last begins earlier", async (t) => {
		const world = await World.create(t, fabric, { broadcasts: { "news.*": { history: { messages: 100 } }, "news.none": {} } });
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const sender = await alice.joinBroadcast("news.a", { mode: "send" });
		const first = await bob.joinBroadcast("news.a", { mode: "receive" });
		assert.equal(first.recovered, undefined);
		for (let i = 0; i < 50; i++) await sender.send(numbered(i));
		const seen = await collect(first, 30);
		const { epoch } = first;
		const seq = seqOf(seen.at(-1));
		await first.close();
		for (let i = 50; i < 100; i++) await sender.send(numbered(i));
		const second = await bob.joinBroadcast("news.a", { mode: "receive", since: { epoch, seq } });
		assert.equal(second.recovered, true);
		await sender.send(numbered(100));
		assert.deepEqual((await collect(second, 71)).map(numberOf), range(30, 101));
		const last = await bob.joinBroadcast("news.a", { mode: "receive", last: 7 });
		assert.deepEqual((await collect(last, 7)).map(numberOf), range(94, 101));
		assert.equal(last.recovered, undefined);
		for (let i = 101; i < 200; i++) await sender.send(numbered(i));
		await sender.send(numbered(200));
		const newest = seqOf((await collect(second, 100)).at(-1));
		for (const since of [
			{ epoch, seq },
			{ epoch, seq: 1_000_000 },
			{ epoch: "0123456789abcdef", seq },
		]) {
			const late = await bob.joinBroadcast("news.a", { mode: "receive", since });
			assert.equal(late.recovered, false);
			await late.close();
		}
		const all = await bob.joinBroadcast("news.a", { mode: "receive", last: 1_000 });
		assert.deepEqual((await collect(all, 100)).map(numberOf), range(101, 201));
		const here = await bob.joinBroadcast("news.a", { mode: "receive", since: { epoch, seq: newest } });
		assert.equal(here.recovered, true, "nothing was missed");
		// Without history: only who has missed nothing is told so.
		const none = await alice.joinBroadcast("news.none");
		await none.send("1");
		const one = seqOf((await collect(none, 1))[0]);
		assert.equal((await bob.joinBroadcast("news.none", { since: { epoch: none.epoch, seq: one } })).recovered, true);
		assert.equal((await bob.joinBroadcast("news.none", { since: { epoch: none.epoch, seq: one - 1 } })).recovered, false);
	});

	it("presence: a list, then what changes, in one order with the messages", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob, carol] = await Promise.all([world.connect("alice", { metadata: { role: "host" } }), world.connect("bob"), world.connect("carol")]);
		const host = await alice.joinBroadcast("room", { presence: true });
		const guest = await bob.joinBroadcast("room");
		await guest.send("hello");
		await collect(guest, 1);
		const twice = await bob.joinBroadcast("room", { mode: "receive" });
		await twice.close();
		await guest.close();
		const late = await carol.joinBroadcast("room", { presence: true, mode: "send" });
		const events = await collect(host, 5);
		const alicePeer = { id: "alice", fingerprint: alice.fingerprint, metadata: { role: "host" } };
		const bobPeer = { id: "bob", fingerprint: bob.fingerprint };
		assert.deepEqual(
			events.map(({ type }) => type),
			["members", "join", "message", "leave", "join"],
		);
		assert.deepEqual(events[0], { type: "members", members: [alicePeer], seq: 1 });
		assert.deepEqual(events[1], { type: "join", peer: bobPeer, seq: 2 });
		assert.deepEqual(events[3], { type: "leave", peer: bobPeer, seq: 4 });
		assert.deepEqual(await collect(late, 1), [{ type: "members", members: [alicePeer, { id: "carol", fingerprint: carol.fingerprint }], seq: 5 }]);
		await carol.updateMetadata({ role: "guest" });
		assert.deepEqual(await collect(host, 1), [{ type: "update", peer: { id: "carol", fingerprint: carol.fingerprint, metadata: { role: "guest" } }, seq: 6 }]);
		carol.destroy();
		assert.deepEqual(
			(await collect(host, 1)).map(({ type }) => type),
			["leave"],
		);
	});

	it("presence is never dropped: after a gap that covers some there is a list, and the view is right", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, carol] = await Promise.all([world.connect("alice"), world.connect("carol", SMALL)]);
		const sender = await alice.joinBroadcast("room");
		const reading = collect(sender);
		const slow = await carol.joinBroadcast("room", { ...SLOW, presence: true, keepOpen: true });
		const guests = await Promise.all(["a", "b", "c", "d"].map((id) => world.connect(id)));
		const joined: (BroadcastStream | undefined)[] = [];
		for (let i = 0; i < 8_000; i++) {
			await sender.send(KIB);
			if (i % 500 === 0) {
				const which = (i / 500) % guests.length;
				if (joined[which] === undefined) joined[which] = await (guests[which] as Client).joinBroadcast("room", { mode: "send" });
				else {
					await joined[which]?.close();
					joined[which] = undefined;
				}
			}
		}
		await sender.send("end");
		const view = new Map<string, unknown>();
		let lists = 0;
		let lastSeq = 0;
		for await (const event of slow) {
			assert.ok(event.type !== "rejoined");
			const seq = event.type === "gap" ? event.toSeq : event.seq;
			assert.ok(seq >= lastSeq, `${event.type} ${seq} after ${lastSeq}`);
			lastSeq = seq;
			if (event.type === "members") {
				lists++;
				view.clear();
				for (const peer of event.members) view.set(peer.id, peer);
			} else if (event.type === "join") {
				assert.ok(!view.has(event.peer.id));
				view.set(event.peer.id, event.peer);
			} else if (event.type === "leave") assert.ok(view.delete(event.peer.id));
			else if (event.type === "message" && text(event.data) === "end") break;
		}
		assert.ok(lists >= 2, `${lists} lists`);
		const expected = ["alice", "carol", ...guests.filter((_, i) => joined[i] !== undefined).map(({ id }) => id)];
		assert.deepEqual([...view.keys()].sort(), expected.sort());
		await sender.close();
		await reading;
	});

	it("typed and nonBlocking compose with a broadcast", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const sender = typed(await alice.joinBroadcast("news", { mode: "send" }), jsonCodec<{ n: number }>());
		const reader = typed(await bob.joinBroadcast("news", { mode: "receive", presence: true }), jsonCodec<{ n: number }>());
		const source = await bob.joinBroadcast("news", { mode: "receive" });
		const eager = typed(nonBlocking(source, 3), jsonCodec<{ n: number }>());
		for (let n = 0; n < 10; n++) await sender.send({ n });
		assert.equal(sender.trySend({ n: 10 }), true);
		await sender.close();
		const numbers: number[] = [];
		const types: string[] = [];
		for await (const event of reader) {
			types.push(event.type);
			if (event.type === "message") numbers.push(event.data.n);
		}
		assert.deepEqual(numbers, range(0, 11));
		assert.ok(types.includes("members"));
		// It is read once everything is there.
		await source.closed;
		await new Promise((resolve) => setImmediate(resolve));
		const items = [];
		for await (const item of eager) items.push(item.type === "lagged" ? item.lost : item.message.type === "message" && item.message.data.n);
		assert.deepEqual(items, [8, 8, 9, 10]);
	});
}

export function numbered(number: number): Uint8Array {
	const message = KIB.slice();
	new DataView(message.buffer).setUint32(0, number);
	return message;
}

export function numberOf(event: BroadcastEvent): number {
	assert.equal(event.type, "message", words(event));
	return event.type === "message" ? new DataView(event.data.buffer, event.data.byteOffset).getUint32(0) : -1;
}

/** Messages and gaps together must be 0 to `count`, without two gaps in a row. Returns what the gaps lost. */
export function checkComplete(events: readonly BroadcastEvent[], count: number): number {
	let next = 0;
	let lost = 0;
	let previous: BroadcastEvent | undefined;
	let lastSeq = 0;
	for (const event of events) {
		if (event.type === "gap") {
			assert.notEqual(previous?.type, "gap", "one gap for one run");
			assert.ok(event.fromSeq > lastSeq && event.toSeq >= event.fromSeq);
			lastSeq = event.toSeq;
			lost += event.lost;
			next += event.lost;
		} else if (event.type === "message") {
			assert.equal(numberOf(event), next);
			assert.ok(event.seq > lastSeq);
			lastSeq = event.seq;
			next++;
		}
		previous = event;
	}
	assert.equal(next, count);
	return lost;
}

function seqOf(event: BroadcastEvent | undefined): number {
	assert.equal(event?.type, "message");
	return event?.type === "message" ? event.seq : -1;
}

function range(from: number, to: number): number[] {
	return Array.from({ length: to - from }, (_, i) => from + i);
}

function watch(world: World): CoordinatorStatus[] {
	const seen: CoordinatorStatus[] = [];
	void (async () => {
		for await (const event of world.coordinator.status()) seen.push(event);
	})();
	return seen;
}
