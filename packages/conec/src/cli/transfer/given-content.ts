/**
 * What is sent and is no file of this machine: standard input, or a text of the command line.
 *
 * @module
 */

/** Content with the name that the receiver is to give it. */
export interface GivenContent {
	readonly name: string;
	/** The receiver is to show it. */
	readonly isText: boolean;
	/** Bytes, where they are known. */
	readonly size: number | undefined;
	/** Read once. */
	readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Most bytes of a text that is shown; a longer one is a file. */
export const TEXT_BYTES: number = 64 * 1_024;

/** What a receiver is told where no name was given. */
export const DEFAULT_NAMES = { input: "stdin", text: "text" } as const;

/** A text as content. */
export function givenText(text: string): GivenContent {
	const bytes = new TextEncoder().encode(text);
	return { name: DEFAULT_NAMES.text, isText: bytes.length <= TEXT_BYTES, size: bytes.length, pieces: bytes.length === 0 ? [] : [bytes] };
}

/** The text to show, if that is what these bytes are. */
export function textOf(bytes: Uint8Array): string | undefined {
	if (bytes.length > TEXT_BYTES) return undefined;
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return undefined;
	}
}
