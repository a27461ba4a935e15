/** Commands on a network in memory and on virtual time, with a Coordinator that crashes and comes back. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { run } from "../../packages/conec/src/cli/run.ts";
import type { Clock } from "../../packages/conec/src/cli/surroundings/index.ts";
import { connectOn } from "../../packages/conec/src/client/client.ts";
import { listenOn } from "../../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../../packages/conec/src/coordinator/options.ts";
import { type TestSurroundings, testSurroundings } from "../../packages/conec/testing/cli-surroundings.ts";
import { testIdentity } from "../../packages/conec/testing/identities.ts";
import type { VirtualClock } from "../../packages/conec/testing/memory/virtual-clock.ts";
import { type Machine, World } from "../../packages/conec/testing/world.ts";
import { folder } from "./harness.ts";

/** The virtual clock of a world, for a command. */
export function clockOf(clock: VirtualClock): Clock {
	return {
		nowMs: () => clock.now(),
		date: () => new Date(clock.wallMs()),
		after(delayMs, callback) {
			const timer = clock.setTimeout(callback, delayMs);
			return { cancel: () => clock.clearTimeout(timer) };
		},
	};
}

/** What reads a file of the state directory takes real time, which virtual time has to wait for. */
export async function turn(clock: VirtualClock, ms: number = 1): Promise<void> {
	await new Promise((resolve) => setImmediate(resolve));
	await clock.advance(ms);
}

/**
 * What a command gives, while time passes in turns. A command waits for the disk and the event loop of the machine, too: the clock of a world alone
 * would be at its end before the command has had a turn.
 */
export async function inTurns<Value>(clock: VirtualClock, running: Promise<Value>, stepMs: number = 1): Promise<Value> {
	let over = false;
	const settled = (): void => {
		over = true;
	};
	running.then(settled, settled);
	while (!over) await turn(clock, stepMs);
	return await running;
}

/** A command in a world. */
export class Playing {
	readonly machine: Machine;
	readonly surroundings: TestSurroundings;
	readonly ended: Promise<number>;
	status: number | undefined;
	readonly #site: VirtualSite;

	constructor(site: VirtualSite, machine: Machine, identity: string, args: readonly string[]) {
		this.#site = site;
		this.machine = machine;
		const runtime = { ...machine.runtime, identity: testIdentity(identity) };
		this.surroundings = testSurroundings({
			clock: clockOf(site.world.clock),
			connect: ({ stateDirectory: _, ...options }) => connectOn(runtime, { ...options, localAddress: "127.0.0.1" }),
			listen: ({ stateDirectory: _, ...options }) => listenOn(runtime, options),
		});
		this.ended = run(args, this.surroundings).then((status) => {
			this.status = status;
			return status;
		});
	}

	get out(): string {
		return this.surroundings.stdout.text;
	}

	get remarks(): string {
		return this.surroundings.stderr.text;
	}

	/** Types lines. */
	types(...lines: string[]): void {
		for (const line of lines) this.surroundings.stdin.write(`${line}\n`);
	}

	/** Waits for a remark. */
	says(pattern: RegExp): Promise<void> {
		return this.#site.until(
			() => pattern.test(this.remarks),
			() => `${pattern}\n${this.remarks}`,
			this,
		);
	}

	/** Waits for output. */
	prints(pattern: RegExp): Promise<void> {
		return this.#site.until(
			() => pattern.test(this.out),
			() => `${pattern}\n${this.out}${this.remarks}`,
			this,
		);
	}

	/** Waits for the end. */
	async exits(expected: number): Promise<void> {
		await this.#site.until(
			() => this.status !== undefined,
			() => `the end\n${this.out}${this.remarks}`,
		);
		assert.equal(this.status, expected, `${this.out}${this.remarks}`);
	}

	/** How often it has said that. */
	count(pattern: RegExp): number {
		return this.remarks.split("\n").filter((line) => pattern.test(line)).length;
	}
}

/** See the module. */
export class VirtualSite {
	readonly world: World = new World({ seed: 1, delayMs: 20 });
	readonly #state: string;
	readonly #playing: Playing[] = [];

	static async open(t: TestContext): Promise<VirtualSite> {
		const site = new VirtualSite(await folder(t));
		// Hooks run in this order: the folder goes first, and nothing is written there any more.
		t.after(() => site.#end());
		return site;
	}

	private constructor(state: string) {
		this.#state = state;
	}

	/** The Coordinator begins to listen. */
	async starts(options: Partial<CoordinatorOptions> = {}): Promise<void> {
		await this.world.clock.until(this.world.listen(options), 10_000);
	}

	/** It is killed: nobody hears of it but by silence. */
	crashes(): void {
		const { coordinator, coordinatorMachine } = this.world;
		if (coordinatorMachine !== undefined) this.world.kill(coordinatorMachine);
		coordinator?.destroy();
		this.world.coordinatorGone();
	}

	/** A Client's command, with an identity of the table, which is its id. Each has a state directory of its own: one that was killed still runs here, and keeps its own. */
	client(identity: string, command: string, ...args: string[]): Playing {
		const where = [
			"--coordinator",
			"localhost",
			"--pin",
			testIdentity("localhost").fingerprint,
			"--state",
			join(this.#state, `${identity}-${this.#playing.length}`),
			"--id",
			identity,
		];
		return this.#play(identity, [command, ...args, ...where]);
	}

	/** A Coordinator's command. */
	coordinator(...args: string[]): Playing {
		return this.#play("localhost", ["coordinator", "--host", "127.0.0.1", "--port", "1719", "--state", join(this.#state, "coordinator"), ...args]);
	}

	/** What has crashed says nothing. */
	kills(playing: Playing): void {
		this.world.kill(playing.machine);
	}

	/** Lets time pass until it is so. */
	async until(condition: () => boolean, what: () => string, playing?: Playing): Promise<void> {
		for (let turns = 0; !condition(); turns += 1) {
			assert.ok(turns < MOST_TURNS, `it never came to ${what()}`);
			assert.ok(playing?.status === undefined, `it ended with ${playing?.status} before ${what()}`);
			await turn(this.world.clock, 10);
		}
	}

	/** Lets so much time pass. */
	async passes(ms: number): Promise<void> {
		for (const endMs = this.world.clock.now() + ms; this.world.clock.now() < endMs; ) await turn(this.world.clock, 10);
	}

	#play(identity: string, args: readonly string[]): Playing {
		const playing = new Playing(this, this.world.machine(identity), identity, args);
		this.#playing.push(playing);
		return playing;
	}

	async #end(): Promise<void> {
		for (const { surroundings } of this.#playing) surroundings.signals.raise("SIGINT");
		this.world.coordinator?.destroy();
		await this.until(
			() => this.#playing.every(({ status }) => status !== undefined),
			() => "the end of all",
		);
	}
}

/** A quarter of an hour, and as many looks at the disk. */
const MOST_TURNS = 100_000;
