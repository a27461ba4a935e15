/**
 * What the tests of conec (the Rust crate) show of broadcasts, shown of ours. See parity.test.ts.
 */

import assert from "node:assert/strict";
import { jsonCodec } from "../packages/conec/src/stream/adapters/json-codec.ts";
import { nonBlocking } from "../packages/conec/src/stream/adapters/non-blocking.ts";
import { typed } from "../packages/conec/src/stream/adapters/typed.ts";
import type { BroadcastStream } from "../packages/conec/src/stream/broadcast-stream.ts";
import { collect, words } from "./broadcast-suite.ts";
import { declare, type Fabric, World } from "./entities-world.ts";

/** Declares the tests. */
export function broadcastsParity(fabric: Fabric): void {
	const it = declare(fabric);

	it("parity, broadcast_loopback: a member hears its own messages, tagged with its id", async (t) => {
		const world = await World.create(t, fabric);
		const member = await (await world.connect("client")).joinBroadcast("echo");
		for (let i = 0; i < 10; i++) await member.send(`${i}`);
		assert.deepEqual(
			(await collect(member, 10)).map(words),
			Array.from({ length: 10 }, (_, i) => `client ${i}`),
		);
	});

	it("parity, broadcast_bidi: two members hear each other and themselves, in the same order", async (t) => {
		const world = await World.create(t, fabric);
		const members = await Promise.all(["alice", "bob"].map(async (id) => await (await world.connect(id)).joinBroadcast("talk")));
		await Promise.all(
			members.map(async (member, who) => {
				for (let i = 0; i < 20; i++) await member.send(`${who}:${i}`);
			}),
		);
		const [first, second] = await Promise.all(members.map(async (member) => (await collect(member, 40)).map(words)));
		assert.deepEqual(second, first);
		for (const [who, id] of ["alice", "bob"].entries())
			assert.deepEqual(
				first?.filter((message) => message.startsWith(id)),
				Array.from({ length: 20 }, (_, i) => `${id} ${who}:${i}`),
			);
	});

	it("parity, broadcast_codec: values go through a codec, with the id of their sender or without it", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all(["alice", "bob"].map(async (id) => await (await world.connect(id)).joinBroadcast("values")));
		const [sender, tagged] = [typed(alice as BroadcastStream, jsonCodec<{ n: number }>()), typed(bob as BroadcastStream, jsonCodec<{ n: number }>())];
		for (let n = 0; n < 5; n++) await sender.send({ n });
		const heard: (readonly [string, number])[] = [];
		for await (const event of tagged) {
			if (event.type === "message") heard.push([event.sender, event.data.n]);
			if (heard.length === 5) break;
		}
		assert.deepEqual(
			heard,
			Array.from({ length: 5 }, (_, n) => ["alice", n]),
		);
	});

	it("parity, broadcast_sender_close: readers end after the last message of the last sender", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((id) => world.connect(id)));
		const reader = await carol?.joinBroadcast("news", { mode: "receive" });
		const senders = await Promise.all([alice?.joinBroadcast("news", { mode: "send" }), bob?.joinBroadcast("news", { mode: "send" })]);
		for (const sender of senders) {
			await sender?.send("last words");
			await sender?.close();
		}
		assert.deepEqual((await collect(reader as BroadcastStream)).map(words), ["alice last words", "bob last words"]);
	});

	it("parity, broadcast_receiver_close: a reader that goes is counted no more, and those that stay miss nothing", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const sender = await alice.joinBroadcast("news", { mode: "send" });
		const [goes, stays] = await Promise.all([bob.joinBroadcast("news", { mode: "receive" }), bob.joinBroadcast("news", { mode: "receive" })]);
		await sender.send("one");
		assert.deepEqual((await collect(goes, 1)).map(words), ["alice one"]);
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 2 });
		await goes.close();
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 1 });
		await sender.send("two");
		await sender.close();
		assert.deepEqual((await collect(stays)).map(words), ["alice one", "alice two"]);
	});

	it("parity, broadcast_block_nonblock: one reader gets everything in time, one that may lose hears exactly how many it lost", async (t) => {
		const world = await World.create(t, fabric, { broadcasts: { "*": { block: true } } });
		const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol")]);
		const sender = await alice.joinBroadcast("bulk", { mode: "send" });
		const blocking = await bob.joinBroadcast("bulk", { mode: "receive", slowReader: "block" });
		// The Coordinator drops nothing for it either, so all that it loses it has lost here.
		const lossy = nonBlocking(await carol.joinBroadcast("bulk", { mode: "receive", slowReader: "block" }), 8)[Symbol.asyncIterator]();
		const [count, message] = [200, new Uint8Array(16 * 1_024)];
		const first = await Promise.all([collect(blocking, 1), sender.send(message), lossy.next()]);
		assert.equal(first[0].length, 1);
		const all = collect(blocking);
		for (let i = 1; i < count; i++) {
			message[0] = i;
			await sender.send(message);
		}
		await sender.close();
		assert.deepEqual(
			(await all).map((event) => event.type === "message" && event.data[0]),
			Array.from({ length: count - 1 }, (_, i) => i + 1),
		);
		let [kept, lost, last] = [1, 0, 0];
		for (let item = await lossy.next(); item.done !== true; item = await lossy.next()) {
			if (item.value.type === "lagged") lost += item.value.lost;
			else if (item.value.message.type === "message") {
				kept++;
				last = item.value.message.data[0] as number;
			}
		}
		assert.deepEqual([kept + lost, last], [count, count - 1]);
		assert.ok(lost > 0);
	});
}
