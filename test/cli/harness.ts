/** Runs `conec` over loopback, in this process or in others, each command with its own keys, in a folder that is removed afterwards. */

import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ProcessOptions, type Running, RunningHere, RunningProcess } from "./running.ts";

export type { Event, Running } from "./running.ts";

/** A folder and a Coordinator. */
export interface Site {
	readonly folder: string;
	readonly coordinator: Running;
	readonly address: string;
	readonly pin: string;
	/** Runs `conec COMMAND ...` as a Client of that id in this process. */
	client(id: string, command: string, ...args: string[]): RunningHere;
	/** Runs any other command in this process. */
	run(args: readonly string[], env?: Readonly<Record<string, string>>): RunningHere;
	/** What was started otherwise is gone, too, when the test is over. */
	keep<Started extends Running>(running: Started): Started;
	/** Starts `conec COMMAND ...` as a Client of that id in a process of its own. */
	process(id: string, command: string, ...args: string[]): RunningProcess;
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

/** Starts a Coordinator in this process, with further options; everything started through the site is gone when the test is over. */
export async function site(t: TestContext, ...coordinatorOptions: string[]): Promise<Site> {
	return await siteWith(t, (args) => new RunningHere(args), coordinatorOptions);
}

/** As {@link site}, with the Coordinator in a process of its own. */
export async function siteOfProcesses(t: TestContext, ...coordinatorOptions: string[]): Promise<Site & { readonly coordinator: RunningProcess }> {
	return await siteWith(t, (args) => new RunningProcess(args), coordinatorOptions);
}

async function siteWith<Coordinator extends Running>(
	t: TestContext,
	start: (args: readonly string[]) => Coordinator,
	coordinatorOptions: readonly string[],
): Promise<Site & { readonly coordinator: Coordinator }> {
	const running: Running[] = [];
	const kept = <Started extends Running>(started: Started): Started => {
		running.push(started);
		return started;
	};
	// Before the folder goes: hooks run in this order. The Coordinator goes last, so that the others need not miss it.
	t.after(async () => {
		const [coordinator, ...others] = running;
		await Promise.all(others.map((other) => other.kill()));
		await coordinator?.kill();
	});
	const made = await folder(t);
	const run = (args: readonly string[], env?: Readonly<Record<string, string>>): RunningHere => kept(new RunningHere(args, env));
	const coordinator = kept(start(["coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", join(made, "coordinator"), ...coordinatorOptions]));
	const { port, pin } = await coordinator.event("listening");
	const address = `127.0.0.1:${port}`;
	const options = (id: string): string[] => ["--id", id, "--coordinator", address, "--pin", String(pin), "--state", join(made, `state-${id}`)];
	await mkdir(join(made, "from"));
	return {
		folder: made,
		coordinator,
		address,
		pin: String(pin),
		options,
		run,
		keep: kept,
		client: (id, command, ...args) => run([command, ...args, ...options(id)]),
		process: (id, command, ...args) => kept(new RunningProcess([command, ...args, ...options(id)])),
	};
}

/** Starts a command in a process of its own; it is gone when the test is over. */
export function started(t: TestContext, args: readonly string[], options?: ProcessOptions): RunningProcess {
	const running = new RunningProcess(args, options);
	t.after(() => running.kill());
	return running;
}

/** Runs a command to its end in this process. */
export async function outcome(
	args: readonly string[],
	env: Readonly<Record<string, string>> = {},
): Promise<{ status: number | string; stdout: string; stderr: string }> {
	const running = new RunningHere(args, env);
	running.stdin.end();
	const status = await running.exit();
	return { status, stdout: running.stdout.toString(), stderr: running.stderr };
}
