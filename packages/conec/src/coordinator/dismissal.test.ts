/** A Client that is sent away: it comes back when and where it is told, and not at all if it is told nothing. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lasting, Watched } from "../../testing/lasting.ts";
import { World } from "../../testing/world.ts";
import type { CoordinatorStatus } from "./status.ts";

type Client = Watched["client"];
type ClientStatus = Watched["told"][number];

async function scene(seed = 1) {
	const world = new World({ seed, delayMs: 10 });
	const { clock } = world;
	const coordinator = await clock.until(world.listen(), 1_000);
	const left: Extract<CoordinatorStatus, { readonly type: "disconnected" }>[] = [];
	void (async () => {
		for await (const status of coordinator.status()) if (status.type === "disconnected") left.push(status);
	})();
	return {
		...{ world, clock, coordinator, left },
		/** A Client that has been connected for a while, and what it was told since, with the time since then. */
		async client(name: string, options: Parameters<Lasting["client"]>[1] = {}) {
			const machine = world.machine(name);
			const client = await clock.until(world.connect(machine, name, { id: name, ...options }), 5_000);
			await clock.advance(20_000);
			const sinceMs = clock.now();
			const told: (ClientStatus & { readonly atMs: number })[] = [];
			void (async () => {
				for await (const status of client.status()) told.push({ ...status, atMs: clock.now() - sinceMs });
			})();
			await clock.advance(0);
			told.length = 0;
			const how: { ended?: string | undefined } = {};
			void client.closed.then(({ code }) => {
				how.ended = code ?? "gracefully";
			});
			return { client, machine, told, how, types: () => told.map(({ type }) => type).join(" ") };
		},
		async end(...clients: Client[]): Promise<void> {
			await clock.until(Promise.all(clients.map((client) => client.close())), 4_000);
			await clock.until(coordinator.close(), 4_000);
			await clock.advance(150_000);
			assert.deepEqual([world.network.openConnections, world.network.liveStreams, clock.pending], [0, 0, 0]);
		},
	};
}

test("disconnect: a Client that is told a time comes back then, and no sooner; its application and that of the Coordinator hear why", async () => {
	const { clock, coordinator, client, left, end } = await scene();
	const [ann, bystander] = [await client("ann"), await client("ben")];
	coordinator.disconnect("ann", { reason: "we repair your shelf", retryAfterMs: 40_000, spreadMs: 10_000 });
	await clock.advance(1_000);
	const [draining, gone, waits] = ann.told;
	const said = { retryAfterMs: 40_000, spreadMs: 10_000, alternatives: undefined };
	assert.deepEqual({ ...draining, atMs: 0 }, { type: "draining", reason: "we repair your shelf", comeBack: said, atMs: 0 });
	assert.deepEqual({ ...gone, atMs: 0 }, { type: "disconnected", info: { by: "peer", code: "DISCONNECTED", reason: "we repair your shelf" }, atMs: 0 });
	assert.ok(waits?.type === "reconnecting" && waits.why.code === "DISCONNECTED");
	assert.ok(waits.inMs >= 40_000 && waits.inMs < 50_000, `${waits.inMs}`);
	assert.deepEqual(
		coordinator.clients().map(({ id }) => id),
		["ben"],
	);
	assert.deepEqual(
		left.map(({ id, info }) => [id, info.by, info.code]),
		[["ann", "local", "DISCONNECTED"]],
	);
	await clock.advance(waits.inMs - 1_000);
	assert.equal(ann.types(), "draining disconnected reconnecting");
	await clock.advance(2_000);
	assert.equal(ann.types(), "draining disconnected reconnecting connected");
	assert.deepEqual([ann.how.ended, bystander.told], [undefined, []]);
	// It is a Client like any other again: the next one without a word is final.
	coordinator.disconnect("ann", "enough");
	await clock.advance(100);
	assert.equal(ann.how.ended, "DISCONNECTED");
	assert.equal(coordinator.clientCount, 1);
	await end(bystander.client);
});

test("disconnect: a Client that is told another place is there at once, and forgets it when that ends", async () => {
	const { world, clock, coordinator, client, end } = await scene();
	const ann = await client("ann");
	const other = await clock.until(world.another(world.machine("other"), "localhost", 7_000), 1_000);
	coordinator.disconnect("ann", { retryAfterMs: 86_400_000, alternatives: ["localhost:7000"] });
	await clock.advance(500);
	assert.equal(ann.types(), "draining disconnected reconnecting connected");
	assert.deepEqual([other.clients().map(({ id }) => id), coordinator.clientCount], [["ann"], 0]);
	await clock.until(other.close(), 4_000);
	await clock.advance(5_000);
	assert.equal(coordinator.clientCount, 1);
	await end(ann.client);
});

for (const [what, said] of [
	["an empty list of places", { alternatives: [] }],
	["a time of nothing", { retryAfterMs: 0 }],
	["only a spread", { spreadMs: 3_000 }],
	["only a place where nobody is", { alternatives: ["localhost:1"] }],
] as const) {
	test(`disconnect: ${what} says that the Client may come back, too`, async () => {
		const { clock, coordinator, client, end } = await scene();
		const ann = await client("ann");
		coordinator.disconnect("ann", said);
		await clock.advance(15_000);
		assert.match(ann.types(), /^draining disconnected( reconnecting)+ connected$/);
		await end(ann.client);
	});
}

test("disconnect: streams have a moment to end, nothing waits for longer, and a resumable one goes on when the Client is back", async () => {
	const { clock, coordinator, client, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const arrivals = ben.client.incomingStreams[Symbol.asyncIterator]();
	const open = async (resumable: boolean) => {
		const stream = await clock.until(ann.client.openStream("ben", { path: "proxied", resumable }), 1_000);
		return { stream, far: (await arrivals.next()).value };
	};
	const [brief, endless, resumable] = [await open(false), await open(false), await open(true)];
	const sinceMs = clock.now();
	coordinator.disconnect("ann", { retryAfterMs: 1_000 });
	// A second one changes nothing: it does not end the first one's time.
	coordinator.disconnect("ann", { retryAfterMs: 3_000_000 });
	await clock.advance(500);
	assert.equal(coordinator.clientCount, 2);
	const waiting = ann.client.openStream("ben", { path: "proxied", resumable: false });
	const closed = Promise.all([brief.stream.close(), brief.far?.close()]);
	await clock.until(closed, 500);
	await clock.advance(1_200);
	assert.equal(coordinator.clientCount, 2, "it has a stream");
	await clock.advance(400);
	assert.equal(coordinator.clientCount, 1);
	const gone = ann.told.find(({ type }) => type === "disconnected");
	assert.ok(gone !== undefined && clock.now() - sinceMs < 2_200);
	await assert.rejects(clock.until(endless.stream.receive(), 100), { code: "COORDINATOR_LOST" });
	await clock.until(waiting, 3_000);
	await clock.until(resumable.stream.send("still here"), 1_000);
	assert.equal(Buffer.from((await clock.until(resumable.far?.receive() ?? Promise.reject(), 1_000)) ?? []).toString(), "still here");
	await end(ann.client, ben.client);
});

test("disconnect: with nothing said it is at once, also in the middle of a dismissal with a time, whose word stays said", async () => {
	const { clock, coordinator, client, end } = await scene();
	const [ann, ben] = [await client("ann"), await client("ben")];
	const stream = await clock.until(ann.client.openCoordinatorStream(), 1_000);
	coordinator.disconnect("ann", { retryAfterMs: 5_000 });
	await clock.advance(1_000);
	coordinator.disconnect("ann", { reason: "no, stay away" });
	coordinator.disconnect("ben");
	assert.equal(coordinator.clientCount, 0);
	await clock.advance(100);
	// What was said before stays said: the Coordinator keeps out whom it denies.
	assert.deepEqual([ann.how.ended, ben.how.ended], [undefined, "DISCONNECTED"]);
	await assert.rejects(stream.receive(), { code: "COORDINATOR_LOST" });
	await clock.advance(10_000);
	assert.equal(ann.told.at(-1)?.type, "connected");
	await end(ann.client);
});

test("disconnect: a Client without reconnecting ends, whatever it is told", async () => {
	const { clock, coordinator, client, end } = await scene();
	const ann = await client("ann", { reconnect: false });
	coordinator.disconnect("ann", { retryAfterMs: 100, alternatives: ["localhost:1719"] });
	await clock.advance(1_000);
	assert.deepEqual([ann.types(), ann.how.ended], ["draining disconnected", "DISCONNECTED"]);
	await end();
});

test("disconnect: a Coordinator that closes, drains or is destroyed meanwhile ends it as it ends all others", async () => {
	for (const how of ["close", "drain", "destroy"] as const) {
		const { world, clock, coordinator, client } = await scene();
		const ann = await client("ann");
		const stream = await clock.until(ann.client.openCoordinatorStream(), 1_000);
		coordinator.disconnect("ann", { retryAfterMs: 1_000 });
		await clock.advance(100);
		if (how === "destroy") coordinator.destroy();
		await clock.until(coordinator.close(how === "drain" ? { drain: { spreadMs: 1_000 } } : {}), 6_000);
		await clock.until(world.listen(), 1_000);
		await clock.advance(25_000);
		assert.equal(ann.told.at(-1)?.type, "connected", `${how}: ${ann.types()}`);
		await assert.rejects(stream.receive(), { code: /^COORDINATOR_(LOST|CLOSED)$/ });
		await clock.until(ann.client.close(), 4_000);
		await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
		await clock.advance(150_000);
		assert.deepEqual([world.network.openConnections, clock.pending], [0, 0], how);
	}
});

test("disconnect: wrong options are refused, and nothing has changed then", async () => {
	const { clock, coordinator, client, end } = await scene();
	const ann = await client("ann");
	const wrong: [unknown, string, RegExp][] = [
		[7, "TypeError", /string/],
		[null, "TypeError", /string/],
		[[], "TypeError", /Options must be an object/],
		[{ drain: {} }, "TypeError", /no option "drain"/],
		[{ reason: 7 }, "TypeError", /"reason"/],
		[{ retryAfterMs: -1 }, "RangeError", /0 to 86400000, not -1/],
		[{ retryAfterMs: 86_400_001 }, "RangeError", /retryAfterMs/],
		[{ retryAfterMs: 0.5 }, "RangeError", /whole milliseconds/],
		[{ retryAfterMs: Number.NaN }, "RangeError", /whole milliseconds/],
		[{ retryAfterMs: "1" }, "TypeError", /retryAfterMs/],
		[{ spreadMs: 3_600_001 }, "RangeError", /"spreadMs"/],
		[{ alternatives: "b:1" }, "TypeError", /alternatives/],
		[{ alternatives: ["nobody"] }, "TypeError", /not "nobody"/],
		[{ alternatives: [7] }, "TypeError", /alternatives/],
		[{ alternatives: Array.from({ length: 17 }, () => "a:1") }, "RangeError", /at most 16/],
	];
	for (const [how, name, message] of wrong)
		assert.throws(() => coordinator.disconnect("ann", how as string), { name, code: "OPTION_INVALID", message }, JSON.stringify(how));
	assert.throws(() => coordinator.disconnect("nobody", { retryAfterMs: 1 }), { code: "PEER_UNKNOWN" });
	assert.throws(() => coordinator.disconnect("no body", {}), { code: "ID_INVALID" });
	await clock.advance(10_000);
	assert.deepEqual([ann.told, coordinator.clientCount], [[], 1]);
	// A list may be the application's own: what it does with it later changes nothing.
	const alternatives = ["localhost:1719"];
	coordinator.disconnect("ann", { alternatives });
	alternatives.push("nonsense");
	await clock.advance(1_000);
	assert.equal(ann.told.at(-1)?.type, "connected", ann.types());
	await end(ann.client);
});
