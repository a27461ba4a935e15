/**
 * Streams of a QUIC transport.
 *
 * @module
 */

import type * as quic from "@conec/quic";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME, FRAME_BYTES } from "../../wire/frames.ts";
import { TimedFrames } from "../timed-frames.ts";
import type { Frame, HeldStream, IncomingStream, StreamHandler, StreamOptions, Transport, TransportConnection, TransportStream } from "../transport.ts";
import { coded, conecError } from "./errors.ts";

/** The connection that a stream belongs to. */
export interface StreamOwner extends TransportConnection {
	/** Whose connection it is: streams of no other transport are piped, or written to, together with its own. */
	readonly transport: Transport;
}

/** One end of a stream that JavaScript reads and writes. */
export class QuicStream implements TransportStream {
	readonly connection: StreamOwner;
	readonly stream: quic.Stream;

	constructor(stream: quic.Stream, connection: StreamOwner) {
		this.stream = stream;
		this.connection = connection;
	}

	get queuedBytes(): number {
		return this.stream.queuedBytes;
	}

	write(kind: number, payload: Uint8Array): number {
		return this.stream.write(kind, payload);
	}

	writeUrgent(kind: number, payload: Uint8Array, aside?: boolean): number {
		return this.stream.writeUrgent(kind, payload, aside);
	}

	writeFrames(frames: Uint8Array): number {
		return this.stream.writeFrames(frames);
	}

	finish(): void {
		this.stream.finish();
	}

	reset(code: number): void {
		this.stream.reset(code);
	}

	stop(code: number): void {
		this.stream.stop(code);
	}

	consumed(payloadBytes: number): void {
		this.stream.consumed(payloadBytes);
	}
}

/** A stream that the peer opened and nobody has taken yet. */
export class QuicIncomingStream implements IncomingStream {
	readonly connection: StreamOwner;
	readonly header: Frame;
	readonly stream: quic.IncomingStream;
	/** Nobody has accepted, piped or refused it. */
	undecided: boolean = true;

	constructor(stream: quic.IncomingStream, connection: StreamOwner) {
		this.stream = stream;
		this.connection = connection;
		this.header = { kind: stream.kind, payload: stream.payload };
	}

	accept(handler: StreamHandler, options: StreamOptions = {}): TransportStream {
		this.undecided = false;
		if (options.frameTimeoutMs !== undefined) {
			const frames = new TimedFrames(handler, options.frameTimeoutMs);
			return frames.over(
				coded(() => this.stream.accept(new HandlerAdapter(frames), controlStreamOptions(options))),
				this.connection,
			);
		}
		const stream = coded(() => this.stream.accept(new HandlerAdapter(handler), quicStreamOptions(options)));
		return new QuicStream(stream, this.connection);
	}

	refuse(code: number): void {
		this.undecided = false;
		this.stream.refuse(code);
	}
}

/** A stream that was opened to be piped. */
export class QuicHeldStream implements HeldStream {
	readonly connection: StreamOwner;
	readonly stream: quic.HeldStream;
	/** Nobody has piped or refused it. Afterwards its handle may be another stream's. */
	undecided: boolean = true;

	constructor(stream: quic.HeldStream, connection: StreamOwner) {
		this.stream = stream;
		this.connection = connection;
	}

	open(): void {
		this.stream.open();
	}

	refuse(code: number): void {
		if (!this.undecided) return;
		this.undecided = false;
		this.stream.refuse(code);
	}
}

/** The same calls; only what breaks a stream has another name here. */
export class HandlerAdapter implements quic.StreamHandler {
	readonly #handler: StreamHandler;
	readonly frameAt: quic.StreamHandler["frameAt"];

	constructor(handler: StreamHandler) {
		this.#handler = handler;
		this.frameAt = handler.frameAt?.bind(handler);
	}

	frame(kind: number, payload: Uint8Array): void {
		this.#handler.frame(kind, payload);
	}

	end(): void {
		this.#handler.end();
	}

	reset(code: number): void {
		this.#handler.reset(code);
	}

	stopped(code: number): void {
		this.#handler.stopped(code);
	}

	drained(): void {
		this.#handler.drained();
	}

	finished(): void {
		this.#handler.finished();
	}

	lost(error: quic.QuicError): void {
		this.#handler.lost(conecError(error, "CONNECTION_LOST"));
	}
}

/** What may wait of a control stream. It is delivered ahead of everything else, and there may be a message in each 25 bytes. */
const CONTROL_CREDIT_BYTES = 32 * 1024;

/** What `@conec/quic` is told of a control stream: bytes that {@link TimedFrames} takes apart. */
export function controlStreamOptions(options: StreamOptions): quic.StreamOptions {
	return { ...quicStreamOptions({ creditBytes: CONTROL_CREDIT_BYTES, ...options }), mode: "bytes", control: true };
}

const LONG_KINDS = (1 << FRAME.DATA) | (1 << FRAME.TAGGED);

/** What `@conec/quic` is told of a stream. */
export function quicStreamOptions(options: StreamOptions): quic.StreamOptions {
	const { messageBytes, creditBytes, highWaterBytes, priority } = options;
	return {
		frames: {
			longKinds: LONG_KINDS,
			longBytes: messageBytes ?? 1024 * 1024,
			otherBytes: FRAME_BYTES,
			tooLongCode: RESET_CODES.MESSAGE_TOO_LONG,
			truncatedCode: RESET_CODES.STREAM_TRUNCATED,
		},
		...(creditBytes === undefined ? {} : { creditBytes }),
		...(highWaterBytes === undefined ? {} : { highWaterBytes }),
		...(priority === undefined ? {} : { priority }),
	};
}
