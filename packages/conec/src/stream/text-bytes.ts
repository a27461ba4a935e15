/**
 * Text as the bytes of a message, without a buffer for each.
 *
 * @module
 */

/** Texts of at most so many units are encoded in one place. Each unit has at most three bytes. */
const SHORT_UNITS = 512;

/** Where short texts are encoded, one after the other. */
const shared: Buffer = Buffer.allocUnsafeSlow(3 * SHORT_UNITS);
/** The first bytes of it, for each length that was needed. */
const views: (Uint8Array | undefined)[] = [];

/** The text in UTF-8. The bytes of a short one are only there until the next call: see {@link keepable}. */
export function encodeText(text: string): Uint8Array {
	if (text.length > SHORT_UNITS) return Buffer.from(text);
	const length = shared.write(text);
	let view = views[length];
	if (view === undefined) {
		view = new Uint8Array(shared.buffer, shared.byteOffset, length);
		views[length] = view;
	}
	return view;
}

/** The same bytes, or a copy if {@link encodeText} will overwrite them. */
export function keepable(bytes: Uint8Array): Uint8Array {
	return bytes.buffer === shared.buffer ? bytes.slice() : bytes;
}
