/** A Coordinator that does not do what a Coordinator does: whatever it is, the Client says why, asks it again at a pace, and is back when it is right. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type OddVoice, oddCoordinator, WELCOME } from "../../testing/odd-coordinator.ts";
import { World } from "../../testing/world.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { type Client, censusOfClient } from "./client.ts";
import type { ClientOptions } from "./options.ts";
import type { ClientStatus } from "./status.ts";

const HOUR_MS = 3_600_000;

async function scene() {
	const world = new World({ seed: 9, delayMs: 10 });
	const { clock } = world;
	await clock.until(world.listen(), 1_000);
	const kill = async (): Promise<void> => {
		if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
		world.coordinator?.destroy();
		world.coordinatorGone();
	};
	return {
		...{ world, clock, kill },
		async client(id: string, options: Partial<ClientOptions> = {}) {
			const machine = world.machine(id);
			const client = await clock.until(world.connect(machine, id, { id, ...options }), 5_000);
			const codes = new Map<string, number>();
			const told: ClientStatus[] = [];
			void (async () => {
				for await (const status of client.status()) {
					told.push(status);
					if (told.length > 100) told.shift();
					if (status.type === "reconnecting") codes.set(status.why.code, (codes.get(status.why.code) ?? 0) + 1);
				}
			})();
			await clock.advance(11_000);
			return { client, machine, told, codes };
		},
		async end(...clients: Client[]): Promise<void> {
			await clock.until(Promise.all(clients.map((client) => client.close())), 4_000);
			await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
			await clock.advance(150_000);
			assert.deepEqual([world.network.openConnections, world.network.liveStreams, clock.pending], [0, 0, 0]);
		},
	};
}

/** The most that came within any ten seconds. */
function mostAtOnce(voices: readonly OddVoice[]): number {
	return Math.max(0, ...voices.map(({ atMs }) => voices.filter((other) => other.atMs >= atMs && other.atMs < atMs + 10_000).length));
}

const PLACES = Array.from({ length: 16 }, (_, i) => `localhost:${2_000 + i}`);
const refused = (fields: object) => (voice: OddVoice) => voice.say({ type: "refused", message: "no", ...fields });
const welcomed = (message: object | string) => (voice: OddVoice) => {
	voice.say(WELCOME);
	voice.say(message);
};

const hangsUpAfter = (message: object) => (voice: OddVoice) => {
	voice.say(message);
	voice.hangUp(CLOSE_CODES.NORMAL);
};
/** A farewell with so many places. */
const farewell = (places: number): string => JSON.stringify({ type: "close", reason: "", alternatives: Array.from({ length: places }, () => "a:1") });
/** That takes a while to copy, so the first ones will do. */
const often = [...Array(5).fill(farewell(1_000_000)), farewell(100)];

/** What it does, with which code the Client says so, and how often it may be asked within half an hour. */
const BAD: readonly (readonly [what: string, answer: (voice: OddVoice) => void, code: string, least: number, most: number, forMs?: number])[] = [
	["refuses for want of room", refused({ code: "LIMIT_EXCEEDED" }), "LIMIT_EXCEEDED", 180, 450],
	["says that another has the id", refused({ code: "ID_TAKEN" }), "ID_TAKEN", 180, 450],
	["says that it stops", refused({ code: "COORDINATOR_CLOSED" }), "COORDINATOR_CLOSED", 180, 450],
	["refuses, and wants to be asked again at once", refused({ code: "ID_CONTENDED", retryAfterMs: 0 }), "ID_CONTENDED", 180, 450],
	["refuses for a million years", refused({ code: "LIMIT_EXCEEDED", retryAfterMs: Number.MAX_SAFE_INTEGER }), "LIMIT_EXCEEDED", 2, 3, 2 * HOUR_MS],
	["refuses with 16 places where nobody is", refused({ code: "COORDINATOR_CLOSED", alternatives: PLACES }), "COORDINATOR_CLOSED", 60, 450],
	["refuses with a word that nobody knows", (voice) => voice.say('{"type":"refused","code":"BECAUSE"}'), "PROTOCOL_ERROR", 180, 450],
	[
		"refuses with 17 places",
		(voice) => voice.say(JSON.stringify({ type: "refused", code: "ID_TAKEN", alternatives: [...PLACES, "a:1"] })),
		"PROTOCOL_ERROR",
		180,
		450,
	],
	["accepts and says nothing", () => undefined, "COORDINATOR_UNREACHABLE", 90, 220],
	["says what nobody understands", (voice) => voice.say("I am no Coordinator"), "PROTOCOL_ERROR", 180, 450],
	["hangs up", (voice) => voice.hangUp(CLOSE_CODES.NORMAL), "", 180, 450],
	["says welcome, and then nonsense", welcomed("hello again"), "PROTOCOL_ERROR", 180, 450],
	["says welcome, and a million places", (voice) => welcomed(often.length > 1 ? often.shift() : often[0])(voice), "", 180, 450],
	["says welcome, and 17 places", welcomed(farewell(17)), "PROTOCOL_ERROR", 180, 450],
	["says welcome, and hangs up", hangsUpAfter(WELCOME), "COORDINATOR_LOST", 180, 450],
	["says welcome, and sends away for now", welcomed({ type: "close", reason: "", retryAfterMs: 0 }), "COORDINATOR_CLOSED", 120, 450],
];

for (const [what, answer, code, least, most, forMs = HOUR_MS / 2] of BAD) {
	test(`a Coordinator that ${what}, for ever: the Client says why, asks at a pace, holds nothing, and is back when it is right`, async () => {
		const { world, clock, client, kill, end } = await scene();
		const ann = await client("ann");
		const before = { pending: clock.pending, census: censusOfClient(ann.client) };
		await kill();
		const odd = oddCoordinator(world, answer);
		await clock.advance(forMs);
		const { length } = odd.voices;
		assert.ok(length >= least && length <= most, `asked ${length} times`);
		assert.ok(mostAtOnce(odd.voices) <= 25, `${mostAtOnce(odd.voices)} within 10 s`);
		assert.ok(odd.voices.filter(({ over }) => !over).length <= 1, "one attempt at a time");
		if (code !== "") assert.ok((ann.codes.get(code) ?? 0) >= least - 1, `${[...ann.codes]}`);
		assert.ok(
			world.network.openConnections <= 2 && clock.pending <= before.pending + 20,
			`${world.network.openConnections} connections, ${clock.pending} timers`,
		);
		assert.deepEqual(censusOfClient(ann.client), before.census);
		odd.end();
		await clock.until(world.listen(), 1_000);
		// Whoever was told to wait for long may be hurried.
		ann.client.reconnect();
		await clock.advance(30_000);
		assert.equal(ann.told.at(-1)?.type, "connected");
		await end(ann.client);
	});
}

test("a Coordinator that says welcome and nothing more: every call ends with a code in its time, and the Client closes in its", async () => {
	const { world, clock, client, kill } = await scene();
	const ann = await client("ann");
	await kill();
	const odd = oddCoordinator(world, (voice) => voice.say({ ...WELCOME, capabilities: ["direct", "presence", "broadcast", "resume"] }));
	await clock.advance(30_000);
	assert.ok(odd.voices.length > 0);
	const { client: it } = ann;
	const calls = {
		openStream: () => it.openStream("ben"),
		"openStream, resumable": () => it.openStream("ben", { resumable: true }),
		openCoordinatorStream: () => it.openCoordinatorStream(),
		openChannel: () => it.openChannel("ben"),
		joinBroadcast: () => it.joinBroadcast("news"),
		countBroadcast: () => it.countBroadcast("news"),
		peers: () => it.peers(),
		updateMetadata: () => it.updateMetadata({ n: 1 }),
	};
	for (const [name, call] of Object.entries(calls)) {
		const error = (await clock.until(
			call().then(
				() => assert.fail(name),
				(reason: unknown) => reason,
			),
			// It may be told twice that the Coordinator is lost, and waits for another one.
			12_000,
		)) as { code: string };
		assert.match(error.code, /^(COORDINATOR_LOST|PEER_TIMEOUT|PEER_LOST|DIRECT_UNAVAILABLE)$/, name);
	}
	await clock.until(it.close(), 3_500);
	odd.end();
	await clock.advance(150_000);
	assert.deepEqual([world.network.openConnections, clock.pending], [0, 0]);
});
