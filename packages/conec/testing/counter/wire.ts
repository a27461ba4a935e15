/** The counter on the wire: a number as eight bytes. Only whole numbers that both sides can count are let in. */

/** The protocol of its streams. */
export const COUNTER_PROTOCOL = "example.counter/1";

export function encodeCount(count: number): Uint8Array {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setFloat64(0, count);
	return bytes;
}

/** `undefined`: it is no count. */
export function decodeCount(bytes: Uint8Array): number | undefined {
	if (bytes.length !== 8) return undefined;
	const count = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
	return Number.isSafeInteger(count) ? count : undefined;
}
