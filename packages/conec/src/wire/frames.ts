/**
 * Frames: 4 bytes, `kind` (8 bits) then `length` (24 bits, big endian), then the payload.
 *
 * @module
 */

/** The kinds of frames. */
export const FRAME = {
	/** One message. */
	DATA: 0x00,
	/** First frame of a stream, from the opener. */
	OPEN: 0x01,
	/** First and only frame from who does not take the stream. */
	REJECT: 0x03,
	/** On the control stream. */
	CONTROL: 0x04,
	/** A message of a broadcast. */
	TAGGED: 0x05,
	/** No more messages from me. */
	END: 0x06,
	/** The acceptor's first frame on each leg of a stream; see `stream-frames.ts` for this and the kinds that follow. */
	RESUMABLE: 0x10,
	/** What has come, and how much more may come. */
	ACK: 0x11,
	/** With which number a leg begins. */
	FROM: 0x12,
	/** The application wants no more. */
	STOP: 0x13,
	/** The application gave up sending. */
	RESET: 0x15,
	/** What the next message needs. */
	BLOCKED: 0x16,
} as const;

/** Bytes before the payload. */
export const FRAME_HEADER_BYTES = 4;

/** Unknown kinds from here on are skipped; below, they end the stream. */
export const SKIPPED_KIND_MIN = 0x80;

/** A frame without payload on the control stream of a direct channel. It is skipped. It only makes the other side acknowledge a packet. */
export const KEEP_ALIVE_KIND = 0x80;

/** Longest payload of any kind but DATA and TAGGED. */
export const FRAME_BYTES: number = 16 * 1024;

/** Greatest length that 24 bits can say. */
export const FRAME_LENGTH_MAX = 0xff_ff_ff;

/** Whether a kind has a meaning in this version. */
export function isKnownKind(kind: number): boolean {
	return KNOWN_KINDS.has(kind);
}

const KNOWN_KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));

/** Whether an unknown kind is to be skipped rather than to end the stream. */
export function isSkippedKind(kind: number): boolean {
	return kind >= SKIPPED_KIND_MIN;
}

/** Longest payload of a kind, given the limit for messages. */
export function maxPayloadBytes(kind: number, messageBytes: number): number {
	return kind === FRAME.DATA || kind === FRAME.TAGGED ? messageBytes : FRAME_BYTES;
}

/** The bytes of one frame. The payload must be at most {@link FRAME_LENGTH_MAX} long, the kind one byte. */
export function encodeFrame(kind: number, payload: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
	bytes[0] = kind;
	bytes[1] = payload.length >>> 16;
	bytes[2] = payload.length >>> 8;
	bytes[3] = payload.length;
	bytes.set(payload, FRAME_HEADER_BYTES);
	return bytes;
}

/** Payload length of the frame whose header stands at `offset`. */
export function lengthAt(bytes: Uint8Array, offset: number): number {
	return ((bytes[offset + 1] as number) << 16) | ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
}

/** What a {@link FrameDecoder} found in the bytes it was given. */
export type FrameEvent =
	| { readonly type: "frame"; readonly kind: number; readonly payload: Uint8Array }
	/** A frame of a kind that is to be skipped has passed. */
	| { readonly type: "skipped"; readonly kind: number; readonly length: number }
	/** Nothing after this can be understood. */
	| { readonly type: "error"; readonly code: "MESSAGE_TOO_LONG" | "FRAME_INVALID"; readonly error: string };

/** Options of a {@link FrameDecoder}. */
export interface FrameDecoderOptions {
	/** Longest DATA and TAGGED payload. */
	readonly messageBytes: number;
}

/**
 * Cuts a stream of bytes into frames. Lengths are checked on the four header bytes, and memory is only ever taken for
 * bytes that have come: a payload is put together from at most the pieces that arrived.
 */
export class FrameDecoder {
	readonly #messageBytes: number;
	/** The frame header as far as it has come, as one number: there is a decoder for each idle connection, and an array costs 200 bytes. */
	#header = 0;
	#headerLength = 0;
	#kind = 0;
	#length = 0;
	/** Pieces of a payload that is incomplete, copied. Small pieces are joined, so that there are few. */
	#pieces: Uint8Array[] = [];
	#piecesLength = 0;
	#state: "header" | "payload" | "skip" | "failed" = "header";

	constructor(options: FrameDecoderOptions) {
		this.#messageBytes = options.messageBytes;
	}

	/** Bytes held for a frame that is incomplete. */
	get heldBytes(): number {
		return this.#headerLength + this.#piecesLength;
	}

	/** Whether the bytes so far end between two frames. A stream that ends elsewhere was cut short. */
	get atBoundary(): boolean {
		return this.#state === "header" && this.#headerLength === 0;
	}

	/** Takes the next bytes of the stream, in pieces of any size, and returns what they completed. After an error, nothing. */
	push(bytes: Uint8Array): FrameEvent[] {
		const events: FrameEvent[] = [];
		let offset = 0;
		while (this.#state !== "failed") {
			if (this.#state === "header") {
				for (; this.#headerLength < FRAME_HEADER_BYTES && offset < bytes.length; this.#headerLength++) {
					this.#header = (this.#header << 8) | (bytes[offset++] as number);
				}
				if (this.#headerLength < FRAME_HEADER_BYTES) {
					break;
				}
				const failure = this.#begin();
				if (failure !== undefined) {
					events.push(failure);
					break;
				}
			}
			const missing = this.#length - this.#piecesLength;
			const available = Math.min(missing, bytes.length - offset);
			if (this.#state === "skip") {
				this.#piecesLength += available;
			} else if (available > 0) {
				this.#keep(bytes.subarray(offset, offset + available));
			}
			offset += available;
			if (available < missing) {
				break;
			}
			events.push(this.#complete());
		}
		return events;
	}

	#begin(): FrameEvent | undefined {
		const kind = this.#header >>> 24;
		const length = this.#header & 0xff_ffff;
		if (length > maxPayloadBytes(kind, this.#messageBytes)) {
			this.#state = "failed";
			return { type: "error", code: "MESSAGE_TOO_LONG", error: `A frame of kind 0x${kind.toString(16).padStart(2, "0")} with ${length} bytes is too long` };
		}
		if (!isKnownKind(kind) && !isSkippedKind(kind)) {
			this.#state = "failed";
			return { type: "error", code: "FRAME_INVALID", error: `The kind 0x${kind.toString(16).padStart(2, "0")} is not known` };
		}
		this.#kind = kind;
		this.#length = length;
		this.#state = isSkippedKind(kind) ? "skip" : "payload";
		this.#headerLength = 0;
		return undefined;
	}

	#keep(piece: Uint8Array): void {
		this.#piecesLength += piece.length;
		this.#pieces.push(piece.slice());
		// One byte at a time must not cost an object per byte: join as a binary counter carries.
		while (this.#pieces.length > 1 && last(this.#pieces, 2).length <= last(this.#pieces, 1).length) {
			const newer = this.#pieces.pop() as Uint8Array;
			const older = this.#pieces.pop() as Uint8Array;
			this.#pieces.push(concatenate([older, newer], older.length + newer.length));
		}
	}

	#complete(): FrameEvent {
		const kind = this.#kind;
		const length = this.#length;
		const event: FrameEvent = this.#state === "skip" ? { type: "skipped", kind, length } : { type: "frame", kind, payload: concatenate(this.#pieces, length) };
		this.#pieces = [];
		this.#piecesLength = 0;
		this.#state = "header";
		return event;
	}
}

function last(pieces: readonly Uint8Array[], fromEnd: number): Uint8Array {
	return pieces[pieces.length - fromEnd] as Uint8Array;
}

function concatenate(pieces: readonly Uint8Array[], length: number): Uint8Array {
	if (pieces.length === 1) {
		return pieces[0] as Uint8Array;
	}
	const whole = new Uint8Array(length);
	let offset = 0;
	for (const piece of pieces) {
		whole.set(piece, offset);
		offset += piece.length;
	}
	return whole;
}
