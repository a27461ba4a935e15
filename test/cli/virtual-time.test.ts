/** Commands on a network in memory and on virtual time: what would take minutes takes no time at all. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../packages/conec/src/cli/run.ts";
import { connectOn } from "../../packages/conec/src/client/client.ts";
import { listenOn } from "../../packages/conec/src/coordinator/coordinator.ts";
import { ConecError } from "../../packages/conec/src/errors.ts";
import { type TestSurroundings, testSurroundings } from "../../packages/conec/testing/cli-surroundings.ts";
import { testIdentity } from "../../packages/conec/testing/identities.ts";
import { World } from "../../packages/conec/testing/world.ts";
import { folder } from "./harness.ts";
import { clockOf, inTurns, turn } from "./virtual-site.ts";

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
	assert.equal(await inTurns(world.clock, pinging, 250), 0);
	const events = ann.stdout.text
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
	const pongs = events.filter(({ event }) => event === "pong");
	assert.equal(pongs.length, 61);
	for (const { roundTripMs } of pongs) assert.equal(roundTripMs, 80, "four ways of 20 ms");
	const tookMs = Date.parse(String(pongs.at(-1)?.["time"])) - Date.parse(String(pongs[0]?.["time"]));
	assert.ok(tookMs >= 3_600_000 && tookMs < 3_700_000, `${tookMs} ms`);
	const endMs = world.clock.now();
	ben.signals.raise("SIGINT");
	assert.equal(await inTurns(world.clock, watching), 130);
	coordinator.signals.raise("SIGTERM");
	assert.equal(await inTurns(world.clock, serving), 0);
	assert.ok(world.clock.now() - endMs < 60_000, `${world.clock.now() - endMs} ms`);
});

/** Refuses an id so often, and then connects. */
function refusing(
	world: World,
	identity: string,
	refusals: readonly (number | undefined)[],
): { readonly surroundings: TestSurroundings; readonly atMs: number[] } {
	const runtime = { ...world.machine(identity).runtime, identity: testIdentity(identity) };
	const atMs: number[] = [];
	const surroundings = testSurroundings({
		clock: clockOf(world.clock),
		connect: ({ stateDirectory: _, ...options }) => {
			const retryAfterMs = refusals[atMs.length];
			const refused = atMs.length < refusals.length;
			atMs.push(world.clock.now());
			if (refused) return Promise.reject(new ConecError("ID_TAKEN", `another Client holds the id "${options.id}"`, { retryAfterMs }));
			return connectOn(runtime, { ...options, localAddress: "127.0.0.1" });
		},
	});
	return { surroundings, atMs };
}

test("virtual time: a command waits for an id that is being freed, says so, and has it then; it waits no longer than --timeout or 10 s", async (t) => {
	const state = await folder(t);
	const world = new World({ seed: 1, delayMs: 20 });
	await world.clock.until(world.listen(), 1_000);
	const pin = testIdentity("localhost").fingerprint;
	let stepMs = 50;
	const peers = async (refusals: readonly (number | undefined)[], ...more: string[]) => {
		const { surroundings, atMs } = refusing(world, "ann", refusals);
		const running = run(["peers", "--coordinator", "localhost", "--pin", pin, "--state", state, ...more], surroundings);
		return {
			status: await inTurns(world.clock, running, stepMs),
			gaps: atMs.slice(1).map((at, i) => at - (atMs[i] as number)),
			told: surroundings.stderr.text,
		};
	};
	const freed = await peers([3_500], "--id", "ann");
	assert.equal(freed.status, 0, freed.told);
	assert.deepEqual(freed.gaps, [3_501]);
	assert.match(freed.told, /the id "ann" is being freed; waiting 4 s/);
	assert.deepEqual((await peers([3_500, 200], "--id", "ann")).gaps, [3_501, 201]);
	for (const [refusals, more] of [
		[[undefined], []],
		[[10_001], []],
		[[3_500], ["--timeout", "3"]],
		[[86_400_000], []],
		[[6_000, 6_000], []],
	] as const) {
		const { status, told, gaps } = await peers(refusals, "--id", "ann", ...more);
		assert.deepEqual([status, gaps.length], [3, refusals.length - 1], told);
		assert.match(told, /another Client holds the id "ann"/);
	}
	// A default id is changed instead. The key for it takes real time to make.
	stepMs = 1;
	const changed = await peers([3_500]);
	assert.deepEqual([changed.status, changed.gaps.length === 1 && (changed.gaps[0] as number) < 3_500], [0, true], changed.told);
});

test("virtual time: a command that waits for its id can be interrupted", async (t) => {
	const state = await folder(t);
	const world = new World({ seed: 1, delayMs: 20 });
	const { surroundings, atMs } = refusing(world, "ann", [5_000]);
	const pin = testIdentity("localhost").fingerprint;
	const running = run(["peers", "--coordinator", "localhost", "--pin", pin, "--state", state, "--id", "ann"], surroundings);
	while (!surroundings.stderr.text.includes("is being freed")) await turn(world.clock, 10);
	surroundings.signals.raise("SIGINT");
	const interruptedMs = world.clock.now();
	let over = false;
	void running.finally(() => {
		over = true;
	});
	while (!over && world.clock.now() < interruptedMs + 4_000) await turn(world.clock);
	assert.equal(over && (await running), 130, "before the 5 s are over");
	assert.equal(atMs.length, 1);
});
