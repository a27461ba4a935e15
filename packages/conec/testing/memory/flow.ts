/**
 * One direction of a stream of the memory network, both its ends: the sender's queue, the window, what has arrived.
 *
 * Frames travel whole: one may overshoot the window, as one message may overshoot the credit of a real stream.
 *
 * @module
 */

import { Fifo } from "#conec/base/fifo";
import type { Frame } from "#conec/transport/transport";
import { FRAME_HEADER_BYTES } from "#conec/wire/frames";
import type { Defer, MemoryWire } from "./wire.ts";

/** What the sending end is told. */
export interface FlowSource {
	drained(): void;
	finished(): void;
	stopped(code: number): void;
}

/** Where the receiving end puts what it reads. */
export interface FlowSink {
	/** Whether it takes a frame now; {@link Flow.resume} asks again. */
	readonly ready: boolean;
	frame(frame: Frame): void;
	end(): void;
	reset(code: number): void;
}

/** How a flow is set up. */
export interface FlowOptions {
	readonly windowBytes: number;
	/** To the receiver. */
	readonly there: MemoryWire;
	/** To the sender. */
	readonly back: MemoryWire;
	readonly defer: Defer;
	/** Nothing more happens on this flow. */
	readonly onOver: () => void;
}

type Arrived = Frame | "fin";

/** See the module. */
export class Flow {
	highWaterBytes: number = 256 * 1_024;
	readonly #options: FlowOptions;
	readonly #queue: Fifo<Frame> = new Fifo();
	/** Frames that go ahead of those in the queue. */
	readonly #urgent: Fifo<Frame> = new Fifo();
	readonly #arrived: Fifo<Arrived> = new Fifo();
	#source: FlowSource | undefined = undefined;
	#sink: FlowSink | undefined = undefined;
	/** What came while nobody sent or read. */
	#pendingStop: number | undefined = undefined;
	#pendingReset: number | undefined = undefined;
	#started = false;
	#queuedBytes = 0;
	#windowUsedBytes = 0;
	#wantsDrain = false;
	#sending: "open" | "finishing" | "fin-sent" | "over" = "open";
	#reading: "open" | "over" = "open";
	#wasReset = false;
	#readScheduled = false;
	#over = false;
	#unreadBytes = 0;
	/** Bytes that the sending end knows to be read. */
	acknowledgedBytes = 0;
	/** Bytes that the receiving end has read, framing included. */
	readBytes = 0;

	constructor(options: FlowOptions) {
		this.#options = options;
	}

	get queuedBytes(): number {
		return this.#queuedBytes;
	}

	/** Bytes that the sending end has not sent, or knows nothing of since. */
	get unsentBytes(): number {
		return this.#sending === "over" ? 0 : this.#queuedBytes + this.#windowUsedBytes;
	}

	/** Bytes that have come and wait for whoever reads. */
	get unreadBytes(): number {
		return this.#reading === "over" ? 0 : this.#unreadBytes;
	}

	/** Lets queued frames go; before, the stream waits for its turn under the peer's stream limit. */
	start(): void {
		this.#started = true;
		this.#pump();
	}

	// The sending end.

	/** Sets who sends. */
	send(source: FlowSource): void {
		this.#source = source;
		const code = this.#pendingStop;
		if (code !== undefined) {
			this.#pendingStop = undefined;
			this.#options.defer(() => source.stopped(code));
		}
	}

	write(kind: number, payload: Uint8Array): number {
		return this.#write(this.#queue, kind, payload);
	}

	/** Does the same ahead of the frames that wait, except those written in this way. */
	writeUrgent(kind: number, payload: Uint8Array): number {
		return this.#write(this.#urgent, kind, payload);
	}

	#write(queue: Fifo<Frame>, kind: number, payload: Uint8Array): number {
		if (this.#sending !== "open") {
			return -1;
		}
		queue.push({ kind, payload: new Uint8Array(payload) }); // a copy, which `slice` of a Buffer is not
		this.#queuedBytes += sizeOf(payload);
		this.#pump();
		if (this.#queuedBytes >= this.highWaterBytes) {
			this.#wantsDrain = true;
		}
		return this.#queuedBytes;
	}

	finish(): void {
		if (this.#sending === "open") {
			this.#sending = "finishing";
			this.#pump();
		}
	}

	/** RESET_STREAM: everything that is not read yet is gone, what is on its way too. QUIC sends none of it again, and a test must not live on luck. */
	reset(code: number): void {
		if (this.#sending === "over") {
			return;
		}
		this.#sending = "over";
		this.#wasReset = true;
		this.#dropQueue();
		this.#options.there.post(() => {
			if (this.#reading === "open") {
				this.#endReading();
				if (this.#sink === undefined) {
					this.#pendingReset = code;
				} else {
					this.#sink.reset(code);
				}
			}
			this.#checkOver();
		});
		this.#checkOver();
	}

	// The receiving end.

	/** Sets who reads, and starts to. */
	read(sink: FlowSink): void {
		this.#sink = sink;
		const code = this.#pendingReset;
		if (code !== undefined) {
			this.#pendingReset = undefined;
			this.#options.defer(() => sink.reset(code));
		}
		this.resume();
	}

	/** Nobody reads until {@link Flow.read} is called again. */
	pause(): void {
		this.#sink = undefined;
	}

	/** The sink may be ready again. */
	resume(): void {
		if (this.#readScheduled || this.#sink === undefined || this.#arrived.length === 0) {
			return;
		}
		this.#readScheduled = true;
		this.#options.defer(() => {
			this.#readScheduled = false;
			this.#deliver();
		});
	}

	/** STOP_SENDING: what comes is dropped. */
	stop(code: number): void {
		if (this.#reading === "over") {
			return;
		}
		this.#endReading();
		this.#options.back.post(() => {
			if (this.#sending !== "over") {
				this.#sending = "over";
				this.#dropQueue();
				if (this.#source === undefined) {
					this.#pendingStop = code;
				} else {
					this.#source.stopped(code);
				}
			}
			this.#checkOver();
		});
		this.#checkOver();
	}

	/** The sender's connection is gone. */
	abandonSending(): void {
		this.#sending = "over";
		this.#dropQueue();
		this.#checkOver();
	}

	/** The receiver's connection is gone. */
	abandonReading(): void {
		this.#endReading();
		this.#checkOver();
	}

	#pump(): void {
		if (!this.#started) {
			return;
		}
		while (this.#waiting > 0 && this.#windowUsedBytes < this.#options.windowBytes) {
			const frame = (this.#urgent.shift() ?? this.#queue.shift()) as Frame;
			const size = sizeOf(frame.payload);
			this.#queuedBytes -= size;
			this.#windowUsedBytes += size;
			this.#options.there.post(() => this.#arrive(frame));
		}
		if (this.#sending === "finishing" && this.#waiting === 0) {
			this.#sending = "fin-sent";
			this.#options.there.post(() => {
				this.#arrive("fin");
				this.#options.back.post(() => this.#acknowledged());
			});
		}
	}

	/** Frames that the window has not let go yet. */
	get #waiting(): number {
		return this.#urgent.length + this.#queue.length;
	}

	#acknowledged(): void {
		if (this.#sending === "fin-sent") {
			this.#sending = "over";
			this.#source?.finished();
			this.#checkOver();
		}
	}

	#arrive(item: Arrived): void {
		if (this.#reading === "over" || this.#wasReset) {
			return;
		}
		this.#arrived.push(item);
		if (item !== "fin") this.#unreadBytes += sizeOf(item.payload);
		if (!this.#readScheduled) {
			this.#deliver();
		}
	}

	#deliver(): void {
		let freedBytes = 0;
		while (this.#sink !== undefined && this.#arrived.length > 0 && (this.#arrived.peek() === "fin" || this.#sink.ready)) {
			const item = this.#arrived.shift() as Arrived;
			if (item === "fin") {
				this.#reading = "over";
				this.#sink.end();
				this.#checkOver();
				break;
			}
			const size = sizeOf(item.payload);
			freedBytes += size;
			this.#unreadBytes -= size;
			this.readBytes += size;
			this.#sink.frame(item);
		}
		if (freedBytes > 0) {
			this.#options.back.post(() => this.#windowOpened(freedBytes));
		}
	}

	#windowOpened(bytes: number): void {
		this.#windowUsedBytes -= bytes;
		this.acknowledgedBytes += bytes;
		this.#pump();
		if (this.#wantsDrain && this.#sending === "open" && this.#queuedBytes < this.highWaterBytes / 2) {
			this.#wantsDrain = false;
			this.#source?.drained();
		}
	}

	#endReading(): void {
		this.#reading = "over";
		this.#arrived.clear();
	}

	#dropQueue(): void {
		this.#queue.clear();
		this.#urgent.clear();
		this.#queuedBytes = 0;
	}

	#checkOver(): void {
		if (!this.#over && this.#sending === "over" && this.#reading === "over") {
			this.#over = true;
			this.#options.onOver();
		}
	}
}

function sizeOf(payload: Uint8Array): number {
	return FRAME_HEADER_BYTES + payload.length;
}
