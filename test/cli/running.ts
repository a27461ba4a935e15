/** A command that runs: in this process, with surroundings of the test's, or in one of its own, as users have it. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { run } from "../../packages/conec/src/cli/run.ts";
import type { SignalName } from "../../packages/conec/src/cli/surroundings/index.ts";
import { CapturedStream, type TestSurroundings, testSurroundings, WrittenInput } from "../../packages/conec/testing/cli-surroundings.ts";
// @ts-expect-error a script without types
import { distIsCurrent } from "../../scripts/build-dist.mjs";

/** A JSON line. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

/** A running command and what it has said. */
export abstract class Running {
	readonly events: Event[] = [];
	stdout: Buffer = Buffer.alloc(0);
	stderr = "";
	abstract readonly stdin: Writable;
	readonly #args: readonly string[];
	#exited: Promise<number | string> | undefined;
	#rest = "";
	#wake: (() => void)[] = [];
	#ended = false;

	protected constructor(args: readonly string[]) {
		this.#args = args;
	}

	/** Sends it a signal. */
	abstract signal(name: SignalName): void;

	/** Nobody reads its standard output any more. */
	abstract closeOutput(): void;

	/** Ends it without ceremony, if it still runs. */
	abstract kill(): Promise<void>;

	/** The first event for which the test holds; rejects when the command ends without it. */
	async event(name: string, test: (event: Event) => boolean = () => true): Promise<Event> {
		for (;;) {
			const found = this.events.find((event) => event.event === name && test(event));
			if (found !== undefined) return found;
			assert.ok(!this.#ended, `${this.#args.join(" ")}: ended without event "${name}"\n${this.stderr}${JSON.stringify(this.events.slice(-5))}`);
			await this.#change();
		}
	}

	/** Waits until standard error matches. */
	async says(pattern: RegExp): Promise<void> {
		while (!pattern.test(this.stderr)) {
			assert.ok(!this.#ended, `${this.#args.join(" ")}: ended without saying ${pattern}\n${this.stderr}`);
			await this.#change();
		}
	}

	/** Waits until standard output matches. Not with `--json`. */
	async prints(pattern: RegExp): Promise<void> {
		while (!pattern.test(this.stdout.toString())) {
			assert.ok(!this.#ended, `${this.#args.join(" ")}: ended without printing ${pattern}\n${this.stdout}`);
			await this.#change();
		}
	}

	/** Waits until there are so many bytes on standard output. */
	async outputs(bytes: number): Promise<void> {
		while (this.stdout.length < bytes) {
			assert.ok(!this.#ended, `${this.#args.join(" ")}: ended after ${this.stdout.length} of ${bytes} bytes\n${this.stderr}`);
			await this.#change();
		}
	}

	#change(): Promise<void> {
		return new Promise((resolve) => {
			this.#wake.push(resolve);
		});
	}

	/** Waits for the end: exit status, or name of the signal that killed it. */
	exit(): Promise<number | string> {
		return this.#exited ?? assert.fail("it has not been started");
	}

	/** Waits for the end and checks the exit status. */
	async exits(expected: number | string): Promise<void> {
		const status = await this.exit();
		assert.equal(status, expected, `${this.#args.join(" ")}\n${this.stderr}${JSON.stringify(this.events.slice(-5))}`);
	}

	/** Whether it has ended. */
	get hasEnded(): boolean {
		return this.#ended;
	}

	protected endsWith(exited: Promise<number | string>): void {
		this.#exited = exited.finally(() => {
			this.#ended = true;
			this.#changed();
		});
	}

	protected tookOutput(piece: Buffer): void {
		if (this.#args.includes("--json")) this.#takeEvents(piece.toString());
		else this.stdout = Buffer.concat([this.stdout, piece]);
		this.#changed();
	}

	protected tookErrors(text: string): void {
		this.stderr += text;
		this.#changed();
	}

	#takeEvents(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			if (line === "") continue;
			// Every event of every command has the time, and every event of a log its level; the tests look at the rest.
			const { time, level, ...event } = JSON.parse(line) as Event & { readonly time?: string; readonly level?: string };
			assert.match(time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, line);
			assert.ok(level === undefined || ["error", "warn", "info", "debug"].includes(level), line);
			// No number has more digits than anybody can use; metadata is what a peer says.
			assert.doesNotMatch(line.replace(/"metadata":.*/, ""), /[:[,]-?\d+\.\d{4}/, line);
			this.events.push(event as Event);
		}
	}

	#changed(): void {
		const wake = this.#wake;
		this.#wake = [];
		for (const resolve of wake) resolve();
	}
}

/** Whether standard input and standard error are a terminal. */
export interface TerminalOptions {
	readonly isTerminal?: boolean;
	readonly isForeground?: () => boolean;
}

/** A command that runs in this process, on the real network. */
export class RunningHere extends Running {
	readonly stdin: Writable;
	/** What it was given. */
	readonly surroundings: TestSurroundings;

	constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, { isTerminal = false, isForeground = () => true }: TerminalOptions = {}) {
		super(args);
		const { machine } = testSurroundings();
		let endAtOnce: ((status: number) => void) | undefined;
		const surroundings = testSurroundings({
			stdout: new CapturedStream({ take: (piece) => this.tookOutput(piece) }),
			stderr: new CapturedStream({ take: (piece) => this.tookErrors(piece.toString()), isTTY: isTerminal }),
			stdin: Object.assign(new WrittenInput(), { isTTY: isTerminal }),
			terminal: { editor: () => undefined, isForeground },
			env,
			machine: { ...machine, homeDirectory: () => (env["HOME"] ?? tmpdir()) || undefined },
			exit: (status) => endAtOnce?.(status),
		});
		this.surroundings = surroundings;
		this.stdin = surroundings.stdin;
		this.stdin.on("error", () => undefined);
		const atOnce = new Promise<number>((resolve) => {
			endAtOnce = resolve;
		});
		this.endsWith(Promise.race([run(args, surroundings), atOnce]));
	}

	override signal(name: SignalName): void {
		this.surroundings.signals.raise(name);
	}

	override closeOutput(): void {
		this.surroundings.stdout.destroy();
	}

	override async kill(): Promise<void> {
		if (!this.hasEnded) this.signal("SIGINT");
		await this.exit();
	}
}

/** How a process is started. */
export interface ProcessOptions {
	readonly uid?: number | undefined;
	readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A command that runs as a process of its own, from `dist`. */
export class RunningProcess extends Running {
	readonly child: ChildProcess;
	readonly stdin: Writable;

	constructor(args: readonly string[], { uid, env }: ProcessOptions = {}) {
		super(args);
		const identity = uid === undefined ? {} : { uid, gid: uid };
		const child = spawn(process.execPath, [main(), ...args], {
			stdio: ["pipe", "pipe", "pipe"],
			env: { PATH: process.env["PATH"], HOME: tmpdir(), ...env },
			...identity,
		});
		this.child = child;
		this.stdin = child.stdin;
		child.stdin.on("error", () => undefined);
		child.stdout.on("data", (piece: Buffer) => this.tookOutput(piece));
		child.stderr.setEncoding("utf8").on("data", (text: string) => this.tookErrors(text));
		this.endsWith(once(child, "close").then(([code, signal]) => (code ?? signal) as number | string));
	}

	override signal(name: NodeJS.Signals): void {
		this.child.kill(name);
	}

	override closeOutput(): void {
		this.child.stdout?.destroy();
	}

	override async kill(): Promise<void> {
		if (!this.hasEnded) this.child.kill("SIGKILL");
		await this.exit();
	}
}

let current: boolean | undefined;

/** Path of the command as it is installed. */
export function main(): string {
	// That reads every source: once for all processes that a file of tests starts.
	current ??= distIsCurrent() as boolean;
	assert.ok(current, "dist is not what the sources make: run `npm run build:dist`, or the tests with `npm test`");
	return fileURLToPath(new URL("../../packages/conec/dist/cli/main.js", import.meta.url));
}
