/**
 * Text in the columns of a terminal: a Japanese character or an emoji takes two, a combining mark none.
 *
 * @module
 */

import stringWidth from "string-width";

/** Columns that the text takes. Escape sequences of colours take none. */
export function textWidth(text: string): number {
	return stringWidth(text);
}

/** The text, filled with spaces at the right up to so many columns. */
export function padToWidth(text: string, columns: number): string {
	return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

/** The text without what does not fit into so many columns, and then with `…` at its end. Cuts between characters as a reader sees them. */
export function cutToWidth(text: string, columns: number): string {
	if (textWidth(text) <= columns) return text;
	let cut = "";
	let left = columns - 1;
	for (const { segment } of SEGMENTER.segment(text)) {
		left -= textWidth(segment);
		if (left < 0) break;
		cut += segment;
	}
	return columns < 1 ? "" : `${cut}…`;
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: "grapheme" });
