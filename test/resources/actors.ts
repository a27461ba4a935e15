/**
 * Processes for tests of resources, so that the memory of each side is its own.
 */

import assert from "node:assert/strict";
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS, programOf } from "../../packages/conec/testing/node-flags.ts";

const FLAGS = [...NODE_FLAGS, "--expose-gc"];
/**
 * By itself V8 lets its young generation grow to 32 MiB before it is content, over several rounds of the same work. That is no leak, and so that nobody
 * has to wait for it to end, it stays small.
 */
const YOUNG = "--max-semi-space-size=2";
const childFile = (name: string): string => programOf(fileURLToPath(new URL(`children/${name}.ts`, import.meta.url)));

export const MIB: number = 1024 * 1024;

/** One process; `call` does what its program says, which is `children/actor.ts` unless another one is named. */
export class Actor {
	readonly #child: ChildProcess;
	readonly #waiting: Map<number, { resolve: (result: never) => void; reject: (error: unknown) => void }> = new Map();
	#calls = 0;

	/** `program`: a path from here. It answers through `children/answering.ts`. */
	static async start(t: TestContext, program: string = "children/actor.ts"): Promise<Actor> {
		const file = programOf(fileURLToPath(new URL(program, import.meta.url)));
		const child = fork(file, { execArgv: FLAGS, stdio: ["ignore", "inherit", "inherit", "ipc"] });
		t.after(() => child.kill("SIGKILL"));
		await once(child, "message");
		return new Actor(child);
	}

	private constructor(child: ChildProcess) {
		this.#child = child;
		child.on("message", ({ call, result, error }: { call: number; result: never; error?: string }) => {
			const waiting = this.#waiting.get(call);
			this.#waiting.delete(call);
			if (error === undefined) waiting?.resolve(result);
			else waiting?.reject(new assert.AssertionError({ message: error }));
		});
		child.on("exit", () => {
			for (const waiting of this.#waiting.values()) waiting.reject(new assert.AssertionError({ message: "the process has ended" }));
		});
	}

	call<T = void>(action: string, argument: object = {}): Promise<T> {
		const call = ++this.#calls;
		return new Promise<T>((resolve, reject) => {
			this.#waiting.set(call, { resolve, reject });
			this.#child.send({ call, action, argument });
		});
	}

	signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
		this.#child.kill(name);
	}

	/** Collects garbage, and begins to measure the peak from there. Returns what is resident. */
	async settle(): Promise<number> {
		const rss = await this.call<number>("rss");
		if (process.platform === "linux") writeFileSync(`/proc/${this.#child.pid}/clear_refs`, "5"); // proc(5): resets VmHWM
		return rss;
	}

	/** The most that was resident since {@link settle}; where the system does not say, what is now. */
	async peak(): Promise<number> {
		if (process.platform !== "linux") return await this.call<number>("rss");
		return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, "utf8"))?.[1]) * 1024;
	}
}

/** Runs a program to its end; resolves with its lines and how long it lived after the last one. */
export async function run(t: TestContext, name: string, ...parameters: string[]): Promise<{ lines: string[]; code: number | null; afterLastLineMs: number }> {
	const child = spawn(process.execPath, [...FLAGS, YOUNG, childFile(name), ...parameters], { stdio: ["ignore", "pipe", "inherit"] });
	t.after(() => child.kill("SIGKILL"));
	let output = "";
	let last = performance.now();
	child.stdout.on("data", (chunk) => {
		output += chunk;
		last = performance.now();
	});
	const [code] = (await once(child, "close")) as [number | null];
	return { lines: output.trimEnd().split("\n"), code, afterLastLineMs: performance.now() - last };
}
