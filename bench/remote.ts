/**
 * The parent's half of a benchmark process. See `roles/serve.ts`.
 *
 * @module
 */

import { type ChildProcess, fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Reply } from "./roles/serve.ts";

/** A process of its own that plays one part of a measurement. */
export interface Remote {
	readonly pid: number;
	/** Rejects with the child's error text, when it dies, or after `timeoutMs` (default 60 s). */
	call<T>(method: string, argument?: unknown, timeoutMs?: number): Promise<T>;
	/** Idempotent. Resolves when the process is gone. */
	stop(): Promise<void>;
}

/** Starts `roles/<role>.js` out of the compiled benchmark with plain Node. Its output goes to our standard error. */
export function startRole(directory: string, role: string): Remote {
	return startProgram(join(directory, "roles", `${role}.js`), role);
}

/** How a program is started. */
export interface Start {
	/** Another Node than ours. */
	readonly node?: string;
	readonly env?: Readonly<Record<string, string>>;
	/** A command that becomes what stands behind it, such as `ip netns exec NAME`. */
	readonly within?: readonly string[];
}

/** Starts a file that calls `serve`. `name` is what errors call it. */
export function startProgram(file: string, name: string, { node = process.execPath, env = {}, within = [] }: Start = {}): Remote {
	const [program = node, ...words] = [...within, node, "--expose-gc"];
	const child = fork(file, [], {
		execArgv: words,
		execPath: program,
		env: { ...process.env, ...env },
		// Another Node may have another form of the advanced one.
		serialization: node === process.execPath ? "advanced" : "json",
		stdio: ["ignore", 2, 2, "ipc"],
	});
	return new RemoteProcess(child, name);
}

/** Resident set of a process in bytes; NaN where there is no /proc or the process is gone. */
export function residentBytes(pid: number): number {
	try {
		const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
		return Number(line?.[1] ?? Number.NaN) * 1024;
	} catch {
		return Number.NaN;
	}
}

/** CPU seconds of a process, user and system, by ticks of 10 ms; 0 once it is gone, NaN where there is no /proc. */
export function cpuSeconds(pid: number): number {
	if (process.platform !== "linux") return Number.NaN;
	try {
		return secondsOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch {
		return 0;
	}
}

/** CPU seconds of a process by what its threads do: its JavaScript, its network (`@conec/quic`), and the rest, mostly V8's collector. NaN where there is no /proc or the process is gone. */
export function threadSeconds(pid: number): Readonly<Record<"javascript" | "network" | "rest", number>> {
	const seconds = { javascript: 0, network: 0, rest: 0 };
	try {
		for (const thread of readdirSync(`/proc/${pid}/task`)) {
			const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
			const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
			seconds[Number(thread) === pid ? "javascript" : name === "conec-quic" ? "network" : "rest"] += secondsOf(stat);
		}
		return seconds;
	} catch {
		return { javascript: Number.NaN, network: Number.NaN, rest: Number.NaN };
	}
}

/** Fields 14 and 15 of proc(5); the name, the second, may hold spaces and brackets. */
function secondsOf(stat: string): number {
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** USER_HZ, which Linux fixes for /proc on every platform that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** Open file descriptors of a process; NaN where there is no /proc or the process is gone. */
export function openDescriptors(pid: number): number {
	try {
		return readdirSync(`/proc/${pid}/fd`).length;
	} catch {
		return Number.NaN;
	}
}

/** Looks at resident sets from now on, after a collection. The result stops it, and gives the largest growth of any. */
export async function watchGrowth(processes: readonly Remote[]): Promise<() => number> {
	await Promise.all(processes.map((remote) => remote.call("collect")));
	const before = processes.map((remote) => residentBytes(remote.pid));
	const peak = [...before];
	const watch = setInterval(() => {
		for (const [index, remote] of processes.entries()) {
			peak[index] = Math.max(peak[index] ?? 0, residentBytes(remote.pid));
		}
	}, 20);
	// A measurement that fails in between asks no more, and must not keep this process.
	watch.unref();
	return () => {
		clearInterval(watch);
		return Math.max(...peak.map((bytes, index) => bytes - (before[index] ?? 0)));
	};
}

/** Stops the process where it is; calls wait until `thaw`. */
export function freeze(remote: Remote): void {
	process.kill(remote.pid, "SIGSTOP");
}

/** Lets a frozen process go on; does nothing to one that runs or is gone. */
export function thaw(remote: Remote): void {
	try {
		process.kill(remote.pid, "SIGCONT");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
			throw error;
		}
	}
}

interface Pending {
	readonly resolve: (result: never) => void;
	readonly reject: (error: Error) => void;
	readonly timer: NodeJS.Timeout;
}

class RemoteProcess implements Remote {
	readonly pid: number;
	readonly #child: ChildProcess;
	readonly #role: string;
	readonly #pending = new Map<number, Pending>();
	readonly #gone: Promise<void>;
	#nextId = 0;

	constructor(child: ChildProcess, role: string) {
		this.#child = child;
		this.#role = role;
		this.pid = child.pid ?? -1;
		this.#gone = new Promise((resolve) => {
			const leave = (why: string): void => {
				this.#rejectAll(new Error(`The ${role} process ended: ${why}`));
				resolve();
			};
			child.once("exit", (code, signal) => leave(`exit ${code ?? signal}`));
			child.once("error", (error) => leave(error.message));
		});
		child.on("message", (reply: Reply) => this.#settle(reply));
	}

	call<T>(method: string, argument?: unknown, timeoutMs = 60_000): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			const id = this.#nextId++;
			const timer = setTimeout(() => {
				this.#pending.delete(id);
				reject(new Error(`The ${this.#role} process did not answer "${method}" within ${timeoutMs} ms`));
			}, timeoutMs);
			this.#pending.set(id, { resolve, reject, timer });
			this.#child.send({ id, method, argument }, (error) => {
				if (error !== null) {
					this.#settle({ id, error: error.message });
				}
			});
		});
	}

	async stop(): Promise<void> {
		if (this.#child.connected) {
			this.#child.disconnect();
		}
		const killer = setTimeout(() => this.#child.kill("SIGKILL"), 2_000);
		await this.#gone;
		clearTimeout(killer);
	}

	#settle(reply: Reply): void {
		const pending = this.#pending.get(reply.id);
		if (pending === undefined) {
			return;
		}
		this.#pending.delete(reply.id);
		clearTimeout(pending.timer);
		if ("error" in reply) {
			pending.reject(new Error(`The ${this.#role} process failed: ${reply.error}`));
		} else {
			pending.resolve(reply.result as never);
		}
	}

	#rejectAll(error: Error): void {
		for (const pending of this.#pending.values()) {
			clearTimeout(pending.timer);
			pending.reject(error);
		}
		this.#pending.clear();
	}
}
