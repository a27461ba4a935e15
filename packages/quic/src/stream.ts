/**
 * Streams: whole frames or plain bytes, in order, with credit in both directions.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { LOST, PIPE_END, RECORD, SIZE } from "./constants.ts";
import { type Environment, type FrameMemory, PACKED_FRAME_BYTES, type Packer, readU32, readU64, type Target, throwLater } from "./environment.ts";
import { mapped, QuicError, streamError } from "./errors.ts";
import type { Handle, NativeStreamOptions } from "./native.ts";
import type { PipeResult, StreamOptions } from "./types.ts";

/**
 * Receives everything that happens on a stream, in order, on the JS thread and never from inside a call.
 *
 * Each direction ends at most once. What arrives ends with `end`, `reset` or `lost`; what is sent ends with `finished`, `stopped` or `lost`.
 */
export interface StreamHandler {
	/** A whole frame (or, in byte mode, a chunk of kind 0). `payload` belongs to the receiver; it may share up to 256 KiB of memory with other messages. It counts against the credit until {@link Stream.consumed}. */
	frame(kind: number, payload: Uint8Array): void;
	/**
	 * Optional, for who reads a frame where it lies: short frames that come together are told so, and not to `frame`. The payload is `length` bytes from
	 * `at` on. Nobody writes there again, and whoever keeps a view of it keeps that memory.
	 */
	readonly frameAt?: ((kind: number, memory: FrameMemory, at: number, length: number) => void) | undefined;
	/** FIN: no frame follows. */
	end(): void;
	/** The peer gave up sending. Frames not delivered yet may be gone. */
	reset(code: number): void;
	/** The peer wants no more. What is queued is dropped. */
	stopped(code: number): void;
	/** Less than half of the high-water mark is queued, after the mark had been reached. */
	drained(): void;
	/** The peer's QUIC has acknowledged our FIN and all before it. */
	finished(): void;
	/** The stream broke: `CONNECTION_LOST`, `FRAME_TOO_LONG` or `FRAME_TRUNCATED`. No other call follows. */
	lost(error: QuicError): void;
}

/** Connections take turns of 64 records, and at most some thousand of one wait: in so many rounds all of those have been delivered. */
const LATE_ROUNDS = 100;
const { FRAME_COST_BYTES, FRAME_HEADER_BYTES, INLINE_BYTES, MAX_FRAME_BYTES } = SIZE;
const DEFAULT_CREDIT_BYTES = 256 * 1024;
/** What `pipe` resolves to for a number of the addon. */
const PIPE_ENDS: Readonly<Record<number, PipeResult["end"]>> = { [PIPE_END.FINISHED]: "finished", [PIPE_END.RESET]: "reset", [PIPE_END.LOST]: "lost" };

/** @internal What streams need of the connection they belong to. */
export interface StreamOwner {
	readonly environment: Environment;
	/** An incoming stream has been taken, piped or refused. Returns false if that had happened before. */
	decided(stream: IncomingStream): boolean;
}

/** A stream that is read and written here. Methods are cheap, synchronous, and do nothing after the end. */
export class Stream implements Target, Packer {
	readonly handle: Handle;
	/** @internal */
	readonly framed: boolean;
	/** @internal */
	readonly highWaterBytes: number;
	/** @internal */
	queuedBelow = 0;
	/** @internal */
	readonly environment: Environment;
	readonly #handler: StreamHandler;
	readonly #creditStep: number;
	#unreturned = 0;
	#done = false;
	/** Nothing more can be sent: FIN or a reset was written here, or the end of this direction was told. */
	#sendingIsOver = false;
	/** Why it broke. The handler is told when all that came before is delivered; nothing follows. */
	#broken: QuicError | undefined;
	#toldLost = false;

	/** @internal `alive`: false when the connection was lost before; then the handle is not ours. */
	constructor(environment: Environment, handle: Handle, handler: StreamHandler, { creditBytes, framed, highWaterBytes }: NativeStreamOptions, alive = true) {
		this.environment = environment;
		this.handle = handle;
		this.framed = framed;
		this.highWaterBytes = highWaterBytes;
		this.#handler = handler;
		this.#creditStep = creditBytes >> 2;
		if (alive) {
			environment.adopt(this);
		} else {
			this.#done = this.#sendingIsOver = true;
			queueMicrotask(() => handler.lost(streamError(LOST.CONNECTION)));
		}
	}

	/**
	 * Queues a copy of one frame (in byte mode: of the bytes; `kind` is ignored).
	 *
	 * @returns the bytes now queued, or -1 when this direction is over. However much is queued, nothing is refused: wait for
	 * `drained` once the high-water mark is reached.
	 * @throws {@link QuicError} `INVALID_ARGUMENT` for more than 2^24 - 1 bytes
	 */
	write(kind: number, payload: Uint8Array): number {
		if (this.#sendingIsOver) return -1;
		if (payload.length <= PACKED_FRAME_BYTES) return this.environment.pack(this, kind, payload);
		if (payload.length > MAX_FRAME_BYTES) throw new QuicError("INVALID_ARGUMENT", `A frame has at most 2^24 - 1 bytes, not ${payload.length}`);
		const queued = this.environment.native.streamWrite(this.handle, kind, payload);
		this.queuedBelow = Math.max(queued, 0);
		if (queued <= INLINE_BYTES) this.environment.flushLater();
		return queued;
	}

	/**
	 * Does what {@link write} does, ahead of the frames that wait. The frame follows the one of which QUIC has a part, and urgent ones
	 * that were written before. FIN comes behind all of them. Keep such frames few and small: nothing else gets in between them.
	 * In byte mode it is `write`.
	 *
	 * With `aside`, this thread does not send it itself when its tick ends, as it does with the little that {@link write} queues. The I/O
	 * thread sends it. That is for what belongs to a flow of many bytes, which the I/O thread reads meanwhile.
	 */
	writeUrgent(kind: number, payload: Uint8Array, aside: boolean = false): number {
		if (payload.length > MAX_FRAME_BYTES) throw new QuicError("INVALID_ARGUMENT", `A frame has at most 2^24 - 1 bytes, not ${payload.length}`);
		if (this.#sendingIsOver) return -1;
		const queued = this.environment.native.streamWriteUrgent(this.handle, kind, payload, !aside);
		this.queuedBelow = Math.max(queued, 0);
		if (!aside && queued <= INLINE_BYTES) this.environment.flushLater();
		return queued;
	}

	/** Queues a copy of whole frames, see {@link writeFrames}; returns what {@link write} would. */
	writeFrames(frames: Uint8Array): number {
		if (this.#sendingIsOver) return -1;
		const [queued = -1] = writeFrames([this], frames);
		this.queuedBelow = Math.max(queued, 0);
		return queued;
	}

	/** Bytes queued and not yet taken by QUIC. */
	get queuedBytes(): number {
		if (this.#done) return 0;
		this.queuedBelow = this.environment.native.streamQueued(this.handle);
		return this.queuedBelow;
	}

	/** Sends FIN after what is queued. `finished` tells when the peer has all of it. */
	finish(): void {
		if (!this.#done) this.environment.native.streamFinish(this.handle);
		this.#sendingIsOver = true;
	}

	/** Gives up sending (RESET_STREAM) and drops what is queued. */
	reset(code: number): void {
		if (!this.#done) mapped(() => this.environment.native.streamReset(this.handle, code));
		this.#sendingIsOver = true;
	}

	/** Tells the peer to send no more (STOP_SENDING). Frames on their way may still arrive. */
	stop(code: number): void {
		if (!this.#done) mapped(() => this.environment.native.streamStop(this.handle, code));
	}

	/** Says that one received frame with a payload of that many bytes is used up, so that the peer may send more. */
	consumed(payloadBytes: number): void {
		const unreturned = this.#unreturned + payloadBytes + FRAME_COST_BYTES;
		if (unreturned < this.#creditStep) {
			this.#unreturned = unreturned;
			return;
		}
		this.#unreturned = 0;
		if (!this.#done) this.environment.native.streamCredit(this.handle, unreturned);
	}

	/** @internal */
	record(type: number, kind: number, payload: Uint8Array): void {
		if (this.#toldLost && type !== RECORD.STREAM_DONE) return;
		switch (type) {
			case RECORD.FRAME:
			case RECORD.LARGE:
				this.#handler.frame(kind, payload);
				break;
			case RECORD.END:
				this.#handler.end();
				break;
			case RECORD.RESET:
				this.#handler.reset(readU64(payload, 0));
				break;
			case RECORD.STOPPED:
				this.#sendingIsOver = true;
				this.#handler.stopped(readU64(payload, 0));
				break;
			case RECORD.DRAIN:
				this.#handler.drained();
				break;
			case RECORD.FINISHED:
				this.#handler.finished();
				break;
			case RECORD.STREAM_LOST:
				// One direction has found out. The other may still have a FIN or frames to report, unless it waits for credit.
				this.#broken = streamError(readU32(payload, 0));
				this.#tellLostLater(LATE_ROUNDS);
				break;
			case RECORD.STREAM_DONE:
				this.#done = this.#sendingIsOver = true;
				this.environment.release(this.handle);
				this.#tellLost();
				break;
		}
	}

	/** @internal */
	frames(memory: FrameMemory, from: number, count: number): number {
		const handler = this.#handler;
		const { buffer, bytes } = memory;
		let at = from;
		for (let i = 0; i < count; i++) {
			const kind = bytes[at] as number;
			const length = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
			const begin = at + FRAME_HEADER_BYTES;
			at = begin + length;
			if (this.#toldLost) continue;
			try {
				if (handler.frameAt !== undefined) handler.frameAt(kind, memory, begin, length);
				else handler.frame(kind, new Uint8Array(buffer, begin, length));
			} catch (error) {
				throwLater(error);
			}
		}
		return at;
	}

	/** When what waits now has been delivered. Turns are short, so that may take some rounds of the event loop. */
	#tellLostLater(rounds: number): void {
		setImmediate(() => {
			if (this.environment.isBehind && rounds > 0) this.#tellLostLater(rounds - 1);
			else this.#tellLost();
		});
	}

	#tellLost(): void {
		if (this.#broken === undefined || this.#toldLost) return;
		this.#toldLost = this.#sendingIsOver = true;
		this.#handler.lost(this.#broken);
	}
}

/** A stream that the peer opened and that nobody has taken yet: exactly one frame of it has been read. */
export class IncomingStream {
	readonly kind: number;
	readonly payload: Uint8Array;
	/** False: only the peer sends. */
	readonly bidirectional: boolean;
	/** @internal */
	readonly handle: Handle;
	/** @internal */
	readonly owner: StreamOwner;
	#taken = false;

	/** @internal */
	constructor(owner: StreamOwner, handle: Handle, kind: number, payload: Uint8Array, bidirectional: boolean) {
		this.owner = owner;
		this.handle = handle;
		this.kind = kind;
		this.payload = payload;
		this.bidirectional = bidirectional;
	}

	/**
	 * Starts reading what follows the first frame. If the connection is gone meanwhile, the handler's `lost` says so.
	 *
	 * @throws {@link QuicError} `INVALID_ARGUMENT` when the stream was accepted, piped or refused before
	 */
	accept(handler: StreamHandler, options: StreamOptions = {}): Stream {
		const { environment } = this.owner;
		const native = nativeStreamOptions(options);
		const alive = this.take() && mapped(() => environment.native.streamAccept(this.handle, native));
		return new Stream(environment, this.handle, handler, native, alive);
	}

	/** Resets and stops it. Does nothing when it was accepted, piped or refused before. */
	refuse(code: number): void {
		if (!this.#taken && this.take()) mapped(() => this.owner.environment.native.streamRefuse(this.handle, code));
	}

	/** @internal Decides about it, which is allowed once. Returns false when its connection is gone. */
	take(): boolean {
		if (this.#taken) throw new QuicError("INVALID_ARGUMENT", "The stream was accepted, piped or refused before");
		this.#taken = true;
		return this.owner.decided(this);
	}

	/** @internal Its connection is gone. */
	abandon(): void {
		this.owner.decided(this);
		this.owner.environment.native.release(this.handle);
	}
}

/** A stream that is opened only to be piped. Nothing of it is read here. */
export class HeldStream {
	/** @internal */
	readonly handle: Handle;
	readonly #environment: Environment;
	#opened = false;

	/** @internal */
	constructor(environment: Environment, handle: Handle) {
		this.#environment = environment;
		this.handle = handle;
	}

	/** Opens it, and sends its first frame. At the peer's stream limit it waits. Another call does nothing, nor does one after its end. */
	open(): void {
		if (this.#opened) return;
		this.#opened = true;
		mapped(() => this.#environment.native.streamLetGo(this.handle));
	}

	/** Gives it up before it is piped. */
	refuse(code: number): void {
		mapped(() => this.#environment.native.streamRefuse(this.handle, code));
	}
}

/**
 * Splices two streams natively, both ways. FIN, reset, stop and backpressure pass through; JS sees none of the bytes.
 * A lost leg resets and stops the other with `lostCode`. Both streams are used up.
 *
 * @param priority of what goes back on `from`, as in {@link StreamOptions}; `to` has the one that it was opened with
 * @param onEnd called in order with other events, before a stream that the same peer opened later; a promise is a batch later
 * @param onOpen called when `to` is open too: the peer's stream limit has let it pass. It is not called if that never happens
 * @returns when both directions are over, that is, FIN, reset or stop has been passed on; never rejects
 * @throws {@link QuicError} `INVALID_ARGUMENT` when `from` was accepted, piped or refused before
 */
export function pipe(
	from: IncomingStream,
	to: HeldStream,
	lostCode: number,
	onEnd?: (result: PipeResult) => void,
	onOpen?: () => void,
	priority: number = 0,
): Promise<PipeResult> {
	const { environment } = from.owner;
	from.take();
	// This comes before `adopt`: the handle of a stream that is gone may belong to another one by now. Records come in a later turn.
	if (!mapped(() => environment.native.pipeStreams(from.handle, to.handle, lostCode, priority))) {
		environment.release(from.handle);
		environment.release(to.handle);
		const result: PipeResult = { end: "lost", forwardBytes: 0, backwardBytes: 0 };
		onEnd?.(result);
		return Promise.resolve(result);
	}
	return new Promise((resolve) => {
		environment.adopt({
			handle: from.handle,
			record(type, _kind, payload) {
				if (type === RECORD.PIPE_OPEN) onOpen?.();
				if (type !== RECORD.PIPE_END) return;
				environment.release(from.handle);
				environment.release(to.handle);
				const end = PIPE_ENDS[readU32(payload, 0)] ?? "lost";
				const result = { end, forwardBytes: readU64(payload, 4), backwardBytes: readU64(payload, 12) };
				onEnd?.(result);
				resolve(result);
			},
		});
	});
}

/**
 * Queues one frame on many streams of this thread, keeping its bytes in memory once.
 *
 * @returns for each stream what {@link Stream.write} would have returned
 */
export function writeMany(streams: readonly Stream[], kind: number, payload: Uint8Array): Int32Array {
	const [first] = streams;
	if (first === undefined) return new Int32Array(0);
	const handles = Uint32Array.from(streams, (stream) => stream.handle);
	first.environment.flushLater();
	return mapped(() => first.environment.native.writeMany(handles, kind, payload));
}

/**
 * Queues whole frames on many streams of this thread, keeping them in memory once. The bytes contain the headers already.
 * The headers are not checked: they must be right.
 *
 * @returns for each stream what {@link Stream.write} would have returned
 */
export function writeFrames(streams: readonly Stream[], frames: Uint8Array): Int32Array {
	const [first] = streams;
	if (first === undefined) return new Int32Array(0);
	const handles = Uint32Array.from(streams, (stream) => stream.handle);
	first.environment.flushLater();
	return mapped(() => first.environment.native.writeFrames(handles, frames));
}

/** @internal */
export function nativeStreamOptions(options: StreamOptions): NativeStreamOptions {
	return {
		framed: options.mode !== "bytes",
		longKinds: options.frames?.longKinds ?? 1,
		longBytes: options.frames?.longBytes ?? 1024 * 1024,
		otherBytes: options.frames?.otherBytes ?? 16 * 1024,
		creditBytes: options.creditBytes ?? DEFAULT_CREDIT_BYTES,
		highWaterBytes: options.highWaterBytes ?? 256 * 1024,
		priority: options.priority ?? 0,
		control: options.control ?? false,
		tooLongCode: options.frames?.tooLongCode ?? 0,
		truncatedCode: options.frames?.truncatedCode ?? 0,
	};
}
