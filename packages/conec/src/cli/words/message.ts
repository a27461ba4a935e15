/**
 * Messages of chats and broadcasts, as people and programs are shown them.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { printableBytes } from "../text/index.ts";

/** A message as a program gets it: the text and, where the bytes are no UTF-8, these too. */
export function messageFields(sender: string, data: Uint8Array): { readonly from: string; readonly text: string; readonly base64?: string } {
	const text = TEXT.decode(data);
	return isUtf8(data) ? { from: sender, text } : { from: sender, text, base64: Buffer.from(data).toString("base64") };
}

/** A message as one line that cannot move the cursor. All of it is there, and bytes that are no UTF-8 are shown as they are: `caf\xe9`. */
export function messageText(data: Uint8Array): string {
	return printableBytes(data, Number.POSITIVE_INFINITY);
}

// A byte order mark is a character like others here.
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });
