/**
 * Makes text from elsewhere (peers, file names, the Coordinator) safe to print: no control sequence of theirs reaches
 * the terminal, no direction override makes a name look like another.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";

/**
 * Control and format characters, lone surrogates, line and paragraph separators, and what Unicode says to show as
 * nothing. Variation selectors 15 and 16 stay: they choose between text and emoji.
 */
const UNPRINTABLE = /(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** One printable line: everything that could move the cursor or hide text is shown as an escape such as `\x1b`. `maxLength` in UTF-16 units. */
export function printable(text: string, maxLength: number = 4_096): string {
	// A character of two units stays whole.
	const length = isHighSurrogate(text.charCodeAt(maxLength - 1)) ? maxLength - 1 : maxLength;
	const shown = text.length > maxLength ? `${text.slice(0, length)}…` : text;
	return shown.replace(UNPRINTABLE, escapeCharacter);
}

/** {@link printable} for bytes. If they are no UTF-8, only what is ASCII is a character, and each other byte is shown as what it is: `caf\xe9`. */
export function printableBytes(bytes: Uint8Array, maxLength?: number): string {
	if (isUtf8(bytes)) return printable(TEXT.decode(bytes), maxLength);
	const shown = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
	return printable(shown, maxLength).replace(/[\x80-\xff]/g, escapeCharacter);
}

// A byte order mark is a character like others here.
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** {@link printable} within double quotes, for names in messages. */
export function quoted(text: string): string {
	return `"${printable(text, 512)}"`;
}

function escapeCharacter(character: string): string {
	const code = character.codePointAt(0) ?? 0;
	if (character === "\t") return "\t";
	if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
	return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

function isHighSurrogate(code: number): boolean {
	return code >= 0xd800 && code < 0xdc00;
}
