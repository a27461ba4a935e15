/**
 * Lines typed on a terminal while others come in.
 *
 * @module
 */

import { createInterface, type Interface } from "node:readline";
import type { LineBelow, Output } from "./output.ts";

/** A line editor for standard input and output, if both are a terminal and lines are for people. */
export function typedLines({ json }: Pick<Output, "json">): TypedLines | undefined {
	return process.stdin.isTTY && process.stdout.isTTY && !json ? new TypedLines() : undefined;
}

/** The line being typed on a terminal, which steps aside for lines that come in. */
export class TypedLines implements LineBelow {
	readonly #readline: Interface;
	#closed = false;

	constructor() {
		this.#readline = createInterface({ input: process.stdin, output: process.stdout, prompt: "> " });
		// In raw mode Ctrl-C is a key, not a signal.
		this.#readline.on("SIGINT", () => process.emit("SIGINT", "SIGINT"));
	}

	/** Ends with Ctrl-D or {@link close}. */
	async *lines(): AsyncGenerator<string, void, void> {
		this.#readline.prompt();
		for await (const line of this.#readline) {
			yield line;
			this.#readline.prompt();
		}
	}

	/** Clears the typed line from the screen, not from memory. */
	hide(): void {
		if (this.#closed) return;
		const { rows } = this.#readline.getCursorPos();
		process.stdout.write(`${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J`);
	}

	/** Draws it again. */
	show(): void {
		if (this.#closed) return;
		// readline first goes up by as many rows as it drew last time; they are gone, and above is what was just shown.
		(this.#readline as { prevRows?: number }).prevRows = 0;
		this.#readline.prompt(true);
	}

	/** Leaves the cursor at the start of an empty line. */
	close(): void {
		if (this.#closed) return;
		this.hide();
		this.#closed = true;
		this.#readline.close();
	}
}
