/**
 * Runs `conec` as real processes over loopback, each with its own keys, in a folder that is removed afterwards.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../packages/conec/src/cli/main.ts", import.meta.url));

/** A JSON line. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

/** A running command. */
export class Running {
	readonly child: ChildProcess;
	readonly events: Event[] = [];
	stdout: Buffer = Buffer.alloc(0);
	stderr = "";
	readonly #args: readonly string[];
	readonly #exited: Promise<number | string>;
	#rest = "";
	#wake: (() => void)[] = [];
	#ended = false;

	constructor(
		args: readonly string[],
		options: { readonly uid?: number; readonly env?: Readonly<Record<string, string>>; readonly keepOutput?: boolean } = {},
	) {
		this.#args = args;
		const identity = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
		const env = { PATH: process.env["PATH"], HOME: tmpdir(), ...options.env };
		this.child = spawn(process.execPath, [...nodeArguments(), MAIN, ...args], { stdio: ["pipe", "pipe", "pipe"], env, ...identity });
		this.child.stdin?.on("error", () => undefined);
		this.child.stdout?.on("data", (chunk: Buffer) => {
			if (args.includes("--json")) this.#take(chunk.toString());
			else if (options.keepOutput !== false) this.stdout = Buffer.concat([this.stdout, chunk]);
		});
		this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
			this.stderr += text;
			this.#changed();
		});
		this.#exited = once(this.child, "close").then(([code, signal]) => {
			this.#ended = true;
			this.#changed();
			return (code ?? signal) as number | string;
		});
	}

	/** The first event for which the test holds; rejects when the process ends without it. */
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

	/** Waits for the end: exit status, or name of the signal that killed it. */
	exit(): Promise<number | string> {
		return this.#exited;
	}

	/** Waits for the end and checks the exit status. */
	async exits(expected: number | string): Promise<void> {
		const status = await this.#exited;
		assert.equal(status, expected, `${this.#args.join(" ")}\n${this.stderr}${JSON.stringify(this.events.slice(-5))}`);
	}

	/** Ends it without ceremony, if it still runs. */
	async kill(): Promise<void> {
		if (!this.#ended) this.child.kill("SIGKILL");
		await this.#exited;
	}

	#take(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			if (line === "") continue;
			const { time, ...event } = JSON.parse(line) as Event & { readonly time?: string };
			// Every event of every command has it; the tests look at the rest.
			assert.match(time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, line);
			this.events.push(event as Event);
		}
		this.#changed();
	}

	#change(): Promise<void> {
		return new Promise((resolve) => {
			this.#wake.push(resolve);
		});
	}

	#changed(): void {
		const wake = this.#wake;
		this.#wake = [];
		for (const resolve of wake) resolve();
	}
}

/** A folder and a Coordinator. */
export interface Site {
	readonly folder: string;
	readonly coordinator: Running;
	readonly address: string;
	readonly pin: string;
	/** Starts `conec COMMAND ...` as a Client of that id. */
	client(id: string, command: string, ...args: string[]): Running;
	/** Starts any other command. */
	run(args: readonly string[], options?: ConstructorParameters<typeof Running>[1]): Running;
	/** The options by which a Client finds and trusts the Coordinator. */
	options(id: string): string[];
}

/** A folder alone, removed when the test is over. */
export async function folder(t: TestContext): Promise<string> {
	const made = await mkdtemp(join(tmpdir(), "conec-cli-"));
	await chmod(made, 0o755);
	t.after(() => rm(made, { recursive: true, force: true, maxRetries: 3 }));
	return made;
}

/** Starts a Coordinator, with further options; everything started through the site is gone when the test is over. */
export async function site(t: TestContext, ...coordinatorOptions: string[]): Promise<Site> {
	const started: Running[] = [];
	// Before the folder goes: hooks run in this order.
	t.after(() => Promise.all(started.map((running) => running.kill())));
	const made = await folder(t);
	const run = (args: readonly string[], options?: ConstructorParameters<typeof Running>[1]): Running => {
		const running = new Running(args, options);
		started.push(running);
		return running;
	};
	const coordinator = run(["coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", join(made, "coordinator"), ...coordinatorOptions]);
	const { port, pin } = (await coordinator.event("listening")) as unknown as { port: number; pin: string };
	const address = `127.0.0.1:${port}`;
	const options = (id: string): string[] => ["--id", id, "--coordinator", address, "--pin", pin, "--state", join(made, `state-${id}`)];
	await mkdir(join(made, "from"));
	return { folder: made, coordinator, address, pin, options, run, client: (id, command, ...args) => run([command, ...args, ...options(id)]) };
}

/** Runs a command to its end. */
export async function outcome(
	args: readonly string[],
	env: Readonly<Record<string, string>> = {},
): Promise<{ status: number | string; stdout: string; stderr: string }> {
	const running = new Running(args, { env });
	running.child.stdin?.end();
	const status = await running.exit();
	return { status, stdout: running.stdout.toString(), stderr: running.stderr };
}

/** What makes Node understand the sources, as this process does. */
function nodeArguments(): string[] {
	return ["--conditions=source", "--import", import.meta.resolve("tsx")];
}
