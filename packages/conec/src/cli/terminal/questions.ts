/**
 * Asks whoever sits at the terminal, one question at a time.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Output } from "./output.ts";

/** What was answered. */
export type Answer = "yes" | "no" | "all" | "none";

/** What {@link TerminalQuestions} speaks through. */
export interface QuestionOptions {
	readonly output: Pick<Output, "note" | "keepBelow">;
	/** Lines that are typed. */
	readonly input: NodeJS.ReadableStream;
	/** Shows the prompt, without a line end. */
	readonly write: (text: string) => unknown;
	/** Milliseconds until silence counts as no. @default 60000 */
	readonly timeoutMs?: number | undefined;
	/** Whether the terminal is ours now; where it is not, the answer is "no". @default always */
	readonly isForeground?: (() => boolean) | undefined;
}

/** Asks on standard error and reads standard input; `undefined` where one of them is no terminal or programs read. */
export function terminalQuestions(output: Output): TerminalQuestions | undefined {
	if (output.json || !process.stdin.isTTY || process.stderr.isTTY !== true) return undefined;
	return new TerminalQuestions({ output, input: process.stdin, write: (text) => process.stderr.write(text), isForeground: ownsTerminal });
}

/** Reading from the terminal would stop a process in the background (`conec receive &`). On Linux it can be seen; elsewhere it stops, as others do. */
function ownsTerminal(): boolean {
	try {
		return isForegroundIn(readFileSync("/proc/self/stat", "utf8"));
	} catch {
		return true;
	}
}

/** Whether the text of /proc/PID/stat (proc_pid_stat(5)) is that of a process whose group has the terminal. */
export function isForegroundIn(stat: string): boolean {
	// The name before the last bracket may contain anything. Then: state, parent, group, session, terminal, group that has it.
	const [, , group, , , owner] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return group === owner;
}

/** One terminal. */
export class TerminalQuestions {
	readonly #options: QuestionOptions;
	readonly #timeoutMs: number;
	#last: Promise<unknown> = Promise.resolve();

	constructor(options: QuestionOptions) {
		this.#options = options;
		this.#timeoutMs = options.timeoutMs ?? 60_000;
	}

	/** Asks when the questions before are answered. `question` is printable and says all. No answer in time, the end of input and an abort are "no". */
	ask(question: string, signal: AbortSignal): Promise<Answer> {
		const answer = this.#last.then(() => (signal.aborted || this.#options.isForeground?.() === false ? "no" : this.#ask(question, signal)));
		this.#last = answer;
		return answer;
	}

	#ask(question: string, signal: AbortSignal): Promise<Answer> {
		const { output, input, write } = this.#options;
		const prompt = `yes, no, all or none? (no in ${Math.round(this.#timeoutMs / 1_000)} s) `;
		output.keepBelow({ hide: () => write("\r\u001b[K"), show: () => write(prompt) });
		// Also shows the prompt below.
		output.note(question);
		// Not as an editor of lines: so Ctrl-C stays a signal.
		const lines = createInterface({ input, terminal: false });
		return new Promise((resolve) => {
			const end = (answer: Answer, typed: boolean): void => {
				clearTimeout(timer);
				signal.removeEventListener("abort", abort);
				lines.removeAllListeners();
				lines.close();
				input.pause();
				output.keepBelow(undefined);
				if (!typed) write("no\n");
				resolve(answer);
			};
			const abort = (): void => end("no", false);
			const timer = setTimeout(abort, this.#timeoutMs);
			signal.addEventListener("abort", abort, { once: true });
			lines.once("line", (line) => end(ANSWERS.get(line.trim().toLowerCase()) ?? "no", true));
			lines.once("close", abort);
		});
	}
}

const ANSWERS: ReadonlyMap<string, Answer> = new Map([
	["y", "yes"],
	["yes", "yes"],
	["a", "all"],
	["all", "all"],
	["none", "none"],
]);
