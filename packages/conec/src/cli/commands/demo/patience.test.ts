import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { ManualClock, testSurroundings } from "../../../../testing/cli-surroundings.ts";
import { run } from "../../run.ts";
import { MOST_SECONDS, Patience, SLOW_SECONDS } from "./patience.ts";

function setup() {
	const clock = new ManualClock();
	const told: string[] = [];
	const say = (what: string) => (): void => void told.push(`${what} after ${clock.nowMs() / 1_000} s`);
	return { clock, told, patience: new Patience(clock, { slow: say("slow"), giveUp: say("over") }) };
}

test("patience: a pause is told once, and ends it much later", () => {
	const { clock, told } = setup();
	clock.pass(1_000_000);
	assert.deepEqual(told, [`slow after ${SLOW_SECONDS} s`, `over after ${MOST_SECONDS} s`]);
	assert.equal(clock.waiting, 0);
});

test("patience: what happens renews it", () => {
	const { clock, told, patience } = setup();
	for (let i = 0; i < 100; i++) {
		clock.pass(17_000);
		patience.renew();
	}
	assert.deepEqual(told, []);
	clock.pass(18_000);
	patience.renew();
	clock.pass(18_000);
	assert.deepEqual(told, ["slow after 1718 s", "slow after 1736 s"]);
	patience.end();
	clock.pass(1_000_000);
	assert.deepEqual([told.length, clock.waiting], [2, 0]);
});

test("patience: time in which this process has not run does not count, whatever the machine did meanwhile", () => {
	const { clock, told } = setup();
	for (let i = 0; i < MOST_SECONDS - 1; i++) clock.standsStill(60_000);
	assert.equal(told.length, 1);
	assert.match(told[0] as string, /^slow after 1080 s$/);
	clock.standsStill(60_000);
	assert.equal(told.length, 2);
});

/** A process that lives and says nothing. */
function mute(): never {
	const listeners = new Map<string, (code: number) => void>();
	const child = {
		...{ pid: 1, exitCode: null, signalCode: null },
		stdin: new Writable(),
		stdout: {
			async *[Symbol.asyncIterator]() {
				await new Promise<void>((resolve) => listeners.set("said", () => resolve()));
				yield* [];
			},
		},
		stderr: { setEncoding: () => ({ on: () => undefined }) },
		once: (event: string, listener: (code: number) => void) => listeners.set(event, listener),
		kill: () => listeners.get("exit")?.(0),
	};
	return child as never;
}

test("demo: a machine on which nothing happens is told of, and given up only minutes later", async () => {
	const clock = new ManualClock();
	let started: () => void = () => undefined;
	const running = new Promise<void>((resolve) => {
		started = resolve;
	});
	const surroundings = testSurroundings({
		clock,
		start: () => {
			started();
			return mute();
		},
	});
	const ended = run(["demo"], surroundings);
	await running;
	clock.pass(SLOW_SECONDS * 1_000);
	const slow = new RegExp(`^nothing has happened for ${SLOW_SECONDS} s: this machine may be busy; waiting for up to ${MOST_SECONDS} s, Ctrl-C ends$`, "m");
	assert.match(surroundings.stderr.text, slow);
	clock.pass((MOST_SECONDS - SLOW_SECONDS - 1) * 1_000);
	assert.doesNotMatch(surroundings.stderr.text, /Cannot/);
	clock.pass(1_000);
	assert.equal(await ended, 1);
	assert.match(surroundings.stderr.text, /^conec: Cannot finish the demonstration: nothing has happened for 300 s$/m);
});
