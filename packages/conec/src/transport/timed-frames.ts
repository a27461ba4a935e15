/**
 * Frames put together here, from bytes as they come, so that one that is begun and never completed is noticed.
 *
 * @module
 */

import { type Clock, systemClock } from "../base/clock.ts";
import { ConecError } from "../errors.ts";
import { encodeFrame, FRAME_BYTES, FrameDecoder } from "../wire/frames.ts";
import type { StreamHandler, TransportConnection, TransportStream } from "./transport.ts";

/** A stream of plain bytes. */
export interface ByteStream {
	readonly queuedBytes: number;
	/** The kind is ignored. */
	write(kind: number, bytes: Uint8Array): number;
	finish(): void;
	reset(code: number): void;
	stop(code: number): void;
	consumed(bytes: number): void;
}

/**
 * The handler for the bytes; frames go on to `handler`, which says of each when it is `consumed`. Those of kinds to be skipped go on
 * without their payload. Bytes are given back as long as every frame before them is consumed. `lost` with `PEER_TIMEOUT` when one takes longer than `frameTimeoutMs`
 * from its first byte (not counting the time in which this side reads no more), and as usual when one is too long or cut short. The stream is then left to its owner, as this is for
 * control streams, which end with their connection.
 */
export class TimedFrames implements StreamHandler {
	readonly #handler: StreamHandler;
	readonly #frameTimeoutMs: number;
	readonly #clock: Clock;
	readonly #decoder: FrameDecoder;
	#stream: ByteStream | undefined;
	#timer: unknown;
	#over = false;
	/** Frames that the handler has not consumed. */
	#unconsumed = 0;
	/** Lengths of pieces that are not given back. */
	#owed: number[] = [];

	constructor(handler: StreamHandler, frameTimeoutMs: number, clock: Clock = systemClock) {
		this.#handler = handler;
		this.#frameTimeoutMs = frameTimeoutMs;
		this.#clock = clock;
		this.#decoder = new FrameDecoder({ messageBytes: FRAME_BYTES });
	}

	/** The stream of frames over a stream of bytes that this is the handler of. */
	over(stream: ByteStream, connection: TransportConnection): TransportStream {
		this.#stream = stream;
		return new FrameStream(stream, connection, this);
	}

	/** A frame is used up. {@link FrameStream} calls it. */
	consumed(): void {
		this.#unconsumed--;
		if (this.#unconsumed === 0) this.#readOn();
	}

	frame(_kind: number, bytes: Uint8Array): void {
		if (this.#over) return;
		this.#owed.push(bytes.length);
		const events = this.#decoder.push(bytes);
		if (events.length > 0) this.#clearTimer();
		// The one that counts until all are told keeps their credit from being given back one by one.
		this.#unconsumed++;
		for (const event of events) {
			if (this.#over) return;
			if (event.type === "error") {
				this.lost(new ConecError(event.code, event.error));
				continue;
			}
			this.#unconsumed++;
			this.#handler.frame(event.kind, event.type === "frame" ? event.payload : NOTHING);
		}
		this.#unconsumed--;
		if (this.#unconsumed === 0) this.#readOn();
		else this.#clearTimer();
	}

	/** All that came is consumed, so more may come. A frame that is begun must now go on. */
	#readOn(): void {
		for (const bytes of this.#owed.splice(0)) this.#stream?.consumed(bytes);
		if (!this.#over && !this.#decoder.atBoundary && this.#timer === undefined) this.#timer = this.#clock.setTimeout(() => this.#late(), this.#frameTimeoutMs);
	}

	end(): void {
		if (this.#over) return;
		if (this.#decoder.atBoundary) this.#handler.end();
		else this.lost(new ConecError("STREAM_TRUNCATED", "The stream ended inside a frame"));
		this.#clearTimer();
	}

	reset(code: number): void {
		this.#clearTimer();
		if (!this.#over) this.#handler.reset(code);
	}

	stopped(code: number): void {
		if (!this.#over) this.#handler.stopped(code);
	}

	drained(): void {
		if (!this.#over) this.#handler.drained();
	}

	finished(): void {
		if (!this.#over) this.#handler.finished();
	}

	lost(error: ConecError): void {
		if (this.#over) return;
		this.#over = true;
		this.#clearTimer();
		this.#handler.lost(error);
	}

	#late(): void {
		this.#timer = undefined;
		this.lost(new ConecError("PEER_TIMEOUT", `A frame was not complete ${this.#frameTimeoutMs} ms after its first byte`));
	}

	#clearTimer(): void {
		if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
		this.#timer = undefined;
	}
}

/** Frames written to a stream of bytes. A class, as there is one for each connection: an object of functions costs a kilobyte. */
class FrameStream implements TransportStream {
	readonly connection: TransportConnection;
	readonly #stream: ByteStream;
	readonly #frames: TimedFrames;

	constructor(stream: ByteStream, connection: TransportConnection, frames: TimedFrames) {
		this.#stream = stream;
		this.connection = connection;
		this.#frames = frames;
	}

	get queuedBytes(): number {
		return this.#stream.queuedBytes;
	}

	write(kind: number, payload: Uint8Array): number {
		return this.#stream.write(0, encodeFrame(kind, payload));
	}

	/** Each frame of such a stream is short, so no frame need overtake another. */
	writeUrgent(kind: number, payload: Uint8Array): number {
		return this.write(kind, payload);
	}

	writeFrames(frames: Uint8Array): number {
		return this.#stream.write(0, frames);
	}

	finish(): void {
		this.#stream.finish();
	}

	reset(code: number): void {
		this.#stream.reset(code);
	}

	stop(code: number): void {
		this.#stream.stop(code);
	}

	consumed(): void {
		this.#frames.consumed();
	}
}

const NOTHING = new Uint8Array(0);
