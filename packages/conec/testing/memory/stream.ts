/**
 * Streams of the memory network.
 *
 * @module
 */

import { ConecError } from "#conec/errors";
import type {
	Frame,
	HeldStream,
	IncomingStream,
	PipeResult,
	StreamHandler,
	StreamOptions,
	Transport,
	TransportConnection,
	TransportStream,
} from "#conec/transport/transport";
import { RESET_CODES } from "#conec/wire/codes";
import { FRAME_HEADER_BYTES, lengthAt, maxPayloadBytes } from "#conec/wire/frames";
import { Flow, type FlowSink } from "./flow.ts";
import type { Pacing } from "./pacing.ts";
import type { Defer, MemoryWire } from "./wire.ts";

/** What a frame costs of the credit besides its payload, so that empty ones are bounded too. */
const FRAME_COST_BYTES = 64;

const DEFAULT_BYTES = 256 * 1_024;
const DEFAULT_MESSAGE_BYTES = 1_024 * 1_024;

/** What a stream needs of the connection at its end. */
export interface LinkOwner extends TransportConnection {
	/** Whose connection it is. */
	readonly transport: Transport;
	/** Says who is to be told when the stream breaks with the connection. */
	adopt(link: Link, onLost: (error: ConecError) => void): void;
	count(what: "sentBytes" | "receivedBytes", bytes: number): void;
	/** How fast it is read by pipes. `undefined`: as fast as they can. */
	readonly pacing: Pacing | undefined;
	/** Its owner is told that its bound makes it wait. */
	readonly onSlowed: (() => void) | undefined;
	/** Does something after the present turn. */
	readonly defer: Defer;
}

/** Both directions of one stream, as the opener and the acceptor share them. */
export interface Link {
	readonly opener: LinkOwner;
	/** Whether the acceptor has heard of it. */
	started: boolean;
	/** Told once it is started. */
	onStarted: (() => void) | undefined;
	/** Both directions are over. */
	over: boolean;
	/** From the opener. */
	readonly forward: Flow;
	/** To the opener. */
	readonly backward: Flow;
}

/** How a link is made. */
export interface LinkOptions {
	readonly opener: LinkOwner;
	readonly windowBytes: number;
	readonly toAcceptor: MemoryWire;
	readonly toOpener: MemoryWire;
	readonly defer: Defer;
	/** Both directions are over. */
	readonly onOver: (link: Link) => void;
}

/** A link of which nothing has been sent. */
export function createLink(options: LinkOptions): Link {
	let live = 2;
	const onOver = (): void => {
		live--;
		if (live === 0) {
			link.over = true;
			options.onOver(link);
		}
	};
	const { opener, windowBytes, toAcceptor, toOpener, defer } = options;
	const link: Link = {
		opener,
		started: false,
		onStarted: undefined,
		over: false,
		forward: new Flow({ windowBytes, there: toAcceptor, back: toOpener, defer, onOver }),
		backward: new Flow({ windowBytes, there: toOpener, back: toAcceptor, defer, onOver }),
	};
	return link;
}

/** One end of a stream that JavaScript reads and writes. */
export class MemoryStream implements TransportStream {
	readonly connection: LinkOwner;
	/** It has a `frameTimeoutMs`, which here never runs out. */
	readonly timed: boolean;
	readonly #incoming: Flow;
	readonly #outgoing: Flow;
	readonly #handler: StreamHandler;
	readonly #messageBytes: number;
	#creditBytes: number;
	#lost = false;

	constructor(connection: LinkOwner, incoming: Flow, outgoing: Flow, handler: StreamHandler, options: StreamOptions) {
		this.connection = connection;
		this.timed = options.frameTimeoutMs !== undefined;
		this.#incoming = incoming;
		this.#outgoing = outgoing;
		this.#handler = handler;
		this.#messageBytes = options.messageBytes ?? DEFAULT_MESSAGE_BYTES;
		this.#creditBytes = options.creditBytes ?? DEFAULT_BYTES;
		outgoing.highWaterBytes = options.highWaterBytes ?? DEFAULT_BYTES;
		outgoing.send({
			drained: () => this.#tell(() => handler.drained()),
			finished: () => this.#tell(() => handler.finished()),
			stopped: (code) => this.#tell(() => handler.stopped(code)),
		});
	}

	get queuedBytes(): number {
		return this.#outgoing.queuedBytes;
	}

	write(kind: number, payload: Uint8Array): number {
		return this.#counted(payload, this.#outgoing.write(kind, payload));
	}

	writeUrgent(kind: number, payload: Uint8Array): number {
		return this.#counted(payload, this.timed ? this.#outgoing.write(kind, payload) : this.#outgoing.writeUrgent(kind, payload));
	}

	writeFrames(frames: Uint8Array): number {
		let queuedBytes = this.#outgoing.queuedBytes;
		for (let at = 0; at < frames.length && queuedBytes >= 0; ) {
			const end = at + FRAME_HEADER_BYTES + lengthAt(frames, at);
			queuedBytes = this.write(frames[at] as number, frames.subarray(at + FRAME_HEADER_BYTES, end));
			at = end;
		}
		return queuedBytes;
	}

	finish(): void {
		this.#outgoing.finish();
	}

	reset(code: number): void {
		this.#outgoing.reset(code);
	}

	stop(code: number): void {
		this.#incoming.stop(code);
	}

	consumed(payloadBytes: number): void {
		const before = this.#creditBytes;
		this.#creditBytes += payloadBytes + FRAME_COST_BYTES;
		if (before <= 0 && this.#creditBytes > 0) {
			this.#incoming.resume();
		}
	}

	/** Starts reading what follows the header. */
	start(): void {
		const credit = (): number => this.#creditBytes;
		const sink: FlowSink = {
			get ready() {
				return credit() > 0;
			},
			frame: (frame) => this.#frame(frame),
			end: () => this.#tell(() => this.#handler.end()),
			reset: (code) => this.#tell(() => this.#handler.reset(code)),
		};
		this.#incoming.read(sink);
	}

	/** The stream broke; the last call of the handler. */
	lose(error: ConecError): void {
		if (!this.#lost) {
			this.#lost = true;
			this.#handler.lost(error);
		}
	}

	#counted(payload: Uint8Array, queuedBytes: number): number {
		if (queuedBytes >= 0) {
			this.connection.count("sentBytes", payload.length);
		}
		return queuedBytes;
	}

	#frame(frame: Frame): void {
		if (frame.payload.length > maxPayloadBytes(frame.kind, this.#messageBytes)) {
			this.#incoming.stop(RESET_CODES.MESSAGE_TOO_LONG);
			this.#outgoing.reset(RESET_CODES.MESSAGE_TOO_LONG);
			this.lose(new ConecError("MESSAGE_TOO_LONG", `Cannot read on: a frame of ${frame.payload.length} bytes is too long`));
			return;
		}
		this.#creditBytes -= frame.payload.length + FRAME_COST_BYTES;
		this.connection.count("receivedBytes", frame.payload.length);
		this.#tell(() => this.#handler.frame(frame.kind, frame.payload));
	}

	#tell(event: () => void): void {
		if (!this.#lost) {
			event();
		}
	}
}

/** A stream that the peer opened and nobody has taken yet. */
export class MemoryIncoming implements IncomingStream {
	readonly header: Frame;
	readonly connection: LinkOwner;
	readonly link: Link;
	/** Nobody has accepted, piped or refused it. */
	undecided: boolean = true;

	constructor(connection: LinkOwner, link: Link, header: Frame) {
		this.connection = connection;
		this.link = link;
		this.header = header;
	}

	accept(handler: StreamHandler, options: StreamOptions = {}): TransportStream {
		this.undecided = false;
		const stream = new MemoryStream(this.connection, this.link.forward, this.link.backward, handler, options);
		this.connection.adopt(this.link, (error) => stream.lose(error));
		stream.start();
		return stream;
	}

	refuse(code: number): void {
		if (this.undecided) {
			this.undecided = false;
			refuseLink(this.link, code);
		}
	}
}

/** A stream that was opened to be piped. */
export class MemoryHeld implements HeldStream {
	readonly connection: LinkOwner;
	readonly link: Link;
	/** Nobody has piped or refused it. */
	undecided: boolean = true;
	readonly #letGo: () => void;
	#opened = false;

	constructor(connection: LinkOwner, link: Link, letGo: () => void) {
		this.connection = connection;
		this.link = link;
		this.#letGo = letGo;
	}

	open(): void {
		if (this.#opened) return;
		this.#opened = true;
		this.#letGo();
	}

	refuse(code: number): void {
		if (!this.undecided) return;
		this.undecided = false;
		this.link.forward.reset(code);
		this.link.backward.stop(code);
	}
}

/** Resets and stops a link at its acceptor's end. */
export function refuseLink(link: Link, code: number): void {
	link.backward.reset(code);
	link.forward.stop(code);
}

/** See `Transport.pipe`. */
export function pipeLinks(from: MemoryIncoming, to: MemoryHeld, lostCode: number, onOpen: () => void): Promise<PipeResult> {
	from.undecided = false;
	to.undecided = false;
	// The headers are no part of what is piped.
	const { readBytes: forwardStart } = from.link.forward;
	return new Promise((resolve) => {
		let open = 2;
		const opened = (): void => {
			// What has come meanwhile has found the header in its way.
			from.link.forward.resume();
			if (open > 0) onOpen();
		};
		if (to.link.started) to.connection.defer(opened);
		else to.link.onStarted = () => to.connection.defer(opened);
		let end: PipeResult["end"] = "finished";
		const over = (how: PipeResult["end"]): void => {
			open--;
			end = end === "lost" || how === "lost" ? "lost" : how === "reset" ? "reset" : end;
			if (open === 0) {
				resolve({ forwardBytes: from.link.forward.readBytes - forwardStart, backwardBytes: to.link.backward.readBytes, end });
			}
		};
		const forward = splice(from.connection, from.link.forward, to.link.forward, over);
		const backward = splice(to.connection, to.link.backward, from.link.backward, over);
		from.connection.adopt(from.link, () => {
			forward.sourceLost(lostCode);
			backward.targetLost(lostCode);
		});
		to.connection.adopt(to.link, () => {
			forward.targetLost(lostCode);
			backward.sourceLost(lostCode);
		});
	});
}

/** One direction of a pipe. */
interface Splice {
	sourceLost(lostCode: number): void;
	targetLost(lostCode: number): void;
}

/** Moves frames, FIN, reset and stop from one flow to another. */
function splice({ pacing, onSlowed }: LinkOwner, source: Flow, target: Flow, over: (how: PipeResult["end"]) => void): Splice {
	let done = false;
	let sourceEnded = false;
	const finish = (how: PipeResult["end"]): void => {
		if (!done) {
			done = true;
			pacing?.read(source, 0);
			over(how);
		}
	};
	target.highWaterBytes = 1;
	target.send({
		drained: () => source.resume(),
		finished: () => finish("finished"),
		stopped: (code) => {
			source.stop(code);
			finish("reset");
		},
	});
	source.read({
		get ready() {
			if (target.queuedBytes === 0) return done || (pacing?.mayRead(source, () => source.resume(), onSlowed) ?? true);
			pacing?.read(source, 0); // it has its turn again when the target has room
			return false;
		},
		frame: (frame) => {
			pacing?.read(source, FRAME_HEADER_BYTES + frame.payload.length);
			target.write(frame.kind, frame.payload);
		},
		end: () => {
			sourceEnded = true;
			target.finish();
		},
		reset: (code) => {
			target.reset(code);
			finish("reset");
		},
	});
	return {
		sourceLost(lostCode) {
			// What had come whole is still delivered.
			if (!sourceEnded && !done) {
				target.reset(lostCode);
				finish("lost");
			}
		},
		targetLost(lostCode) {
			if (!done) {
				source.stop(lostCode);
				finish("lost");
			}
		},
	};
}
