/** A Client whose Coordinator comes and goes: what comes back by itself, what waits, and what ends it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { lasting as scene } from "../../testing/lasting.ts";
import { createSleeper } from "../../testing/sleeper.ts";
import { World } from "../../testing/world.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import { censusOfClient } from "./client.ts";
import type { ClientOptions } from "./options.ts";

const text = (message: Uint8Array | null): string | undefined => (message === null ? undefined : new TextDecoder().decode(message));

async function firstOf<T>(all: AsyncIterable<T>): Promise<T | undefined> {
	for await (const one of all) return one;
	return undefined;
}

test("coming back: after a restart of the Coordinator the Client is there again, with its id, its latest metadata and its handlers", async () => {
	const { world, clock, client, kill, end } = await scene();
	const ann = await client("ann", { metadata: { n: 1 }, handlers: { "echo/1": async (stream) => stream.send((await stream.receive()) ?? "") } });
	await clock.until(ann.client.updateMetadata({ n: 2 }), 1_000);
	kill();
	await clock.advance(20_000);
	assert.match(ann.types(), /^connected disconnected( reconnecting)+$/);
	await clock.until(world.listen(), 1_000);
	await clock.advance(4_000);
	assert.match(ann.types(), /^connected disconnected( reconnecting)+ connected$/);
	const last = ann.told.at(-1);
	assert.ok(last?.type === "connected" && last.again && last.sameCoordinator);
	assert.deepEqual(
		world.coordinator?.clients().map(({ id, metadata }) => [id, metadata]),
		[["ann", { n: 2 }]],
	);
	const ben = await client("ben");
	const stream = await clock.until(ben.client.openStream("ann", { protocol: "echo/1", path: "proxied" }), 1_000);
	await clock.until(stream.send("hello"), 1_000);
	assert.equal(text(await clock.until(stream.receive(), 1_000)), "hello");
	const first = await clock.until(firstOf(ann.client.status()), 100);
	assert.ok(first?.type === "connected" && first.again);
	assert.equal(ann.how.ended, undefined);
	await end(ann.client, ben.client);
	assert.equal(ann.how.ended, "gracefully");
});

test("coming back: a link that breaks while the Coordinator lives is replaced within 100 ms and two round trips", async () => {
	const { world, clock, client, end } = await scene();
	const ann = await client("ann");
	await clock.advance(11_000);
	const { coordinatorMachine } = world;
	assert.ok(coordinatorMachine !== undefined);
	world.cut(ann.machine, coordinatorMachine);
	await clock.advance(200);
	assert.equal(ann.types(), "connected disconnected reconnecting connected");
	await end(ann.client);
});

test("coming back: a watch of the peers goes on with a fresh list, and a list that was being asked for comes", async () => {
	const { world, clock, client, kill, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const seen: PresenceEvent[] = [];
	const watch = ann.client.watchPeers()[Symbol.asyncIterator]();
	void (async () => {
		for (let next = await watch.next(); next.done !== true; next = await watch.next()) seen.push(next.value);
	})();
	await clock.advance(1_000);
	kill();
	await clock.advance(20_000);
	const listed = ann.client.peers();
	const counted = assert.rejects(ann.client.countBroadcast("news"), { code: "BROADCAST_UNKNOWN" });
	await clock.until(world.listen(), 1_000);
	await clock.advance(4_000);
	assert.deepEqual((await listed).length > 0, true);
	await counted;
	const lists = seen.flatMap((event) => (event.type === "members" ? [event.members.map(({ id }) => id).sort()] : []));
	assert.equal(lists.length, 2);
	assert.deepEqual(lists[0], ["ann", "ben"]);
	const now = new Set(lists[1]);
	for (const event of seen.slice(seen.findLastIndex(({ type }) => type === "members") + 1)) if (event.type === "join") now.add(event.peer.id);
	assert.deepEqual([...now].sort(), ["ann", "ben"]);
	await clock.until(Promise.resolve(watch.return?.()), 1_000);
	kill();
	const left = ann.client.watchPeers()[Symbol.asyncIterator]();
	await clock.advance(20_000);
	const reading = left.next();
	await left.return?.();
	assert.equal((await reading).done, true, "a reader may leave while there is no Coordinator");
	await end(ann.client, ben.client);
});

test("coming back: calls wait for the Coordinator within their own time, in their order, and offline: fail opts out", async () => {
	const { world, clock, client, kill, end } = await scene();
	const [ann, ben, eve] = [await client("ann"), await client("ben"), await client("eve", { offline: "fail" })];
	kill();
	await clock.advance(20_000);
	for (const failing of [
		eve.client.openStream("ann"),
		eve.client.peers(),
		eve.client.updateMetadata(1),
		eve.client.joinBroadcast("news"),
		eve.client.openChannel("ann"),
	])
		await assert.rejects(failing, { code: "COORDINATOR_LOST" });
	const sinceMs = clock.now();
	await assert.rejects(clock.until(ann.client.openStream("ben"), 11_000), {
		code: "COORDINATOR_LOST",
		message: /Cannot open stream to "ben": the Coordinator is lost, and was not back in time/,
	});
	assert.equal(clock.now() - sinceMs, 10_000);
	const abort = new AbortController();
	const aborted = ann.client.openStream("ben", { signal: abort.signal });
	abort.abort("enough");
	await assert.rejects(aborted, (reason) => reason === "enough");
	const order: string[] = [];
	const calls = [
		ann.client.openStream("ben", { path: "proxied" }).then(() => order.push("first")),
		ann.client.updateMetadata({ here: true }).then(() => order.push("metadata")),
		ann.client.joinBroadcast("news").then(() => order.push("joined")),
		ann.client.openCoordinatorStream().then(() => order.push("coordinator")),
	];
	assert.equal(censusOfClient(ann.client).requests, 4);
	await clock.advance(3_000);
	await clock.until(world.listen(), 1_000);
	await clock.until(Promise.all(calls), 5_000);
	assert.equal(order.length, 4);
	assert.deepEqual(world.coordinator?.clients().find(({ id }) => id === "ann")?.metadata, { here: true });
	await end(ann.client, ben.client, eve.client);
});

test("coming back: no more calls wait than limits.waitingCalls, and those that wait end with the Client", async () => {
	const { clock, client, kill, end } = await scene();
	const ann = await client("ann", { limits: { waitingCalls: 2 } });
	kill();
	await clock.advance(20_000);
	const waiting = [ann.client.openStream("ben"), ann.client.openStream("ben")].map((call) => assert.rejects(call, { code: "CLIENT_CLOSED" }));
	await assert.rejects(ann.client.openStream("ben"), { code: "QUEUE_FULL" });
	await end(ann.client);
	await Promise.all(waiting);
});

test("coming back: a direct channel goes on meanwhile, and the Coordinator hears of it afterwards: it can deny it", async () => {
	const { world, clock, client, kill, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const channel = await clock.until(ann.client.openChannel("ben"), 5_000);
	const stream = await clock.until(ann.client.openStream("ben", { path: "direct" }), 1_000);
	const accepted = await clock.until(firstOf(ben.client.incomingStreams), 1_000);
	kill();
	await clock.advance(20_000);
	await clock.until(stream.send("still here"), 1_000);
	assert.equal(text((await clock.until(accepted?.receive() ?? Promise.resolve(null), 1_000)) ?? null), "still here");
	const another = await clock.until(ann.client.openStream("ben"), 1_000);
	assert.equal(another.path, "direct", "what goes without the Coordinator does not wait for it");
	await clock.until(world.listen(), 1_000);
	await clock.advance(4_000);
	assert.deepEqual([ann.client.channels().length, ben.client.channels().length], [1, 1]);
	world.coordinator?.reload({ deny: [ben.client.fingerprint] });
	await clock.advance(1_000);
	assert.deepEqual([ann.client.channels(), ben.how.ended], [[], "CERTIFICATE_REFUSED"]);
	assert.equal((await channel.closed).code, "DISCONNECTED");
	await end(ann.client);
});

test("coming back: a stream through the Coordinator that survives goes on over the new link, and the others fail", async () => {
	const { world, clock, client, kill, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const survives = { path: "proxied", resumable: { forMs: 60_000 } } as const;
	const stream = await clock.until(ann.client.openStream("ben", survives), 1_000);
	const plain = await clock.until(ann.client.openStream("ben", { path: "proxied" }), 1_000);
	const incoming = ben.client.incomingStreams[Symbol.asyncIterator]();
	const accepted = (await clock.until(incoming.next(), 1_000)).value;
	await clock.until(stream.send("before"), 1_000);
	kill();
	await clock.advance(20_000);
	assert.equal((await plain.closed).code, "COORDINATOR_LOST");
	// Accepted when there is a connection again.
	const meanwhile = stream.send("meanwhile");
	await clock.until(world.listen(), 1_000);
	await clock.advance(4_000);
	await clock.until(Promise.all([meanwhile, stream.send("after")]), 1_000);
	const got = [];
	for (let count = 0; count < 3; count++) got.push(text((await clock.until(accepted?.receive() ?? Promise.resolve(null), 1_000)) ?? null));
	assert.deepEqual(got, ["before", "meanwhile", "after"]);
	const closing = stream.close();
	void accepted?.close();
	await end(ann.client, ben.client);
	await closing;
});

test("coming back: one that is superseded, disconnected or denied ends with the reason, also with a direct channel", async () => {
	const { world, clock, client, end } = await scene();
	const [ann, ben, eve, bystander] = [await client("ann"), await client("ben"), await client("eve"), await client("gus")];
	await clock.until(ann.client.openChannel("gus"), 5_000);
	const again = await client("ann");
	world.coordinator?.disconnect("ben", "enough");
	world.coordinator?.reload({ deny: [eve.client.fingerprint] });
	await clock.advance(1_000);
	assert.deepEqual([ann.how.ended, ben.how.ended, eve.how.ended, bystander.how.ended], ["SUPERSEDED", "DISCONNECTED", "CERTIFICATE_REFUSED", undefined]);
	assert.equal(ann.types().includes("reconnecting"), false);
	await assert.rejects(ann.client.openStream("gus"), { code: "SUPERSEDED" });
	await end(again.client, bystander.client);
});

test("coming back: another key at the place of the Coordinator ends the Client with PIN_MISMATCH", async () => {
	const { world, clock, client, kill } = await scene();
	const ann = await client("ann");
	kill();
	await clock.advance(20_000);
	const other = await clock.until(world.another(world.machine("other"), "ben"), 1_000);
	await clock.advance(4_000);
	assert.equal(ann.how.ended, "PIN_MISMATCH");
	await assert.rejects(ann.client.peers(), { code: "PIN_MISMATCH" });
	await clock.until(other.close(), 4_000);
	await clock.advance(10_000);
	assert.equal(clock.pending, 0);
});

test("coming back: one whose id another key has taken goes on trying, says why, and has it when it is free", async () => {
	const { world, clock, client, kill, end } = await scene();
	const ann = await client("ann");
	kill();
	await clock.advance(20_000);
	ann.told.length = 0;
	// A Coordinator without leases that were kept, to which somebody else comes first.
	const { coordinator } = world;
	assert.equal(coordinator, undefined);
	const listening = world.listen();
	const stranger = await clock.until(
		listening.then(() => world.connect(world.machine("stranger"), "ben", { id: "ann", reconnect: false })),
		4_000,
	);
	await clock.advance(30_000);
	assert.equal(ann.how.ended, undefined);
	assert.ok(
		ann.told.some((status) => status.type === "reconnecting" && status.why.code === "ID_TAKEN"),
		ann.types(),
	);
	stranger.destroy();
	await end(ann.client);
});

test("coming back: one that was silent while another key asked for its id comes back as well, and has it when it is free", async () => {
	const { world, clock, client, end } = await scene({ leases: 0, idleTimeoutMs: 300_000 });
	const sleeper = createSleeper(world, "ann");
	const ann = await client("ann", {}, sleeper.machine);
	sleeper.sleep("process stopped");
	const stranger = await clock.until(
		world.connect(world.machine("stranger"), "ben", { id: "ann", reconnect: { giveUpAfterMs: 20_000 }, waitForFirst: true }),
		20_000,
	);
	sleeper.wake("192.0.2.7");
	await clock.advance(10_000);
	assert.equal(ann.how.ended, undefined);
	const why = ann.told.flatMap((status) => (status.type === "reconnecting" ? [status.why.code] : []));
	assert.ok(why.includes("ID_TAKEN"), why.join());
	await clock.until(stranger.close(), 4_000);
	await clock.advance(10_000);
	assert.equal(ann.told.at(-1)?.type, "connected");
	await end(ann.client);
});

test("coming back: it gives up after giveUpAfterMs, and closing while it waits or tries leaves nothing", async () => {
	const { clock, client, kill, end } = await scene();
	const [ann, ben, eve] = [
		await client("ann", { reconnect: { giveUpAfterMs: 30_000 } }),
		await client("ben"),
		await client("eve", { reconnect: { maxDelayMs: 100 } }),
	];
	kill();
	await clock.advance(20_000);
	assert.equal(ann.how.ended, undefined);
	await clock.advance(30_000);
	assert.equal(ann.how.ended, "COORDINATOR_UNREACHABLE");
	assert.ok(eve.told.filter(({ type }) => type === "reconnecting").length >= 3);
	eve.client.destroy();
	await end(ben.client);
});

test("coming back: reconnect() tries at once, and does nothing while it is connected", async () => {
	const { world, clock, client, kill, end } = await scene();
	const ann = await client("ann");
	ann.client.reconnect();
	kill();
	await clock.advance(300_000);
	assert.equal(ann.how.ended, undefined, "it goes on for ever");
	await clock.until(world.listen(), 1_000);
	ann.client.reconnect();
	await clock.advance(1_100);
	assert.equal(ann.told.at(-1)?.type, "connected");
	await end(ann.client);
});

test("coming back: with reconnect: false a lost Coordinator is the end", async () => {
	const { clock, client, kill, end } = await scene();
	const ann = await client("ann", { reconnect: false });
	kill();
	await clock.advance(20_000);
	assert.deepEqual([ann.types(), ann.how.ended], ["connected disconnected", "COORDINATOR_LOST"]);
	ann.client.reconnect();
	await end(ann.client);
});

test("waiting for the first: a Client may start before its Coordinator, is refused for good, and can be aborted", async () => {
	const { world, clock, kill, end } = await scene();
	kill();
	const connect = (name: string, options: Partial<ClientOptions> = {}) =>
		world.connect(world.machine(name), name, { id: name, waitForFirst: true, ...options });
	const ann = connect("ann");
	const abort = new AbortController();
	const aborted = assert.rejects(connect("eve", { signal: abort.signal }), (reason) => reason === "enough");
	const gaveUp = assert.rejects(connect("gus", { reconnect: { giveUpAfterMs: 5_000 } }), { code: "COORDINATOR_UNREACHABLE" });
	await clock.advance(60_000);
	abort.abort("enough");
	await clock.advance(0);
	await Promise.all([aborted, gaveUp]);
	await clock.until(world.listen(), 1_000);
	const client = await clock.until(ann, 13_000);
	await assert.rejects(clock.until(connect("ben", { pin: `sha256:${"ab".repeat(32)}` }), 10_000), { code: "PIN_MISMATCH" });
	await assert.rejects(connect("ben", { reconnect: false }), { code: "OPTION_INVALID" });
	await end(client);
});

test("coming back: of two processes with one key one has the id, the other ends for good and never disturbs it again", async () => {
	const { world, clock, client, kill, end } = await scene();
	const first = await client("ann");
	const second = await client("ann");
	await clock.advance(600_000);
	assert.deepEqual([first.how.ended, second.types()], ["SUPERSEDED", "connected"]);
	assert.equal(first.types().includes("reconnecting"), false);
	// The one that is there is lost with the Coordinator, and another process is at the door when that is back.
	kill();
	await clock.advance(20_000);
	await clock.until(world.listen(), 1_000);
	const third = await client("ann");
	await clock.advance(600_000);
	const left = [second, third].filter(({ how }) => how.ended === undefined);
	assert.equal(left.length, 1, `${second.how.ended} ${third.how.ended}`);
	assert.equal([second, third].find(({ how }) => how.ended !== undefined)?.how.ended, "SUPERSEDED");
	assert.equal(world.coordinator?.clientCount, 1);
	await end(...left.map((one) => one.client));
});

test("options: reconnect, offline and waitForFirst are checked", async () => {
	const world = new World({ seed: 1 });
	for (const bad of [
		{ reconnect: 1 },
		{ reconnect: { maxDelayMs: 99 } },
		{ reconnect: { giveUpAfterMs: 0.5 } },
		{ reconnect: { often: true } },
		{ offline: "maybe" },
		{ waitForFirst: 1 },
	])
		await assert.rejects(world.connect(world.machine("ann"), "ann", { id: "ann", ...(bad as object) }), { code: "OPTION_INVALID" }, JSON.stringify(bad));
});
