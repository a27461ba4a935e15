/**
 * Opening streams when there is no place for them, on virtual time: who waits, for how long, and what becomes of it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, censusOfClient } from "../packages/conec/src/client/client.ts";
import { type Coordinator, censusOfCoordinator } from "../packages/conec/src/coordinator/coordinator.ts";
import type { ClientLimits, CoordinatorLimits } from "../packages/conec/src/limits.ts";
import type { OpenStreamOptions } from "../packages/conec/src/session/open-stream-options.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

const NAMES = ["ann", "ben", "cid"] as const;

interface Scene {
	readonly world: World;
	readonly coordinator: Coordinator;
	readonly ann: Client;
	readonly ben: Client;
	readonly cid: Client;
	readonly machines: ReadonlyMap<string, Machine>;
}

/** A Coordinator and three Clients, 10 ms from each other. */
async function scene(limits: { readonly coordinator?: Partial<CoordinatorLimits>; readonly ben?: Partial<ClientLimits> } = {}): Promise<Scene> {
	const world = new World({ seed: 1, delayMs: 10, coordinator: { limits: limits.coordinator ?? {} } });
	const coordinator = await world.clock.until(world.listen(), 1_000);
	const machines = new Map(NAMES.map((name) => [name as string, world.machine(name)]));
	const connecting = NAMES.map((id) => world.connect(machines.get(id) as Machine, id, { id, reconnect: false, limits: (id === "ben" && limits.ben) || {} }));
	const [ann, ben, cid] = (await world.clock.until(Promise.all(connecting), 1_000)) as [Client, Client, Client];
	return { world, coordinator, ann, ben, cid, machines };
}

interface Way {
	readonly name: string;
	readonly open: (scene: Scene, options?: OpenStreamOptions) => Promise<MessageStream>;
	readonly takes: (scene: Scene) => AsyncIterable<MessageStream>;
}

const WAYS: readonly Way[] = [
	{ name: "direct", open: ({ ann }, options) => ann.openStream("ben", { ...options, path: "direct" }), takes: ({ ben }) => ben.incomingStreams },
	{ name: "proxied", open: ({ ann }, options) => ann.openStream("ben", { ...options, path: "proxied" }), takes: ({ ben }) => ben.incomingStreams },
	{ name: "to the Coordinator", open: ({ ann }, options) => ann.openCoordinatorStream(options), takes: ({ coordinator }) => coordinator.incomingStreams },
	{ name: "from the Coordinator", open: ({ coordinator }, options) => coordinator.openStream("ben", options), takes: ({ ben }) => ben.incomingStreams },
];

/** How each of some openings ends: "open", or the code of its error. */
function outcomes(openings: readonly Promise<unknown>[]): Promise<string[]> {
	return Promise.all(
		openings.map((opening) =>
			opening.then(
				() => "open",
				(error: { code?: string; message: string }) => error.code ?? error.message,
			),
		),
	);
}

function tally(words: readonly string[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
	return counts;
}

/** Streams that wait anywhere. */
function waiting({ ann, ben, cid, coordinator }: Scene): number {
	return [ann, ben, cid].reduce((sum, client) => sum + censusOfClient(client).waiting, censusOfCoordinator(coordinator).waiting);
}

async function takeAll(streams: AsyncIterable<MessageStream>, each: (stream: MessageStream) => void): Promise<void> {
	for await (const stream of streams) each(stream);
}

for (const way of WAYS) {
	test(`opening, ${way.name}: a thousand calls at once are answered if the peer takes its streams`, async () => {
		const all = await scene();
		let taken = 0;
		void takeAll(way.takes(all), () => taken++).catch(() => undefined);
		const openings = Array.from({ length: 1_000 }, () => way.open(all));
		assert.deepEqual(tally(await all.world.clock.until(outcomes(openings), 5_000)), { open: 1_000 });
		await all.world.clock.advance(100);
		assert.deepEqual([taken, waiting(all)], [1_000, 0]);
	});

	test(`opening, ${way.name}: a peer that takes no streams gets 64, and further calls end with PEER_TIMEOUT after 10 s`, async () => {
		const all = await scene();
		const first = await all.world.clock.until(way.open(all), 5_000);
		const sinceMs = all.world.clock.now();
		const openings = Array.from({ length: 399 }, () => way.open(all));
		const times: number[] = [];
		for (const opening of openings) void opening.catch(() => times.push(all.world.clock.now() - sinceMs));
		const ended = outcomes(openings);
		await all.world.clock.advance(5_000);
		assert.ok(waiting(all) <= 128, `${waiting(all)} wait at the peer`);
		assert.deepEqual(tally(await all.world.clock.until(ended, 20_000)), { open: 63, PEER_TIMEOUT: 336 });
		assert.ok(
			times.every((ms) => ms > 9_900 && ms <= 10_000),
			`from ${Math.min(...times)} to ${Math.max(...times)} ms`,
		);
		await all.world.clock.advance(100);
		assert.equal(waiting(all), 0, "those that were given up do not wait any more");
		// There is a place as soon as one is taken.
		for await (const stream of way.takes(all)) {
			assert.equal(stream.id, first.id);
			break;
		}
		await all.world.clock.until(way.open(all), 1_000);
	});

	test(`opening, ${way.name}: a call that waits ends at once when its signal aborts, and what was behind it goes on`, async () => {
		const all = await scene({ coordinator: { incomingStreams: 1 }, ben: { incomingStreams: 1 } });
		await all.world.clock.until(way.open(all), 5_000);
		const aborts = Array.from({ length: 300 }, () => new AbortController());
		const openings = aborts.flatMap(({ signal }) => [way.open(all, { signal }), way.open(all)]);
		const ended = outcomes(openings);
		await all.world.clock.advance(1_000);
		const before = waiting(all);
		for (const abort of aborts) abort.abort(new Error("enough"));
		await all.world.clock.advance(100);
		assert.deepEqual([before, waiting(all)], [128, 128], "others have taken the places");
		void takeAll(way.takes(all), () => undefined).catch(() => undefined);
		assert.deepEqual(tally(await all.world.clock.until(ended, 5_000)), { open: 300, enough: 300 });
		assert.equal(waiting(all), 0);
	});
}

test("opening: a peer that takes one stream a second gets those of two openers in turn, and of each in order", async () => {
	const all = await scene({ ben: { incomingStreams: 1 } });
	const { world, ann, cid, ben } = all;
	const limits = { path: "proxied" } as const;
	const first = await world.clock.until(ann.openStream("ben", limits), 1_000);
	const openings = [ann, cid].flatMap((client) => Array.from({ length: 4 }, (_, index) => client.openStream("ben", { ...limits, metadata: index })));
	const ended = outcomes(openings);
	await world.clock.advance(100);
	const taken: string[] = [];
	const incoming = ben.incomingStreams[Symbol.asyncIterator]();
	for (let second = 0; second < 9; second++) {
		const { value } = await world.clock.until(incoming.next(), 1_000);
		taken.push(`${value?.peer} ${value?.metadata ?? ""}`.trim());
		await world.clock.advance(1_000);
	}
	assert.equal(first.peer, "ben");
	assert.deepEqual(taken, ["ann", "ann 0", "cid 0", "ann 1", "cid 1", "ann 2", "cid 2", "ann 3", "cid 3"]);
	assert.deepEqual(tally(await world.clock.until(ended, 1_000)), { open: 8 });
});

test("opening: 10,000 calls to a peer that takes none are bounded everywhere, and nobody else is disturbed", async () => {
	const all = await scene();
	const { world, coordinator, ann, ben, cid } = all;
	const ended = outcomes(Array.from({ length: 10_000 }, () => ann.openStream("ben", { path: "proxied" })));
	await world.clock.advance(1_000);
	assert.deepEqual([censusOfClient(ben).waiting, censusOfCoordinator(coordinator).proxied], [128, 64 + 128]);
	void takeAll(cid.incomingStreams, () => undefined).catch(() => undefined);
	for (const opening of [ann.openStream("cid", { path: "proxied" }), ann.openCoordinatorStream(), coordinator.openStream("ann"), ann.peers()])
		await world.clock.until(opening as Promise<unknown>, 200);
	// Another opener waits for ben's application too, and has its turn.
	const patient = cid.openStream("ben", { path: "proxied" });
	await world.clock.advance(100);
	const incoming = ben.incomingStreams[Symbol.asyncIterator]();
	for (let taken = 0; taken < 2; taken++) await incoming.next();
	assert.equal((await world.clock.until(patient, 100)).peer, "ben");
	assert.deepEqual(tally(await world.clock.until(ended, 20_000)), { open: 65, PEER_TIMEOUT: 9_935 });
	await world.clock.advance(100);
	assert.deepEqual([waiting(all), censusOfCoordinator(coordinator).proxied], [0, 67]);
});

test("opening: more calls than limits.waitingCalls end with QUEUE_FULL", async () => {
	const all = await scene({ ben: { waitingCalls: 10, requestTimeoutMs: 1_000 } });
	const ended = outcomes(Array.from({ length: 300 }, () => all.ben.openStream("ann", { path: "proxied" })));
	assert.deepEqual(tally(await all.world.clock.until(ended, 5_000)), { open: 64, PEER_TIMEOUT: 74, QUEUE_FULL: 162 });
});

test("opening: calls that wait for a place of their pair go as streams end, on the Coordinator's word", async () => {
	const all = await scene({ coordinator: { streamsPerPair: 16 } });
	const { world, ann, ben } = all;
	const far: MessageStream[] = [];
	void takeAll(ben.incomingStreams, (stream) => far.push(stream)).catch(() => undefined);
	const opened: MessageStream[] = [];
	const openings = Array.from({ length: 40 }, () => ann.openStream("ben", { path: "proxied" }).then((stream) => opened.push(stream)));
	await world.clock.advance(200);
	assert.equal(opened.length, 16);
	for (const stream of [...opened]) {
		stream.reset();
		stream.stop();
	}
	await world.clock.advance(200);
	assert.equal(opened.length, 32);
	for (const stream of [...opened, ...far]) void stream.close().catch(() => undefined);
	await world.clock.until(Promise.all(openings), 5_000);
});

for (const [what, act, codes] of [
	["leaves", (all: Scene) => void all.ben.close(), ["CLIENT_CLOSED", "PEER_LOST", "PEER_UNKNOWN"]],
	["is disconnected", (all: Scene) => all.coordinator.disconnect("ben"), ["PEER_LOST", "PEER_UNKNOWN"]],
	["is cut off", (all: Scene) => all.world.cut(all.machines.get("ben") as Machine, all.world.coordinatorMachine as Machine), ["PEER_LOST", "PEER_UNKNOWN"]],
] as const) {
	test(`opening: a peer that ${what} while calls wait for it ends them`, async () => {
		const all = await scene({ coordinator: { streamsPerConnection: 100 }, ben: { incomingStreams: 1 } });
		const openings = [all.ann, all.cid].flatMap((client) => Array.from({ length: 400 }, () => client.openStream("ben", { path: "proxied" })));
		const ended = outcomes(openings);
		await all.world.clock.advance(1_000);
		act(all);
		const words = tally(await all.world.clock.until(ended, 2_000));
		assert.equal(words["open"], 1);
		assert.deepEqual(
			Object.keys(words).filter((word) => word !== "open" && !(codes as readonly string[]).includes(word)),
			[],
			JSON.stringify(words),
		);
		await all.world.clock.advance(100);
		assert.deepEqual([waiting(all), censusOfCoordinator(all.coordinator).proxied], [0, 0]);
	});
}

for (const [what, act] of [
	["closes", (all: Scene) => void all.coordinator.close()],
	["is destroyed", (all: Scene) => all.coordinator.destroy()],
] as const) {
	test(`opening: a Coordinator that ${what} while calls wait ends them`, async () => {
		const all = await scene({ coordinator: { streamsPerConnection: 100, incomingStreams: 1 }, ben: { incomingStreams: 1 } });
		const openings = Array.from({ length: 400 }, () => [all.ann.openStream("ben", { path: "proxied" }), all.ann.openCoordinatorStream()]).flat();
		const ended = outcomes(openings);
		await all.world.clock.advance(1_000);
		act(all);
		const words = tally(await all.world.clock.until(ended, 5_000));
		assert.equal(words["open"], 2);
		assert.deepEqual(
			Object.keys(words).filter((word) => !["open", "COORDINATOR_CLOSED", "COORDINATOR_LOST", "PEER_LOST"].includes(word)),
			[],
			JSON.stringify(words),
		);
	});
}

test("opening: a Client that closes while its own calls wait ends them with CLIENT_CLOSED", async () => {
	const all = await scene({ ben: { incomingStreams: 1 } });
	const ended = outcomes(Array.from({ length: 400 }, () => all.ann.openStream("ben", { path: "proxied" })));
	await all.world.clock.advance(1_000);
	void all.ann.close();
	assert.deepEqual(tally(await all.world.clock.until(ended, 4_000)), { open: 1, CLIENT_CLOSED: 399 });
	await all.world.clock.advance(1_000);
	assert.deepEqual([waiting(all), censusOfCoordinator(all.coordinator).proxied], [0, 0]);
});
