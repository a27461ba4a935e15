/**
 * Just enough DER (X.690) to walk a certificate: no encoding, no copying, every length checked before it is used.
 *
 * @module
 */

/** One tag-length-value. `start`..`end` are its contents, `from`..`end` the whole of it, in the array it was read from. */
export interface DerValue {
	readonly tag: number;
	readonly from: number;
	readonly start: number;
	readonly end: number;
}

/** Reads the value at `offset`, or returns undefined when it does not fit into `limit` or is not DER. */
export function readDer(bytes: Uint8Array, offset: number, limit: number = bytes.length): DerValue | undefined {
	const tag = bytes[offset];
	const first = bytes[offset + 1];
	if (tag === undefined || first === undefined || offset + 2 > limit || (tag & 0x1f) === 0x1f) return undefined;
	let start = offset + 2;
	let length = first;
	if (first >= 0x80) {
		const count = first & 0x7f;
		if (count === 0 || count > 3 || start + count > limit) return undefined;
		length = 0;
		for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
		start += count;
		// The shortest form is the only one (X.690, 10.1).
		if (length < 0x80 || length < 2 ** (8 * (count - 1))) return undefined;
	}
	const end = start + length;
	return end > limit ? undefined : { tag, from: offset, start, end };
}

/** Reads all values inside a constructed one, or returns undefined when they do not fill it exactly. */
export function readDerChildren(bytes: Uint8Array, parent: DerValue): DerValue[] | undefined {
	const children: DerValue[] = [];
	for (let offset = parent.start; offset < parent.end; ) {
		const child = readDer(bytes, offset, parent.end);
		if (child === undefined) return undefined;
		children.push(child);
		offset = child.end;
	}
	return children;
}

/** Tags that certificates use. */
export const DER_SEQUENCE = 0x30;
export const DER_OID = 0x06;
export const DER_OCTET_STRING = 0x04;
export const DER_BOOLEAN = 0x01;
export const DER_INTEGER = 0x02;

/** Writes one value: tag, length, contents. */
export function writeDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
	const length = contents.reduce((sum, part) => sum + part.length, 0);
	const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >>> 8, length & 0xff];
	return Buffer.concat([Uint8Array.from(header), ...contents]);
}

/** Writes a SEQUENCE. */
export function writeSequence(...contents: readonly Uint8Array[]): Uint8Array {
	return writeDer(DER_SEQUENCE, ...contents);
}

/** Writes an OBJECT IDENTIFIER, given as the hexadecimal digits of its contents. */
export function writeOid(hex: string): Uint8Array {
	return writeDer(DER_OID, Buffer.from(hex, "hex"));
}
