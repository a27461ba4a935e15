/** What becomes of each message that a member sends while its links are lost: its place once, or a word that it may have none. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../../../testing/world.ts";
import { seededRandom } from "../../base/random.ts";
import type { BroadcastEvent, BroadcastStream } from "../../stream/broadcast-stream.ts";
import type { BroadcastMode } from "../../wire/broadcast.ts";

const SEEDS = 48;
const MESSAGES = 40;
const HISTORY = { broadcasts: { "kept.*": { history: { messages: 1_000, bytes: 1_048_576, ageMs: 600_000 } } } };

/** What was found in one world. */
interface Outcome {
	readonly missing: number;
	readonly finished: "known" | "not known";
}

/** Until it ends, which is with its Client. */
function read(stream: BroadcastStream, take: (event: BroadcastEvent) => void): void {
	const reading = async (): Promise<void> => {
		for await (const event of stream) take(event);
	};
	reading().catch(() => undefined);
}

/** A member sends, its links are lost now and then, and it finishes. Another one, whom nothing happens to, reads. */
async function sendThroughLosses(seed: number, losses: number, mode: BroadcastMode): Promise<Outcome> {
	const random = seededRandom(seed);
	const below = (most: number): number => Math.floor(random.fraction() * most);
	const world = new World({ seed, delayMs: 5 + below(40) });
	const { clock } = world;
	await clock.until(world.listen(HISTORY), 1_000);
	const [annsMachine, bensMachine] = [world.machine("ann"), world.machine("ben")];
	const ann = await clock.until(world.connect(annsMachine, "ann", { id: "ann" }), 10_000);
	const ben = await clock.until(world.connect(bensMachine, "ben", { id: "ben" }), 10_000);
	const sender = await clock.until(ann.joinBroadcast("kept.a", { mode, keepOpen: true }), 2_000);
	const reader = await clock.until(ben.joinBroadcast("kept.a", { mode: "receive", keepOpen: true }), 2_000);
	const came: number[] = [];
	read(reader, (event) => {
		if (event.type === "message") came.push(Number(new TextDecoder().decode(event.data)));
	});
	// Its own messages would fill its window.
	read(sender, () => undefined);
	const states: ("waits" | "sent" | "failed")[] = [];
	const { coordinatorMachine } = world;
	assert.ok(coordinatorMachine !== undefined);
	const lossAt = new Set(Array.from({ length: losses }, () => below(MESSAGES)));
	for (let number = 0; number < MESSAGES; number++) {
		states.push("waits");
		const settles = (state: "sent" | "failed") => (): void => {
			states[number] = state;
		};
		sender.send(`${number}`).then(settles("sent"), settles("failed"));
		if (lossAt.has(number)) {
			const isSeen = random.fraction() < 0.5;
			if (isSeen) world.cut(annsMachine, coordinatorMachine);
			else {
				const meet = world.separate(annsMachine, coordinatorMachine);
				clock.setTimeout(meet, below(30_000));
			}
		}
		await clock.advance(below(100));
		if (below(10) === 0) await clock.advance(below(20_000));
	}
	await clock.advance(below(2) * 60_000);
	const finished = sender.finish().then(
		() => "known" as const,
		(error: { code: string }) => {
			assert.equal(error.code, "COORDINATOR_LOST", `seed ${seed}`);
			return "not known" as const;
		},
	);
	const outcome = await clock.until(finished, 60_000);
	await clock.advance(60_000);

	assert.deepEqual(
		came,
		[...new Set(came)].sort((a, b) => a - b),
		`seed ${seed}: each comes once, in its order`,
	);
	assert.ok(!states.includes("waits"), `seed ${seed}: ${states}`);
	for (const number of came) assert.equal(states[number], "sent", `seed ${seed}: message ${number} has a place, and its sender was told that it is not sent`);
	const missing = states.filter((state, number) => state === "sent" && !came.includes(number)).length;
	if (outcome === "known") assert.equal(missing, 0, `seed ${seed}: ${missing} messages have no place, and finish has resolved`);
	ann.destroy();
	ben.destroy();
	await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
	return { missing, finished: outcome };
}

test("broadcast sending: a message has its place once, or finish says that it may have none", async () => {
	const seen = { nothingMissing: 0, missing: 0, spared: 0 };
	for (let seed = 1; seed <= SEEDS; seed++) {
		const losses = seed % 4;
		const { missing, finished } = await sendThroughLosses(seed, losses, seed % 3 === 0 ? "send" : "both");
		if (losses === 0) assert.deepEqual([missing, finished], [0, "known"], `seed ${seed}`);
		if (losses === 0) seen.spared++;
		else if (missing === 0) seen.nothingMissing++;
		else seen.missing++;
	}
	// The worlds show all of it.
	assert.ok(
		Object.values(seen).every((count) => count > 5),
		JSON.stringify(seen),
	);
});
