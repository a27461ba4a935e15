/**
 * Asks the user at the terminal, one question at a time.
 *
 * @module
 */

import { createInterface } from "node:readline";
import type { Clock, Surroundings } from "../surroundings/index.ts";
import type { Output } from "./output.ts";

/** What was answered. */
export type Answer = "yes" | "no" | "all" | "none";

/** What may be answered to a question. */
export interface Choices<Chosen extends string> {
	/** Asks for one of them: `yes or no?` */
	readonly words: string;
	/** By what is typed, in lower case. */
	readonly answers: ReadonlyMap<string, Chosen>;
	/** What silence, and anything else that is typed, counts as. */
	readonly otherwise: Chosen;
}

/** What {@link TerminalQuestions} speaks through. */
export interface QuestionOptions {
	readonly output: Pick<Output, "ask" | "keepBelow">;
	/** Lines that are typed. */
	readonly input: NodeJS.ReadableStream;
	/** Shows the prompt, without a line end. */
	readonly write: (text: string) => unknown;
	readonly clock: Clock;
	/** Milliseconds until silence counts as no. @default 60000 */
	readonly timeoutMs?: number | undefined;
	/** Whether the terminal is ours now; where it is not, the answer is "no". @default always */
	readonly isForeground?: (() => boolean) | undefined;
}

/** Asks on standard error and reads standard input; `undefined` where one of them is no terminal or programs read. */
export function terminalQuestions(output: Output, { stdin, stderr, clock, terminal }: Surroundings): TerminalQuestions | undefined {
	if (output.json || stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
	const write = (text: string): unknown => stderr.write(text, () => undefined);
	return new TerminalQuestions({ output, clock, input: stdin, write, isForeground: () => terminal.isForeground() });
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
	ask(question: string, signal: AbortSignal): Promise<Answer>;
	/** The same with other answers. `settled` is asked when it is the turn of the question: then it may need no answer any more. */
	ask<Chosen extends string>(question: string, signal: AbortSignal, choices: Choices<Chosen>, settled?: () => Promise<boolean>): Promise<Chosen | "settled">;
	ask(question: string, signal: AbortSignal, choices: Choices<string> = NAME_CHOICES, settled?: () => Promise<boolean>): Promise<string> {
		const answer = this.#last.then(async () => {
			if ((await settled?.()) === true) return "settled";
			// An input that has ended before does not say so again.
			const silent = signal.aborted || !this.#options.input.readable || this.#options.isForeground?.() === false;
			return silent ? choices.otherwise : await this.#ask(question, signal, choices);
		});
		this.#last = answer.catch(() => undefined);
		return answer;
	}

	#ask(question: string, signal: AbortSignal, { words, answers, otherwise }: Choices<string>): Promise<string> {
		const { output, input, write, clock } = this.#options;
		const prompt = `${words} (${otherwise} in ${Math.round(this.#timeoutMs / 1_000)} s) `;
		output.keepBelow({ hide: () => write("\r\u001b[K"), show: () => write(prompt) });
		// Also shows the prompt below.
		output.ask(question);
		// Not as an editor of lines: so Ctrl-C stays a signal.
		const lines = createInterface({ input, terminal: false });
		return new Promise((resolve) => {
			const end = (answer: string, typed: boolean): void => {
				timer.cancel();
				signal.removeEventListener("abort", abort);
				lines.removeAllListeners();
				lines.close();
				input.pause();
				output.keepBelow(undefined);
				if (!typed) write(`${otherwise}\n`);
				resolve(answer);
			};
			const abort = (): void => end(otherwise, false);
			const timer = clock.after(this.#timeoutMs, abort);
			signal.addEventListener("abort", abort, { once: true });
			lines.once("line", (line) => end(answers.get(line.trim().toLowerCase()) ?? otherwise, true));
			lines.once("close", abort);
		});
	}
}

/** About names of one transfer. */
const NAME_CHOICES: Choices<Answer> = {
	words: "yes, no, all or none?",
	answers: new Map([
		["y", "yes"],
		["yes", "yes"],
		["a", "all"],
		["all", "all"],
		["none", "none"],
	]),
	otherwise: "no",
};
