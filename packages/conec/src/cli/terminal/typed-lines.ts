/**
 * Lines typed on a terminal while others come in.
 *
 * @module
 */

import type { Interface } from "node:readline";
import type { Surroundings } from "../surroundings/index.ts";
import { type InputLine, LINE_BYTES } from "./lines.ts";
import type { LineBelow, Output } from "./output.ts";

/** A line editor for standard input and output, if both are a terminal and lines are for people. */
export function typedLines({ json }: Pick<Output, "json">, { terminal, signals, stdout }: Surroundings): TypedLines | undefined {
	const editor = json ? undefined : terminal.editor("> ");
	// In raw mode Ctrl-C is a key, not a signal.
	editor?.on("SIGINT", () => signals.raise("SIGINT"));
	return editor === undefined ? undefined : new TypedLines(editor, (text) => stdout.write(text, () => undefined));
}

/** The line being typed on a terminal, which steps aside for lines that come in. */
export class TypedLines implements LineBelow {
	readonly #readline: Interface;
	readonly #write: (text: string) => unknown;
	#closed = false;

	/** `write` writes to the editor's own terminal. */
	constructor(editor: Interface, write: (text: string) => unknown) {
		this.#readline = editor;
		this.#write = write;
	}

	/** Ends with Ctrl-D or {@link close}. */
	async *lines(): AsyncGenerator<InputLine, void, void> {
		let number = 0;
		this.#readline.prompt();
		for await (const line of this.#readline) {
			number += 1;
			const bytes = Buffer.from(line);
			yield bytes.length > LINE_BYTES ? { type: "too-long", number, length: bytes.length } : { type: "line", bytes };
			this.#readline.prompt();
		}
	}

	/** Clears the typed line from the screen, not from memory. */
	hide(): void {
		if (this.#closed) return;
		const { rows } = this.#readline.getCursorPos();
		this.#write(`${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J`);
	}

	/** Draws it again. */
	show(): void {
		if (this.#closed) return;
		// readline begins by going up as many rows as it drew last time. Those rows are gone, and above is the line that was just shown.
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
