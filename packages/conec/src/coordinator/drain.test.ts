import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../../testing/world.ts";
import type { ComeBack } from "../wire/come-back.ts";
import { type CloseOptions, checkCloseOptions } from "./drain.ts";

type Client = Awaited<ReturnType<World["connect"]>>;

const ALTERNATIVES = ["b.example:1719", "[2001:db8::7]:1719"];

interface Seen {
	readonly id: string;
	readonly toldMs: number;
	readonly comeBack: ComeBack | undefined;
	/** Absent: it is still connected. */
	readonly goneMs?: number;
	readonly code?: string | undefined;
}

/** A Coordinator with as many Clients, and what each of them has been told. */
async function crowd(count: number, seed = 1): Promise<{ world: World; clients: Client[]; seen: Map<string, Seen> }> {
	const world = new World({ seed });
	await world.clock.until(world.listen(), 1_000);
	const seen = new Map<string, Seen>();
	const clients: Client[] = [];
	for (let i = 0; i < count; i++) {
		const id = `c${i}`;
		const client = await world.clock.until(world.connect(world.machine(id), ["ann", "ben", "cid", "dee"][i % 4] as string, { id }), 5_000);
		clients.push(client);
		void watch(id, client.status(), world, seen);
	}
	return { world, clients, seen };
}

async function watch(id: string, status: ReturnType<Client["status"]>, world: World, seen: Map<string, Seen>): Promise<void> {
	for await (const event of status) {
		const nowMs = world.clock.now();
		if (event.type === "draining") seen.set(id, { id, toldMs: nowMs, comeBack: event.comeBack });
		if (event.type === "disconnected") {
			const told = seen.get(id) ?? { id, toldMs: Number.NaN, comeBack: undefined };
			seen.set(id, { ...told, goneMs: nowMs, code: event.info.code });
		}
	}
}

test("drain: Clients end one after the other over the time, each is told when and where to come back, and then the Coordinator closes", async () => {
	const { world, seen } = await crowd(11);
	const sinceMs = world.clock.now();
	const drain = { spreadMs: 10_000, retryAfterMs: 2_000, alternatives: ALTERNATIVES };
	const closed = world.coordinator?.close({ drain });
	await world.clock.until(closed as Promise<void>, 20_000);
	await world.clock.advance(1_000);
	const all = [...seen.values()];
	assert.equal(all.length, 11);
	for (const [index, { id, toldMs, goneMs = Number.NaN, code, comeBack }] of all.entries()) {
		const dueMs = (index * 10_000) / 11;
		assert.ok(toldMs - sinceMs >= dueMs - 1 && toldMs - sinceMs <= dueMs + 100, `${id}: ${toldMs - sinceMs} ms, due after ${dueMs}`);
		assert.ok(goneMs - toldMs < 500, `${id} has no streams, and went ${goneMs - toldMs} ms later`);
		assert.equal(code, "COORDINATOR_CLOSED");
		const { retryAfterMs = Number.NaN, ...rest } = comeBack ?? {};
		assert.deepEqual(rest, { spreadMs: 10_000, alternatives: ALTERNATIVES });
		assert.ok(Math.abs(toldMs + retryAfterMs - (sinceMs + 12_000)) < 100, "two seconds after the last one");
	}
});

test("drain: a Client with streams ends after those without, and has a moment to end them; meanwhile all else goes on", async () => {
	const { world, clients, seen } = await crowd(4);
	const { coordinator } = world;
	assert.ok(coordinator);
	const [first] = clients as [Client];
	coordinator.handle("slow/1", async (stream) => {
		await stream.receive();
	});
	const stream = await world.clock.until(first.openCoordinatorStream({ protocol: "slow/1" }), 1_000);
	const sinceMs = world.clock.now();
	const closed = coordinator.close({ drain: { spreadMs: 8_000 } });
	await world.clock.advance(3_000);
	assert.equal(seen.size, 2);
	assert.equal(seen.has("c0"), false, "it came first, and has a stream");
	// Those who are there may do what they could before, and so may the application.
	await world.clock.until(first.openCoordinatorStream({ protocol: "slow/1" }), 1_000);
	assert.equal(coordinator.clientCount, 2);
	coordinator.reload({});
	await world.clock.until(closed, 20_000);
	await world.clock.advance(1_000);
	const { toldMs, goneMs = Number.NaN, comeBack } = seen.get("c0") as Seen;
	assert.ok(toldMs - sinceMs >= 6_000, `${toldMs - sinceMs} ms`);
	assert.ok(goneMs - toldMs >= 1_900 && goneMs - toldMs < 2_500, `${goneMs - toldMs} ms between its notice and its end`);
	assert.deepEqual(Object.keys(comeBack ?? {}), ["retryAfterMs", "spreadMs", "alternatives"]);
	await assert.rejects(stream.receive(), { code: "COORDINATOR_LOST" });
});

test("drain: members of a broadcast come back to the next Coordinator, also who reads when the last sender was sent away first", async () => {
	const { world, clients } = await crowd(3);
	const members = [];
	for (const [i, mode] of (["send", "receive", "both"] as const).entries())
		members.push(await world.clock.until((clients[i] as Client).joinBroadcast("news", { mode }), 2_000));
	const events = members.slice(1).map((member) => member[Symbol.asyncIterator]());
	await world.clock.until(world.coordinator?.close({ drain: { spreadMs: 9_000 } }) as Promise<void>, 30_000);
	await world.clock.until(world.listen(), 1_000);
	for (const reading of events) assert.deepEqual((await world.clock.until(reading.next(), 60_000)).value, { type: "rejoined", recovered: false });
	await world.clock.until((members[0] as (typeof members)[0]).send("again"), 10_000);
	for (const reading of events) assert.equal((await world.clock.until(reading.next(), 5_000)).value?.type, "message");
});

test("drain: nobody is let in meanwhile, and who is refused is told when and where to try, each another time", async () => {
	const { world } = await crowd(2);
	const closed = world.coordinator?.close({ drain: { spreadMs: 10_000, retryAfterMs: 1_000, alternatives: ALTERNATIVES } });
	await world.clock.advance(4_000);
	const times = new Set<number>();
	for (const id of ["x", "y", "z"]) {
		const connecting = world.connect(world.machine(id), "eve", { id });
		const refused = (await world.clock.until(
			connecting.then(
				() => assert.fail("it was let in"),
				(error: unknown) => error,
			),
			1_000,
		)) as { code: string; retryAfterMs: number; alternatives: readonly string[] };
		assert.equal(refused.code, "COORDINATOR_CLOSED");
		assert.deepEqual(refused.alternatives, ALTERNATIVES);
		assert.ok(refused.retryAfterMs > 6_500 && refused.retryAfterMs <= 17_000, `${refused.retryAfterMs}`);
		times.add(refused.retryAfterMs);
	}
	assert.equal(times.size, 3);
	await world.clock.until(closed as Promise<void>, 20_000);
});

test("drain: a further close ends it at once, and so does destroy; both calls of close wait for the same end", async () => {
	const { world, seen } = await crowd(3);
	const { coordinator } = world;
	assert.ok(coordinator);
	const sinceMs = world.clock.now();
	const drained = coordinator.close({ drain: { spreadMs: 3_600_000, retryAfterMs: 86_400_000 } });
	assert.equal(coordinator.close({ drain: { spreadMs: 0 } }), drained, "it drains already");
	await world.clock.advance(1_000);
	assert.equal(seen.size, 1);
	const closed = coordinator.close();
	assert.equal(closed, drained);
	await world.clock.until(closed, 3_000);
	assert.ok(world.clock.now() - sinceMs < 4_500);
	assert.deepEqual(
		[...seen.values()].map(({ comeBack }) => (comeBack?.retryAfterMs ?? 0) > 86_400_000),
		[true, true, true],
	);

	const other = await crowd(2, 2);
	const ending = other.world.coordinator?.close({ drain: { spreadMs: 60_000 } });
	other.world.coordinator?.destroy();
	await other.world.clock.until(ending as Promise<void>, 100);
	assert.deepEqual(await other.world.coordinator?.closed, { by: "local" });
	await other.world.clock.advance(120_000);
});

test("drain: with no time at all every Client is told at once; without Clients it closes at once", async () => {
	const { world, seen } = await crowd(5);
	const sinceMs = world.clock.now();
	await world.clock.until(world.coordinator?.close({ drain: { spreadMs: 0, alternatives: ["b:1"] } }) as Promise<void>, 3_000);
	assert.deepEqual(
		[...seen.values()].map(({ comeBack, toldMs }) => [comeBack, toldMs - sinceMs < 100]),
		Array.from({ length: 5 }, () => [{ retryAfterMs: 0, spreadMs: undefined, alternatives: ["b:1"] }, true]),
	);
	const empty = await crowd(0);
	await empty.world.clock.until(empty.world.coordinator?.close({ drain: { spreadMs: 3_600_000 } }) as Promise<void>, 3_000);
});

test("drain: Clients that are silent, or go by themselves, hold nothing up", async () => {
	const { world, clients } = await crowd(4);
	const sinceMs = world.clock.now();
	const machine = world.coordinatorMachine;
	assert.ok(machine);
	const closed = world.coordinator?.close({ drain: { spreadMs: 4_000 } }) as Promise<void>;
	clients[1]?.destroy();
	clients[2]?.destroy();
	world.network.onPacket = () => false;
	await world.clock.until(closed, 12_000);
	assert.ok(world.clock.now() - sinceMs <= 9_500, `${world.clock.now() - sinceMs} ms`);
});

test("drain: without it Clients are told nothing of coming back", async () => {
	const { world, seen } = await crowd(2);
	await world.clock.until(world.coordinator?.close() as Promise<void>, 3_000);
	assert.deepEqual(
		[...seen.values()].map(({ comeBack }) => comeBack),
		[undefined, undefined],
	);
});

test("drain: wrong options are refused, and nothing has changed then", async () => {
	const { world } = await crowd(1);
	const wrong: [unknown, string, RegExp?][] = [
		[{ drains: {} }, "TypeError"],
		[{ drain: 7 }, "TypeError"],
		[{ drain: {} }, "TypeError", /drain.spreadMs/],
		[{ drain: { spreadMs: -1 } }, "RangeError"],
		[{ drain: { spreadMs: 1.5 } }, "RangeError"],
		[{ drain: { spreadMs: 3_600_001 } }, "RangeError"],
		[{ drain: { spreadMs: Number.NaN } }, "RangeError"],
		[{ drain: { spreadMs: "1" } }, "TypeError"],
		[{ drain: { spreadMs: 0, retryAfterMs: 86_400_001 } }, "RangeError"],
		[{ drain: { spreadMs: 0, alternatives: ["nobody"] } }, "TypeError", /not "nobody"/],
		[{ drain: { spreadMs: 0, alternatives: [7] } }, "TypeError"],
		[{ drain: { spreadMs: 0, alternatives: Array.from({ length: 17 }, () => "a:1") } }, "RangeError"],
		[{ drain: { spreadMs: 0, other: 1 } }, "TypeError"],
	];
	for (const [options, name, message] of wrong) {
		const about = JSON.stringify(options);
		assert.throws(
			() => world.coordinator?.close(options as CloseOptions),
			{ name, code: "OPTION_INVALID", ...(message === undefined ? {} : { message }) },
			about,
		);
	}
	assert.equal(world.coordinator?.clientCount, 1);
	await world.clock.until(world.connect(world.machine("late"), "ben", { id: "late" }), 1_000);
	assert.equal(checkCloseOptions({}), undefined);
});
