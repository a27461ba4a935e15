/**
 * Cuts a stream of bytes into lines of text with bounded memory.
 *
 * @module
 */

import { StringDecoder } from "node:string_decoder";

/** Longest line in UTF-16 units; a longer one comes in pieces. */
export const LINE_LENGTH: number = 64 * 1_024;

/** Lines without their ends (`\n` or `\r\n`); the last one need not have one. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
	const decoder = new StringDecoder("utf8");
	let rest = "";
	for await (const chunk of chunks) {
		rest += decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
		let start = 0;
		for (;;) {
			const end = rest.indexOf("\n", start);
			if (end === -1 && rest.length - start <= LINE_LENGTH) break;
			if (end === -1 || end - start > LINE_LENGTH) {
				yield rest.slice(start, start + LINE_LENGTH);
				start += LINE_LENGTH;
			} else {
				yield rest.slice(start, rest[end - 1] === "\r" && end > start ? end - 1 : end);
				start = end + 1;
			}
		}
		rest = rest.slice(start);
	}
	rest += decoder.end();
	if (rest !== "") yield rest;
}
