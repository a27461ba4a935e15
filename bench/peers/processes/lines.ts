/**
 * A process that is no Node: calls are lines of JSON on its standard input, answers on its standard output.
 *
 * @module
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Remote } from "../../remote.ts";

/** Starts it. Its standard error joins ours. `name` is what errors call it. */
export function startLines(program: string, words: readonly string[], name: string): Remote {
	return new LinesProcess(spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] }), name);
}

/** An answer, or why there is none. `undefined` for a line that is neither. Pure. */
export function parseReply(line: string): { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string } | undefined {
	let reply: unknown;
	try {
		reply = JSON.parse(line);
	} catch {
		return undefined;
	}
	if (typeof reply !== "object" || reply === null || !("id" in reply) || typeof reply.id !== "number") return undefined;
	if ("error" in reply) return { id: reply.id, error: String(reply.error) };
	return "result" in reply ? { id: reply.id, result: reply.result } : undefined;
}

interface Pending {
	readonly resolve: (result: never) => void;
	readonly reject: (error: Error) => void;
	readonly timer: NodeJS.Timeout;
}

class LinesProcess implements Remote {
	readonly pid: number;
	readonly #child: ChildProcessByStdio<Writable, Readable, null>;
	readonly #name: string;
	readonly #pending = new Map<number, Pending>();
	readonly #gone: Promise<void>;
	#nextId = 0;

	constructor(child: ChildProcessByStdio<Writable, Readable, null>, name: string) {
		this.#child = child;
		this.#name = name;
		this.pid = child.pid ?? -1;
		this.#gone = new Promise((resolve) => {
			const leave = (why: string): void => {
				for (const { reject, timer } of this.#pending.values()) {
					clearTimeout(timer);
					reject(new Error(`The ${name} process ended: ${why}`));
				}
				this.#pending.clear();
				resolve();
			};
			child.once("exit", (code, signal) => leave(`exit ${code ?? signal}`));
			child.once("error", (error) => leave(error.message));
		});
		child.stdin.on("error", () => undefined); // its end says why
		createInterface(child.stdout).on("line", (line) => this.#settle(line));
	}

	call<T>(method: string, argument: unknown = {}, timeoutMs = 60_000): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			const id = this.#nextId++;
			const timer = setTimeout(() => {
				this.#pending.delete(id);
				reject(new Error(`The ${this.#name} process did not answer "${method}" within ${timeoutMs} ms`));
			}, timeoutMs);
			this.#pending.set(id, { resolve, reject, timer });
			this.#child.stdin.write(`${JSON.stringify({ id, method, argument })}\n`);
		});
	}

	async stop(): Promise<void> {
		this.#child.stdin.end();
		const killer = setTimeout(() => this.#child.kill("SIGKILL"), 2_000);
		await this.#gone;
		clearTimeout(killer);
	}

	#settle(line: string): void {
		const reply = parseReply(line);
		const pending = reply === undefined ? undefined : this.#pending.get(reply.id);
		if (reply === undefined || pending === undefined) return;
		this.#pending.delete(reply.id);
		clearTimeout(pending.timer);
		if ("error" in reply) pending.reject(new Error(`The ${this.#name} process failed: ${reply.error}`));
		else pending.resolve(reply.result as never);
	}
}
