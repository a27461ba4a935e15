/** Members of broadcasts whose Coordinator comes and goes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Machine, World } from "../../../testing/world.ts";
import type { BroadcastEvent, BroadcastOptions, BroadcastStream } from "../../stream/broadcast-stream.ts";
import type { Client } from "../client.ts";
import type { ClientOptions } from "../options.ts";

const HISTORY = { broadcasts: { "kept.*": { history: { messages: 1_000, bytes: 1_048_576, ageMs: 600_000 } } } };

/** A Client and its machine. */
interface Participant {
	readonly client: Client;
	readonly machine: Machine;
}

/** A Coordinator that keeps the history of `kept.*`, and whose links can be cut. */
async function scene(listening: object = HISTORY) {
	const world = new World({ seed: 7, delayMs: 10 });
	const { clock } = world;
	await clock.until(world.listen(listening), 1_000);
	return {
		world,
		clock,
		async client(name: string, options: Partial<ClientOptions> = {}): Promise<Participant> {
			const machine = world.machine(name);
			return { client: await clock.until(world.connect(machine, name, { id: name, ...options }), 10_000), machine };
		},
		join: (client: Client, name: string, options: BroadcastOptions = {}) => clock.until(client.joinBroadcast(name, options), 2_000),
		/** Its link breaks, and it notices. */
		cut({ machine }: Participant): void {
			assert.ok(world.coordinatorMachine !== undefined);
			world.cut(machine, world.coordinatorMachine);
		},
		kill(): void {
			if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
			world.coordinator?.destroy();
			world.coordinatorGone();
		},
		async end(...all: Participant[]): Promise<void> {
			await clock.until(Promise.all(all.map(({ client }) => client.close())), 4_000);
			const { coordinator } = world;
			if (coordinator !== undefined) await clock.until(coordinator.close(), 4_000);
			await clock.advance(150_000);
			assert.deepEqual([world.network.openConnections, world.network.liveStreams, clock.pending], [0, 0, 0]);
		},
	};
}

function read(stream: BroadcastStream) {
	const events: BroadcastEvent[] = [];
	const how: { ended?: string } = {};
	void (async () => {
		try {
			for await (const event of stream) events.push(event);
			how.ended = "end";
		} catch (error) {
			how.ended = (error as { code: string }).code;
		}
	})();
	return { events, how, said: () => events.map(brief) };
}

function brief(event: BroadcastEvent): string {
	if (event.type === "message") return new TextDecoder().decode(event.data);
	if (event.type === "rejoined") return event.recovered ? "recovered" : "rejoined";
	return event.type === "members" ? `members ${event.members.map(({ id }) => id).join("+")}` : event.type;
}

/** A sequence of numbers grows within an epoch. */
function assertOrder(events: readonly BroadcastEvent[]): void {
	let last = { epoch: "", seq: 0 };
	for (const event of events) {
		if (event.type !== "message") continue;
		if (event.epoch === last.epoch) assert.ok(event.seq > last.seq, `${event.seq} after ${last.seq}`);
		last = event;
	}
}

test("rejoining: with history a reader gets everything that was sent meanwhile, in order and once, however often it is lost", async () => {
	const { clock, client, join, cut, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const reader = await join(ann.client, "kept.news", { mode: "receive" });
	const sender = await join(ben.client, "kept.news", { mode: "send" });
	const { events, said } = read(reader);
	const expected: string[] = [];
	for (let round = 0; round < 12; round++) {
		for (let i = 0; i < 3; i++) {
			expected.push(`${round}.${i}`);
			await clock.until(sender.send(`${round}.${i}`), 1_000);
			if (i === 0) cut(ann);
			await clock.advance(i * 7);
		}
		await clock.advance(12_000);
	}
	assert.deepEqual(
		said().filter((text) => text !== "recovered"),
		expected,
	);
	assert.equal(said().filter((text) => text === "recovered").length, 12);
	assertOrder(events);
	assert.equal(reader.recovered, undefined);
	await end(ann, ben);
});

test("rejoining: without history it is recovered if nothing was sent meanwhile, and says so if something was", async () => {
	const { clock, client, join, cut, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const reader = await join(ann.client, "news", { mode: "receive" });
	const sender = await join(ben.client, "news");
	const { said } = read(reader);
	await sender.send("a");
	await clock.advance(12_000);
	cut(ann);
	await clock.advance(12_000);
	await sender.send("b");
	await clock.advance(100);
	cut(ann);
	// It is not there yet.
	await sender.send("c");
	await clock.advance(12_000);
	await sender.send("d");
	await clock.advance(100);
	assert.deepEqual(said(), ["a", "recovered", "b", "rejoined", "d"]);
	await end(ann, ben);
});

test("rejoining: a Coordinator that is started anew has another epoch, so it is not recovered, and calls of send waited", async () => {
	const { world, clock, client, join, kill, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const [atAnn, atBen] = [await join(ann.client, "news", { presence: true }), await join(ben.client, "news")];
	const { said } = read(atAnn);
	const other = read(atBen);
	const { epoch } = atAnn;
	await clock.advance(100);
	kill();
	await clock.advance(20_000);
	assert.deepEqual([atAnn.trySend("now"), atAnn.lagging], [false, []]);
	const waiting = [atAnn.send("one"), atAnn.send("two")];
	const abort = new AbortController();
	const aborted = assert.rejects(atAnn.send("never", { signal: abort.signal }), (reason) => reason === "enough");
	abort.abort("enough");
	await aborted;
	await clock.until(world.listen(HISTORY), 1_000);
	await clock.until(Promise.all(waiting), 4_000);
	await clock.advance(4_000);
	assert.notEqual(atAnn.epoch, epoch);
	assert.deepEqual(said().slice(0, 3), ["members ann", "join", "rejoined"]);
	assert.deepEqual(
		said().filter((text) => text === "one" || text === "two"),
		["one", "two"],
	);
	assert.ok(said().lastIndexOf("members ann+ben") > 2 || said().lastIndexOf("join") > 2);
	assert.equal(other.said()[0], "rejoined");
	// Nothing was sent before the loss, so everything has its place.
	await clock.until(atAnn.finish(), 1_000);
	await end(ann, ben);
});

test("rejoining: what was handed over before a loss is not sent again, and finish and close say that it is not known", async () => {
	const { clock, client, join, cut, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const [atAnn, atBen] = [await join(ann.client, "kept.a", { keepOpen: true }), await join(ben.client, "kept.a", { mode: "receive", keepOpen: true })];
	const { said, events } = read(atBen);
	const own = read(atAnn);
	cut(ann);
	await atAnn.send("lost, or not");
	await clock.advance(12_000);
	await atAnn.send("after");
	await clock.advance(100);
	assert.deepEqual(
		said().filter((text) => text === "after"),
		["after"],
	);
	assert.ok(said().filter((text) => text === "lost, or not").length <= 1);
	assertOrder(events);
	assert.deepEqual(own.said().at(-1), "after");
	await assert.rejects(atAnn.finish(), { code: "COORDINATOR_LOST" });
	await assert.rejects(atAnn.send("late"), { code: "STREAM_CLOSED" });
	await clock.advance(100);
	assert.equal((await clock.until(ben.client.countBroadcast("kept.a"), 1_000)).senders, 0, "it has finished nevertheless");
	await assert.rejects(clock.until(atAnn.close(), 1_000), { code: "COORDINATOR_LOST" });
	assert.deepEqual(await atAnn.closed, { by: "local" });
	await end(ann, ben);
});

test("rejoining: one that had finished reads on and is no sender; one that was finishing rejects and reads on", async () => {
	const { clock, client, join, cut, end } = await scene();
	const [ann, ben, eve] = [await client("ann"), await client("ben"), await client("eve")];
	const [atAnn, atBen] = [await join(ann.client, "kept.b", { keepOpen: true }), await join(ben.client, "kept.b", { mode: "receive", keepOpen: true })];
	const { said } = read(atAnn);
	await atAnn.send("last");
	await clock.until(atAnn.finish(), 1_000);
	cut(ann);
	await clock.advance(12_000);
	assert.deepEqual(await clock.until(ben.client.countBroadcast("kept.b"), 1_000), { senders: 0, receivers: 2 });
	const atEve = await join(eve.client, "kept.b", { keepOpen: true });
	const more = read(atEve);
	await atEve.send("more");
	await clock.advance(100);
	assert.deepEqual(said(), ["last", "recovered", "more"]);
	await atAnn.finish();
	cut(eve);
	await atEve.send("and this");
	await assert.rejects(clock.until(atEve.finish(), 1_000), { code: "COORDINATOR_LOST" });
	await clock.advance(12_000);
	assert.equal(more.said().includes("recovered"), true);
	await clock.until(atAnn.close(), 1_000);
	await clock.until(atBen.close(), 1_000);
	await end(ann, ben, eve);
});

test("rejoining: finish while there is no Coordinator sends what waits, and has nothing to wait for without that", async () => {
	const { world, clock, client, join, kill, end } = await scene();
	const ann = await client("ann");
	const [waits, idle, both] = [await join(ann.client, "a", { mode: "send" }), await join(ann.client, "b", { mode: "send" }), await join(ann.client, "c")];
	kill();
	await clock.advance(20_000);
	const sending = waits.send("hello");
	const finishing = waits.finish();
	await idle.finish();
	assert.deepEqual(await idle.closed, { by: "peer" });
	await both.finish();
	await assert.rejects(both.send("late"), { code: "STREAM_CLOSED" });
	await clock.until(world.listen(HISTORY), 1_000);
	await clock.until(Promise.all([sending, finishing]), 4_000);
	assert.deepEqual(await clock.until(waits.closed, 1_000), { by: "peer" });
	assert.deepEqual(await clock.until(ann.client.countBroadcast("c"), 1_000), { senders: 0, receivers: 1 });
	await end(ann);
});

test("rejoining: one that finishes while it joins again is no sender afterwards", async () => {
	const { world, clock, client, join, kill, end } = await scene();
	const ann = await client("ann");
	const member = await join(ann.client, "news", { keepOpen: true });
	kill();
	await clock.advance(20_000);
	await clock.until(world.listen(HISTORY), 1_000);
	const back = (async () => {
		for await (const status of ann.client.status()) if (status.type === "connected") return;
	})();
	await clock.until(back, 4_000);
	assert.equal(member.trySend("not yet"), false);
	await member.finish();
	await clock.advance(1_000);
	assert.deepEqual(await clock.until(ann.client.countBroadcast("news"), 1_000), { senders: 0, receivers: 1 });
	await clock.until(member.close(), 1_000);
	await end(ann);
});

test("rejoining: close while there is no Coordinator, and while it joins again, ends the member and what waits", async () => {
	for (const whileJoining of [false, true]) {
		const { world, clock, client, join, kill, end } = await scene();
		const ann = await client("ann");
		const [member, idle] = [await join(ann.client, "news"), await join(ann.client, "other", { mode: "receive" })];
		const { how } = read(member);
		kill();
		await clock.advance(20_000);
		const refused = assert.rejects(member.send("waits"), { code: "COORDINATOR_LOST" });
		if (whileJoining) {
			await clock.until(world.listen(HISTORY), 1_000);
			const back = (async () => {
				for await (const status of ann.client.status()) if (status.type === "connected") return;
			})();
			await clock.until(back, 4_000);
		}
		await assert.rejects(member.close(), { code: "COORDINATOR_LOST" });
		await idle.close();
		await refused;
		await clock.advance(0);
		assert.deepEqual([await member.closed, await idle.closed, how.ended], [{ by: "local" }, { by: "local" }, "end"]);
		if (!whileJoining) await clock.until(world.listen(HISTORY), 1_000);
		await clock.advance(4_000);
		await assert.rejects(clock.until(ann.client.countBroadcast("news"), 1_000), { code: "BROADCAST_UNKNOWN" });
		await end(ann);
	}
});

test("rejoining: a loss while it joins again is followed by another joining", async () => {
	const { world, clock, client, join, cut, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const [reader, sender] = [await join(ann.client, "kept.c", { mode: "receive" }), await join(ben.client, "kept.c", { mode: "send" })];
	const { said, events } = read(reader);
	await clock.advance(12_000);
	cut(ann);
	await sender.send("a");
	// The link is back, and OPEN is on its way.
	const again = (async () => {
		let before = 0;
		for await (const status of ann.client.status()) if (status.type === "connected" && before++ > 0) return cut(ann);
	})();
	await clock.until(again, 12_000);
	await sender.send("b");
	await clock.advance(20_000);
	await sender.send("c");
	await clock.advance(100);
	assert.deepEqual(
		said().filter((text) => text !== "recovered"),
		["a", "b", "c"],
	);
	assertOrder(events);
	assert.equal(world.coordinator?.clients().length, 2);
	await end(ann, ben);
});

test("rejoining: what is not read is bounded: it is dropped and asked for again, and unread losses are one event", async () => {
	const { clock, client, join, cut, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const [reader, sender] = [await join(ann.client, "kept.d", { mode: "receive" }), await join(ben.client, "kept.d", { mode: "send" })];
	const expected: string[] = [];
	for (let round = 0; round < 6; round++) {
		for (let i = 0; i < 5; i++) {
			expected.push(`${round}.${i}`);
			await clock.until(sender.send(`${round}.${i}`), 1_000);
		}
		await clock.advance(12_000);
		cut(ann);
		await clock.advance(12_000);
	}
	const { said, events } = read(reader);
	await clock.advance(1_000);
	assert.deepEqual(
		said().filter((text) => text !== "recovered"),
		expected,
	);
	assert.deepEqual(said().indexOf("recovered"), 5);
	assert.equal(said().filter((text) => text === "recovered").length, 1);
	assertOrder(events);
	await end(ann, ben);
});

test("rejoining: a refusal ends the member with its code, at once or after some attempts", async () => {
	const allowing = { broadcasts: { "*": { block: true } } };
	const { world, clock, client, join, kill, end } = await scene(allowing);
	const ann = await client("ann");
	const blocks = await join(ann.client, "news", { slowReader: "block" });
	const [first, second] = [await join(ann.client, "one"), await join(ann.client, "two")];
	const [blocking, one, two] = [read(blocks), read(first), read(second)];
	kill();
	await clock.advance(20_000);
	const waiting = assert.rejects(blocks.send("waits"), { code: "BROADCAST_REFUSED" });
	await clock.until(world.listen({ limits: { broadcasts: 1 } }), 1_000);
	await clock.advance(5_000);
	await waiting;
	assert.deepEqual([blocking.how.ended, await blocks.closed], ["BROADCAST_REFUSED", { by: "error", code: "BROADCAST_REFUSED" }]);
	assert.deepEqual([one.how.ended, two.how.ended], [undefined, undefined]);
	await clock.advance(70_000);
	assert.deepEqual([one.how.ended, two.how.ended].filter((code) => code === "LIMIT_EXCEEDED").length, 1);
	await end(ann);
});

test("rejoining: rejoin: false, reconnect: false and the end of the Client end the member", async () => {
	const { clock, client, join, kill, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben", { reconnect: false })];
	const members = [await join(ann.client, "a", { rejoin: false }), await join(ben.client, "a"), await join(ann.client, "a")] as const;
	const reads = members.map(read);
	kill();
	await clock.advance(20_000);
	assert.deepEqual(
		reads.map(({ how }) => how.ended),
		["COORDINATOR_LOST", "COORDINATOR_LOST", undefined],
	);
	assert.equal((await members[0].closed).code, "COORDINATOR_LOST");
	const waiting = assert.rejects(members[2].send("waits"), { code: "CLIENT_CLOSED" });
	await end(ann, ben);
	await waiting;
	assert.equal(reads[2]?.how.ended, "CLIENT_CLOSED");
	assert.equal((await members[2].closed).code, "CLIENT_CLOSED");
});

test("rejoining: a Coordinator that stops and is started again gets its members back", async () => {
	const { world, clock, client, join, end } = await scene();
	const ann = await client("ann");
	const member = await join(ann.client, "news");
	const { said } = read(member);
	const { coordinator } = world;
	assert.ok(coordinator !== undefined);
	await clock.until(coordinator.close(), 4_000);
	world.coordinatorGone();
	await clock.advance(1_000);
	await clock.until(world.listen(HISTORY), 1_000);
	await clock.advance(4_000);
	await clock.until(member.send("here"), 1_000);
	await clock.advance(100);
	assert.deepEqual(said(), ["rejoined", "here"]);
	await end(ann);
});
