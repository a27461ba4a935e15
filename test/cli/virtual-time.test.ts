/** Commands on a network in memory and on virtual time: what would take minutes takes no time at all. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../packages/conec/src/cli/run.ts";
import type { Clock } from "../../packages/conec/src/cli/surroundings/index.ts";
import { connectOn } from "../../packages/conec/src/client/client.ts";
import { listenOn } from "../../packages/conec/src/coordinator/coordinator.ts";
import { type TestSurroundings, testSurroundings } from "../../packages/conec/testing/cli-surroundings.ts";
import { testIdentity } from "../../packages/conec/testing/identities.ts";
import type { VirtualClock } from "../../packages/conec/testing/memory/virtual-clock.ts";
import { World } from "../../packages/conec/testing/world.ts";
import { folder } from "./harness.ts";

/** The virtual clock of a world, for a command. */
function clockOf(clock: VirtualClock): Clock {
	return {
		nowMs: () => clock.now(),
		date: () => new Date(clock.wallMs()),
		after(delayMs, callback) {
			const timer = clock.setTimeout(callback, delayMs);
			return { cancel: () => clock.clearTimeout(timer) };
		},
	};
}

/** Surroundings on a machine of the world, with an identity of the table: nothing is kept on a disk. */
function surroundingsIn(world: World, identity: string): TestSurroundings {
	const runtime = { ...world.machine(identity).runtime, identity: testIdentity(identity) };
	return testSurroundings({
		clock: clockOf(world.clock),
		connect: ({ stateDirectory: _, ...options }) => connectOn(runtime, { ...options, localAddress: "127.0.0.1" }),
		listen: ({ stateDirectory: _, ...options }) => listenOn(runtime, options),
	});
}

test("virtual time: an hour of pings through a Coordinator, each command with surroundings of its own", async (t) => {
	const state = await folder(t);
	const world = new World({ seed: 1, delayMs: 20 });
	const coordinator = surroundingsIn(world, "localhost");
	const serving = run(["coordinator", "--json", "--host", "127.0.0.1", "--port", "1719", "--state", join(state, "coordinator")], coordinator);
	const where = ["--coordinator", "localhost", "--pin", testIdentity("localhost").fingerprint, "--state", state];
	while (!coordinator.stdout.text.includes('"listening"')) await turn(world.clock);
	const ben = surroundingsIn(world, "ben");
	const watching = run(["peers", "--watch", "--json", "--id", "ben", ...where], ben);
	while (!ben.stdout.text.includes('"members"')) await turn(world.clock);
	const ann = surroundingsIn(world, "ann");
	const pinging = run(["ping", "ben", "--json", "--path", "proxied", "--count", "61", "--interval-ms", "60000", "--id", "ann", ...where], ann);
	// In turns, as the command also waits for the disk of the machine, for which virtual time does not wait.
	let over = false;
	void pinging.finally(() => {
		over = true;
	});
	while (!over) await turn(world.clock, 250);
	assert.equal(await pinging, 0);
	const events = ann.stdout.text
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
	const pongs = events.filter(({ event }) => event === "pong");
	assert.equal(pongs.length, 61);
	for (const { roundTripMs } of pongs) assert.equal(roundTripMs, 80, "four ways of 20 ms");
	const tookMs = Date.parse(String(pongs.at(-1)?.["time"])) - Date.parse(String(pongs[0]?.["time"]));
	assert.ok(tookMs >= 3_600_000 && tookMs < 3_700_000, `${tookMs} ms`);
	ben.signals.raise("SIGINT");
	assert.equal(await world.clock.until(watching, 60_000), 130);
	coordinator.signals.raise("SIGTERM");
	assert.equal(await world.clock.until(serving, 60_000), 0);
});

/** What reads a file of the state directory takes real time, which virtual time has to wait for. */
async function turn(clock: VirtualClock, ms = 1): Promise<void> {
	await new Promise((resolve) => setImmediate(resolve));
	await clock.advance(ms);
}
