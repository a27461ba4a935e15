/**
 * What broadcasts promise, on any transport.
 */

import assert from "node:assert/strict";
import type { BroadcastEvent, BroadcastStream } from "../packages/conec/src/stream/broadcast-stream.ts";
import { declare, type Fabric, text, until, World } from "./entities-world.ts";

/** Declares the tests. */
export function broadcastSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("all members see one order, their own messages included, and know whose each is", async (t) => {
		const world = await World.create(t, fabric);
		const clients = await Promise.all(["alice", "bob", "carol"].map((id) => world.connect(id)));
		const members = await Promise.all(clients.map((client) => client.joinBroadcast("news")));
		assert.equal(new Set(members.map((member) => member.epoch)).size, 1);
		const readers = members.map((member) => collect(member, 300));
		await Promise.all(
			members.map(async (member, who) => {
				for (let i = 0; i < 100; i++) await member.send(`${who}:${i}`);
			}),
		);
		const [first, second, third] = await Promise.all(readers);
		assert.deepEqual(second, first);
		assert.deepEqual(third, first);
		const messages = (first ?? []).map(words);
		for (const [who, { id }] of clients.entries()) {
			assert.deepEqual(
				messages.filter((message) => message.startsWith(`${id} `)).map((message) => message.split(" ")[1]),
				Array.from({ length: 100 }, (_, i) => `${who}:${i}`),
			);
		}
		const seqs = (first ?? []).map((event) => event.type === "message" && event.seq);
		assert.ok(seqs.every((seq, i) => i === 0 || Number(seq) > Number(seqs[i - 1])));
	});

	it("modes: who only sends gets nothing, who only receives cannot send; counts are right at once", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		await assert.rejects(alice.countBroadcast("news"), { code: "BROADCAST_UNKNOWN" });
		const sender = await alice.joinBroadcast("news", { mode: "send" });
		assert.deepEqual(await bob.countBroadcast("news"), { senders: 1, receivers: 0 });
		const receiver = await bob.joinBroadcast("news", { mode: "receive" });
		const both = await bob.joinBroadcast("news");
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 2, receivers: 2 });
		assert.equal(world.coordinator.broadcastCount, 1);
		await assert.rejects(receiver.send("x"), { code: "STREAM_CLOSED" });
		assert.throws(() => receiver.trySend("x"), { code: "STREAM_CLOSED" });
		await sender.send("one");
		assert.deepEqual((await collect(receiver, 1)).map(words), ["alice one"]);
		await both.close();
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 1 });
		await sender.finish();
		// The last sender is gone, so the reader is ended, and the name with the last member.
		assert.deepEqual((await collect(receiver)).map(words), []);
		await sender.close();
		await assert.rejects(alice.countBroadcast("news"), { code: "BROADCAST_UNKNOWN" });
		assert.equal(world.coordinator.broadcastCount, 0);
		assert.deepEqual([(await sender.closed).code, (await receiver.closed).code], [undefined, undefined]);
	});

	it("readers end when senders go from one to none, after everything that was sent; a name without senders does not end", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [early, kept] = await Promise.all([bob.joinBroadcast("news", { mode: "receive" }), bob.joinBroadcast("news", { mode: "receive", keepOpen: true })]);
		const first = await alice.joinBroadcast("news", { mode: "send" });
		const second = await alice.joinBroadcast("news");
		for (let i = 0; i < 500; i++) await second.send(`${i}`);
		await first.close();
		await second.finish();
		await assert.rejects(second.send("x"), { code: "STREAM_CLOSED" });
		for (const member of [early, second]) {
			assert.deepEqual(
				(await collect(member)).map(words),
				Array.from({ length: 500 }, (_, i) => `alice ${i}`),
			);
		}
		assert.equal((await collect(kept, 500)).length, 500);
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 0, receivers: 1 });
		const third = await alice.joinBroadcast("news", { mode: "send" });
		assert.equal(third.epoch, kept.epoch);
		await third.send("again");
		assert.deepEqual((await collect(kept, 1)).map(words), ["alice again"]);
		await kept.close();
		await third.close();
		const fourth = await alice.joinBroadcast("news");
		assert.notEqual(fourth.epoch, third.epoch, "a name that came back is another");
	});

	it("leaving a broadcast is acknowledged: as many joinings as there may be begin anew at once, however often, and none is one too many", async (t) => {
		const world = await World.create(t, fabric, { limits: { broadcastsPerClient: 8, broadcastJoinsPerMinute: 1_000_000 } });
		const alice = await world.connect("alice");
		const modes = ["both", "send", "receive"] as const;
		for (let round = 0; round < 81; round++) {
			const members = await Promise.all(Array.from({ length: 8 }, (_, index) => alice.joinBroadcast("news", { mode: modes[(round + index) % 3] ?? "both" })));
			// Some leave with messages on their way.
			for (const [index, member] of members.entries()) if (modes[(round + index) % 3] !== "receive") await member.send(`${round}`);
			await Promise.all(members.map((member) => member.close()));
		}
		assert.equal(world.coordinator.broadcastCount, 0);
	});

	it("names and options are checked here and there", async (t) => {
		const world = await World.create(t, fabric, { limits: { broadcastsPerClient: 3 } });
		const alice = await world.connect("alice");
		for (const name of ["", "News", "a b", "x".repeat(129), "é", 7 as never]) {
			await assert.rejects(alice.joinBroadcast(name), { name: "TypeError", code: "BROADCAST_NAME_INVALID" });
			await assert.rejects(alice.countBroadcast(name), { name: "TypeError", code: "BROADCAST_NAME_INVALID" });
		}
		const epoch = "0".repeat(16);
		for (const options of [
			{ mode: "x" },
			{ bufferBytes: 1 },
			{ last: -1 },
			{ last: 0.5 },
			{ since: { epoch, seq: -1 } },
			{ since: { epoch: "x", seq: 1 } },
			{ Mode: "both" },
			{ last: 1, since: { epoch, seq: 1 } },
		]) {
			await assert.rejects(alice.joinBroadcast("news", options as never), { code: "OPTION_INVALID" });
		}
		await assert.rejects(alice.joinBroadcast("news", { slowReader: "block" }), { code: "BROADCAST_REFUSED" });
		await assert.rejects(alice.joinBroadcast("news", { bufferBytes: 8 * 1024 * 1024 }), { code: "LIMIT_EXCEEDED" });
		const members = await Promise.all(["a", "b", "x".repeat(128)].map((name) => alice.joinBroadcast(name)));
		await assert.rejects(alice.joinBroadcast("d"), { code: "LIMIT_EXCEEDED" });
		await members[0]?.close();
		await (await alice.joinBroadcast("d")).close();
		await assert.rejects(alice.joinBroadcast("d", { signal: AbortSignal.abort(new RangeError("mine")) }), { message: "mine" });
		assert.equal(world.coordinator.broadcastCount, 2);
	});

	it("who is lost or closed is out at once, with its names; the Coordinator's end is COORDINATOR_CLOSED", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob, carol] = await Promise.all([world.connect("alice"), world.connect("bob"), world.connect("carol")]);
		const news = await alice.joinBroadcast("news");
		await bob.joinBroadcast("news");
		const own = await bob.joinBroadcast("own");
		bob.destroy();
		await until(() => world.coordinator.broadcastCount === 1);
		assert.deepEqual(await carol.countBroadcast("news"), { senders: 1, receivers: 1 });
		await assert.rejects(own.send("x"), { code: "CLIENT_CLOSED" });
		const reading = collect(news);
		const closing = world.coordinator.close();
		await assert.rejects(reading, { code: "COORDINATOR_CLOSED" });
		await closing;
		assert.equal((await news.closed).code, "COORDINATOR_CLOSED");
		await carol.closed;
		await assert.rejects(carol.countBroadcast("news"), { code: "COORDINATOR_LOST" });
		await assert.rejects(carol.joinBroadcast("news"), { code: "COORDINATOR_LOST" });
	});

	it("a Coordinator that is destroyed is no last sender that goes: readers get an error, not an end", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		await alice.joinBroadcast("news", { mode: "send" });
		const reading = collect(await bob.joinBroadcast("news", { mode: "receive", presence: true }));
		world.coordinator.destroy();
		await assert.rejects(reading, (error: { readonly code?: string }) => error.code === "COORDINATOR_CLOSED" || error.code === "COORDINATOR_LOST");
	});

	it("leaving while much is unread resolves, and takes nothing along", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [sender, reader] = await Promise.all([alice.joinBroadcast("news", { mode: "send" }), bob.joinBroadcast("news", { mode: "receive" })]);
		const payload = new Uint8Array(10_000);
		for (let i = 0; i < 300; i++) await sender.send(payload);
		await reader.close();
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 0 });
		assert.deepEqual(await collect(reader), []);
		await sender.close();
		await until(() => world.coordinator.clients().every((client) => client.streams === 0));
	});
}

/** Reads so many events, or all to the end. */
export async function collect(stream: BroadcastStream, count: number = Number.POSITIVE_INFINITY): Promise<BroadcastEvent[]> {
	const events: BroadcastEvent[] = [];
	for await (const event of stream) {
		events.push(event);
		if (events.length === count) break;
	}
	return events;
}

export function words(event: BroadcastEvent): string {
	return event.type === "message" ? `${event.sender} ${text(event.data)}` : event.type;
}
