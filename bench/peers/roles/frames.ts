/**
 * Messages on a stream of bytes: four bytes of length, big endian, then the message. Pure.
 *
 * @module
 */

/** A message with its length before it. */
export function frame(message: Uint8Array): Uint8Array {
	const framed = new Uint8Array(4 + message.length);
	new DataView(framed.buffer).setUint32(0, message.length);
	framed.set(message, 4);
	return framed;
}

/** Takes pieces of the stream, cut anywhere, and gives whole messages. */
export class Unframer {
	readonly #onMessage: (message: Uint8Array) => void;
	/** What a piece ended with that is no whole message, and the bytes of it that are there. */
	#pieces: Uint8Array[] = [];
	#held = 0;

	constructor(onMessage: (message: Uint8Array) => void) {
		this.#onMessage = onMessage;
	}

	push(piece: Uint8Array): void {
		this.#pieces.push(piece);
		this.#held += piece.length;
		if (this.#held < this.#wanted()) return;
		const data = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
		let offset = 0;
		for (;;) {
			const end = offset + sizeAt(data, offset);
			if (end > data.length) break;
			this.#onMessage(data.subarray(offset + 4, end));
			offset = end;
		}
		this.#pieces = offset === data.length ? [] : [data.subarray(offset)];
		this.#held = data.length - offset;
	}

	/** Bytes that the next message needs, as far as its beginning says. */
	#wanted(): number {
		const first = this.#pieces[0] as Uint8Array;
		return first.length >= 4 ? sizeAt(first, 0) : sizeAt(Buffer.concat(this.#pieces.slice(0, 5)), 0);
	}
}

/** Of the frame that begins there; more than there is when its length is not whole yet. */
function sizeAt(data: Uint8Array, offset: number): number {
	if (data.length - offset < 4) return Number.POSITIVE_INFINITY;
	return 4 + (((data[offset] ?? 0) << 24) | ((data[offset + 1] ?? 0) << 16) | ((data[offset + 2] ?? 0) << 8) | (data[offset + 3] ?? 0));
}
