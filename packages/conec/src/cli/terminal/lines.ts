/**
 * Cuts a stream of bytes into lines with bounded memory. The bytes stay as they are.
 *
 * @module
 */

/** Longest line that is taken, in bytes without its end. */
export const LINE_BYTES: number = 64 * 1_024;

/** A line without its end (`\n` or `\r\n`), or one that is too long: then its bytes are dropped. */
export type InputLine =
	| { readonly type: "line"; readonly bytes: Uint8Array }
	/** `number`: which line of the input it is, from 1. `length`: its bytes. */
	| { readonly type: "too-long"; readonly number: number; readonly length: number };

/** Lines in their order. The last one need not have an end. Each line is one item, however long it is. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<InputLine, void, void> {
	let parts: Uint8Array[] = [];
	let length = 0;
	let number = 1;
	/** Drops the bytes of a line as soon as it is too long. Its end may be `\r`, which does not count. */
	const add = (part: Uint8Array): void => {
		length += part.byteLength;
		if (length > LINE_BYTES + 1) parts = [];
		else if (part.byteLength > 0) parts.push(part);
	};
	const take = (hasEnd: boolean): InputLine => {
		const bytes = Buffer.concat(parts);
		const withoutEnd = hasEnd && bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes;
		const isTooLong = length > LINE_BYTES + 1 || withoutEnd.byteLength > LINE_BYTES;
		const line: InputLine = isTooLong ? { type: "too-long", number, length } : { type: "line", bytes: withoutEnd };
		parts = [];
		length = 0;
		number += 1;
		return line;
	};
	for await (const chunk of chunks) {
		let start = 0;
		for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
			add(chunk.subarray(start, end));
			yield take(true);
			start = end + 1;
		}
		// The source may use the memory of the chunk again.
		add(new Uint8Array(chunk.subarray(start)));
	}
	if (length > 0) yield take(false);
}

/** What is told of a line that is too long. */
export function tooLongText({ number, length }: Extract<InputLine, { readonly type: "too-long" }>): { readonly message: string; readonly hint: string } {
	return {
		message: `Line ${number} was not sent: it has ${length.toLocaleString("en-US")} bytes, and a line can have ${LINE_BYTES.toLocaleString("en-US")}`,
		hint: "Send data that has no such lines, or use `conec send` or `conec pipe`.",
	};
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
