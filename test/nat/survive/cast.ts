/** The people of the demonstration: each is a `conec` command in a machine of the lab, and what it shows is what a person would see there. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Lab, LabNode } from "../lab.ts";
import type { Heard } from "./verdict.ts";

const COMMAND = fileURLToPath(new URL("../../../packages/conec/dist/cli/main.js", import.meta.url));

/** What the audience is told. */
export type Tell = (who: string, line: string) => void;

/** A command that runs. */
export class Player {
	readonly who: string;
	/** Lines on standard output. */
	readonly lines: Heard[] = [];
	/** Lines on standard error. */
	readonly remarks: string[] = [];
	readonly #child: ChildProcess;
	readonly #exited: Promise<number | null>;
	#over = false;
	#wake: (() => void)[] = [];

	/** `quiet`: its lines on standard output are not shown. */
	constructor(who: string, lab: Lab, node: LabNode, args: readonly string[], tell: Tell, quiet = true) {
		this.who = who;
		this.#child = lab.spawn(node, [process.execPath, COMMAND, ...args]);
		this.#child.stdin?.on("error", () => undefined);
		for (const [stream, lines] of [
			[this.#child.stdout, this.lines],
			[this.#child.stderr, this.remarks],
		] as const) {
			if (stream === null) continue;
			createInterface(stream).on("line", (line) => {
				if (lines === this.lines) this.lines.push({ text: line, atMs: performance.now() });
				else this.remarks.push(line);
				if (lines === this.remarks || !quiet) tell(who, line);
				this.#changed();
			});
		}
		this.#exited = once(this.#child, "close").then(([code]) => {
			this.#over = true;
			this.#changed();
			return code as number | null;
		});
	}

	/** Waits for a line like that, on either output. Rejects if the command ends without it. */
	async shows(pattern: RegExp): Promise<void> {
		while (!this.#has(pattern)) {
			if (this.#over) throw new Error(`${this.who} ended without ${pattern}: ${this.remarks.slice(-3).join(" / ")}`);
			await new Promise<void>((resolve) => void this.#wake.push(resolve));
		}
	}

	/** How many remarks are like that. */
	count(pattern: RegExp): number {
		return this.remarks.filter((line) => pattern.test(line)).length;
	}

	/** Types a line. */
	types(line: string): void {
		this.#child.stdin?.write(`${line}\n`);
	}

	/** Ctrl-D. */
	endsInput(): void {
		this.#child.stdin?.end();
	}

	/** `kill -9`, or a signal that it may deal with. */
	async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
		this.#child.kill(signal);
		await this.#exited;
	}

	/** Waits for its end, and gives the exit status. */
	exit(): Promise<number | null> {
		return this.#exited;
	}

	#has(pattern: RegExp): boolean {
		return this.remarks.some((line) => pattern.test(line)) || this.lines.some(({ text }) => pattern.test(text));
	}

	#changed(): void {
		const wake = this.#wake;
		this.#wake = [];
		for (const resolve of wake) resolve();
	}
}
