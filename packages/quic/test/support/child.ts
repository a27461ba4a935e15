/**
 * Runs a bundled program in a process of its own.
 *
 * @module
 */

import { spawn } from "node:child_process";

export interface Ended {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface ChildOptions {
	readonly args?: readonly string[];
	readonly flags?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	/** A child that runs longer is killed, which shows as SIGKILL. @default 60_000 */
	readonly timeoutMs?: number;
	/** Killed that long after it has printed this. */
	readonly killed?: { readonly after: RegExp; readonly ms: number };
}

/** Resolves with how it ended; never rejects. */
export function runChild(file: string, options: ChildOptions = {}): Promise<Ended> {
	const child = spawn(process.execPath, [...(options.flags ?? []), file, ...(options.args ?? [])], {
		env: { ...process.env, ...options.env },
		stdio: ["ignore", "pipe", "pipe"],
		timeout: options.timeoutMs ?? 60_000,
		killSignal: "SIGKILL",
	});
	let stdout = "";
	let stderr = "";
	let killer: NodeJS.Timeout | undefined;
	child.stdout.on("data", (text) => {
		stdout += text;
		if (options.killed?.after.test(stdout)) killer ??= setTimeout(() => child.kill("SIGKILL"), options.killed.ms);
	});
	child.stderr.on("data", (text) => {
		stderr += text;
	});
	return new Promise((resolve) => {
		child.on("close", (code, signal) => {
			clearTimeout(killer);
			resolve({ code, signal, stdout, stderr });
		});
	});
}
