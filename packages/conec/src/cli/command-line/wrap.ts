/**
 * Text for a terminal of so many columns. Pure. The text is ASCII: help can be read everywhere.
 *
 * @module
 */

/** Lines of at most `columns`, broken between words. A word that is longer stays whole. */
export function wrapWords(text: string, columns: number): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && line.length + 1 + word.length > columns) {
			lines.push(line);
			line = word;
		} else line = line === "" ? word : `${line} ${word}`;
	}
	return [...lines, line];
}

/** A paragraph. `indent` is in front of each line but the first, which has `first`. */
export function paragraph(text: string, columns: number, first: string = "", indent: string = first): string[] {
	return wrapWords(text, Math.max(20, columns - Math.max(first.length, indent.length))).map((line, index) => `${index === 0 ? first : indent}${line}`);
}

/** A command to be typed, which a shell reads as one line. */
export function shellLines(command: string, columns: number): string[] {
	const lines = wrapWords(command, Math.max(20, columns - 8));
	return lines.map((line, index) => `${index === 0 ? "  " : "      "}${line}${index < lines.length - 1 ? " \\" : ""}`);
}

/** A table of two columns. Where the terminal is narrow, the right one is below the left one. */
export function twoColumns(rows: readonly (readonly [left: string, right: string])[], columns: number): string[] {
	const widest = Math.max(...rows.map(([left]) => left.length));
	const left = Math.min(widest, MOST_LEFT);
	const isNarrow = columns - left - 4 < LEAST_RIGHT;
	const indent = " ".repeat(isNarrow ? 6 : left + 4);
	return rows.flatMap(([name, text]) => {
		if (isNarrow || name.length > left) return [`  ${name}`, ...paragraph(text, columns, indent)];
		return paragraph(text, columns, `  ${name.padEnd(left)}  `, indent);
	});
}

/** Columns of the left column; longer names have a line of their own. */
const MOST_LEFT = 26;

/** With fewer columns than this for the texts, they are below the names. */
const LEAST_RIGHT = 28;
