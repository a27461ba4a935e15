/**
 * Makes text from elsewhere (peers, file names, the Coordinator) safe to print: no control sequence of theirs reaches
 * the terminal, no direction override makes a name look like another.
 *
 * @module
 */

/** C0, DEL, C1, line and paragraph separators, direction marks and overrides, invisible format characters, lone surrogates. */
const UNPRINTABLE =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
	/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** One printable line: everything that could move the cursor or hide text is shown as an escape such as `\x1b`. `maxLength` in UTF-16 units. */
export function printable(text: string, maxLength: number = 4_096): string {
	// A character of two units stays whole.
	const length = isHighSurrogate(text.charCodeAt(maxLength - 1)) ? maxLength - 1 : maxLength;
	const shown = text.length > maxLength ? `${text.slice(0, length)}…` : text;
	return shown.replace(UNPRINTABLE, escapeCharacter);
}

/** {@link printable} within double quotes, for names in messages. */
export function quoted(text: string): string {
	return `"${printable(text, 512)}"`;
}

function escapeCharacter(character: string): string {
	const code = character.charCodeAt(0);
	if (character === "\t") return "\t";
	return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

function isHighSurrogate(code: number): boolean {
	return code >= 0xd800 && code < 0xdc00;
}
