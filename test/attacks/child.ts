/**
 * The runner's half of a process of the attack bench: starts it on a core of its own, and asks it things. The other half is `bench/roles/serve.ts`.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Reply } from "../../bench/roles/serve.ts";
import { NODE_FLAGS, programOf } from "../../packages/conec/testing/node-flags.ts";

/** Where a process runs. */
export interface Where {
	/** The core that it is pinned to. @default any */
	readonly core?: number | undefined;
	/** Words before the command line, such as `ip netns exec NAME`. @default none */
	readonly within?: readonly string[] | undefined;
}

/** What a process has used of its core, in seconds. */
export interface CpuSeconds {
	/** The thread of JavaScript. */
	readonly js: number;
	/** The I/O thread of QUIC. */
	readonly io: number;
	/** All others, such as those of the garbage collector. */
	readonly rest: number;
}

/** A call was not answered in time: the process hangs. */
export class Unanswered extends Error {
	override readonly name: string = "Unanswered";
}

/** Linux says so to all programs, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** One process. */
export class Child {
	readonly #child: ChildProcess;
	readonly #role: string;
	readonly #waiting: Map<number, { readonly resolve: (result: never) => void; readonly reject: (error: Error) => void; readonly timer: NodeJS.Timeout }> =
		new Map();
	#calls = 0;
	/** How it ended, if it did. */
	ended: string | undefined;
	#ending = false;
	readonly #gone: Promise<void>;

	/** Starts `children/<role>.ts`, or `role` itself if it is a path from here. */
	static start(role: string, where: Where = {}): Child {
		const file = programOf(fileURLToPath(new URL(role.endsWith(".ts") ? role : `children/${role}.ts`, import.meta.url)));
		const pinned = where.core === undefined ? [] : ["taskset", "-c", String(where.core)];
		const words = [...(where.within ?? []), ...pinned, process.execPath, ...NODE_FLAGS, "--expose-gc", file];
		// `spawn` and not `fork`: what stands before Node hands the channel on.
		const child = spawn(words[0] as string, words.slice(1), { stdio: ["ignore", 2, 2, "ipc"], serialization: "advanced" });
		return new Child(child, role);
	}

	private constructor(child: ChildProcess, role: string) {
		this.#child = child;
		this.#role = role;
		this.#gone = new Promise((resolve) => {
			const leave = (why: string): void => {
				this.ended ??= why;
				for (const { reject, timer } of this.#waiting.values()) {
					clearTimeout(timer);
					reject(new Error(`the process "${role}" has ended: ${why}`));
				}
				this.#waiting.clear();
				resolve();
			};
			child.once("exit", (code, signal) => leave(`exit ${code ?? signal}`));
			child.once("error", (error) => leave(error.message));
		});
		child.on("message", (reply: Reply) => {
			const waiting = this.#waiting.get(reply.id);
			this.#waiting.delete(reply.id);
			if (waiting === undefined) return;
			clearTimeout(waiting.timer);
			if ("error" in reply) waiting.reject(new Error(`${role}: ${reply.error}`));
			else waiting.resolve(reply.result as never);
		});
	}

	get pid(): number {
		return this.#child.pid ?? -1;
	}

	/** Whether it went away although nobody had asked it to. */
	get crashed(): boolean {
		return this.ended !== undefined && !this.#ending;
	}

	/** Rejects with the error of the process, with {@link Unanswered}, or when the process ends. */
	call<T = void>(method: string, argument: object = {}, timeoutMs: number = 60_000): Promise<T> {
		if (this.ended !== undefined) return Promise.reject(new Error(`the process "${this.#role}" has ended: ${this.ended}`));
		const id = ++this.#calls;
		return new Promise<T>((resolve, reject) => {
			const timer = setTimeout(() => {
				this.#waiting.delete(id);
				reject(new Unanswered(`the process "${this.#role}" did not answer "${method}" within ${timeoutMs} ms`));
			}, timeoutMs);
			this.#waiting.set(id, { resolve, reject, timer });
			// A process that has just ended is told of by its exit.
			this.#child.send({ id, method, argument }, () => undefined);
		});
	}

	/** Stops it where it is: it acknowledges nothing any more. */
	freeze(): void {
		this.#child.kill("SIGSTOP");
	}

	/** Resident set now, in bytes; NaN where there is no /proc. */
	residentBytes(): number {
		return this.#fromStatus("VmRSS");
	}

	/** The greatest resident set since {@link forgetPeak}; NaN where there is no /proc. */
	peakBytes(): number {
		return this.#fromStatus("VmHWM");
	}

	/** What it has used by now; zeros where there is no /proc. */
	cpuSeconds(): CpuSeconds {
		const used = { js: 0, io: 0, rest: 0 };
		try {
			for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
				// proc(5): the name is in parentheses, and the 14th and 15th fields are ticks of 10 ms in user and kernel mode.
				const [, name = "", fields = ""] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${this.pid}/task/${thread}/stat`, "utf8")) ?? [];
				const [user = 0, system = 0] = fields.split(" ").slice(11, 13).map(Number);
				used[Number(thread) === this.pid ? "js" : name === "conec-quic" ? "io" : "rest"] += (user + system) / TICKS_PER_SECOND;
			}
		} catch {
			// Not on this system, or it has just ended.
		}
		return used;
	}

	forgetPeak(): void {
		try {
			writeFileSync(`/proc/${this.pid}/clear_refs`, "5"); // proc(5): resets VmHWM
		} catch {
			// Not on this system: the peak is then that of the whole life.
		}
	}

	/** Ends it, and resolves when it is gone. */
	async stop(): Promise<void> {
		this.#ending = true;
		this.#child.kill("SIGKILL");
		await this.#gone;
	}

	#fromStatus(field: string): number {
		try {
			const line = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${this.pid}/status`, "utf8"));
			return Number(line?.[1] ?? Number.NaN) * 1_024;
		} catch {
			return Number.NaN;
		}
	}
}
