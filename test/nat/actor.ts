/**
 * A process in the lab that does what it is told in JSON lines: `{call, action, argument}` to its standard input,
 * `{call, result}` or `{call, error}` from its standard output.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** An action failed there. */
export class ActorError extends Error {
	/** `code` of the error there, if it had one. */
	readonly code: string | undefined;

	constructor(who: string, action: string, { message, code }: { message: string; code?: string }) {
		super(`${who}, ${action}: ${code ?? "no code"}: ${message}`);
		this.code = code;
	}
}

interface Reply {
	readonly call: number;
	readonly result?: unknown;
	readonly error?: { readonly message: string; readonly code?: string };
}

/** One such process. */
export class Actor {
	readonly name: string;
	/** Resolves when it can be called. */
	readonly ready: Promise<void>;
	/** What it has said on standard error. */
	stderr = "";
	readonly #child: ChildProcess;
	readonly #exited: Promise<unknown>;
	readonly #waiting: Map<number, { action: string; resolve: (result: unknown) => void; reject: (error: unknown) => void }> = new Map();
	#calls = 0;
	#over = false;

	constructor(name: string, child: ChildProcess) {
		this.name = name;
		this.#child = child;
		this.ready = new Promise((resolve, reject) => {
			this.#waiting.set(0, { action: "start", resolve: () => resolve(), reject });
		});
		child.stdin?.on("error", () => undefined);
		child.stderr?.setEncoding("utf8").on("data", (text: string) => {
			this.stderr = (this.stderr + text).slice(-100_000);
			if (process.env["NATLAB_VERBOSE"] !== undefined) process.stderr.write(text);
		});
		if (child.stdout !== null) createInterface(child.stdout).on("line", (line) => this.#take(JSON.parse(line) as Reply));
		this.#exited = once(child, "close").then(() => {
			this.#over = true;
			for (const { action, reject } of this.#waiting.values()) reject(this.#ended(action));
			this.#waiting.clear();
		});
	}

	/** Does it there. Rejects with {@link ActorError}. */
	async call<T = unknown>(action: string, argument: object = {}): Promise<T> {
		if (this.#over) throw this.#ended(action);
		const call = ++this.#calls;
		return await new Promise<T>((resolve, reject) => {
			this.#waiting.set(call, { action, resolve: resolve as (result: unknown) => void, reject });
			this.#child.stdin?.write(`${JSON.stringify({ call, action, argument })}\n`);
		});
	}

	/** Ends it without ceremony, as a crash would. */
	async kill(): Promise<void> {
		if (!this.#over) this.#child.kill("SIGKILL");
		await this.#exited;
	}

	/** It stands still until it is thawed, as on a machine that sleeps. */
	freeze(): void {
		this.#child.kill("SIGSTOP");
	}

	/** It goes on. */
	thaw(): void {
		this.#child.kill("SIGCONT");
	}

	#take({ call, result, error }: Reply): void {
		const waiting = this.#waiting.get(call);
		this.#waiting.delete(call);
		if (error === undefined) waiting?.resolve(result);
		else waiting?.reject(new ActorError(this.name, waiting.action, error));
	}

	#ended(action: string): ActorError {
		return new ActorError(this.name, action, { message: `the process has ended\n${this.stderr}` });
	}
}
