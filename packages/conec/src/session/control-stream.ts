/**
 * The control stream of a connection, the same at both ends: JSON messages in CONTROL frames, pings answered, a bound on what waits for a
 * peer that does not read, and one on how fast messages of the peer are dealt with.
 *
 * @module
 */

import { type Clock, systemClock } from "../base/clock.ts";
import { deferred, within } from "../base/signals.ts";
import type { ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { IncomingStream, StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { type ControlMessage, decodeControl, encodeControl, type Ping, type Pong } from "../wire/control.ts";
import { PRIORITY_MAX } from "../wire/fields.ts";
import { FRAME, isSkippedKind, KEEP_ALIVE_KIND } from "../wire/frames.ts";
import type { Decoded } from "../wire/json.ts";
import { Pace, type Paced, type WorkShare } from "./pace/index.ts";

/** Any message: its type names it. */
export interface Typed {
	readonly type: string;
}

/** The messages of one kind of control stream, ping and pong among them. */
export interface ControlDialect<M extends Typed> {
	readonly encode: (message: M) => Uint8Array;
	/** `undefined` as value: of a type that is not known. */
	readonly decode: (payload: Uint8Array, metadataBytes: number) => Decoded<M | undefined>;
}

/** What the owner of a control stream is told. */
export interface ControlEvents<M extends Typed = ControlMessage> {
	/** A message other than ping and pong, which are dealt with here. */
	message(message: Exclude<M, Ping | Pong>): void;
	/** A message has come, a ping or pong too; called before it is dealt with. */
	heard?(): void;
	/** The peer sends more messages than this side deals with, and they wait. Called at most once a second. */
	slowed?(): void;
	/** The peer broke the rules; close the connection with this code and reason. Called at most once, the last call. */
	broken(closeCode: number, reason: string): void;
	/** All that was sent before {@link ControlStream.finish} is in the peer's machine. */
	finished(): void;
}

/** The bounds that a control stream needs. */
export type ControlLimits = Pick<Limits, "controlQueueReplies" | "controlQueueBytes" | "controlMessagesPerSecond" | "controlFrameTimeoutMs" | "metadataBytes">;

/** Between a Client and its Coordinator. */
export const COORDINATOR_DIALECT: ControlDialect<ControlMessage> = { encode: encodeControl, decode: decodeControl };

/** Opens a control stream with its first message, in any dialect. */
export function openControlStream<M extends Typed>(
	dialect: ControlDialect<M | Ping | Pong>,
	connection: TransportConnection,
	first: M,
	events: ControlEvents<M>,
	limits: ControlLimits,
	clock?: Clock,
): ControlStream<M> {
	const channel = new ControlStream(dialect, events, limits, clock);
	channel.attach(connection.openStream({ kind: FRAME.CONTROL, payload: dialect.encode(first) }, channel.handler, streamOptions(limits)));
	return channel;
}

/** Takes the control stream that somebody has opened, in any dialect; its first message is in `incoming.header`. `work`: what all such streams share. */
export function acceptControlStream<M extends Typed>(
	dialect: ControlDialect<M | Ping | Pong>,
	incoming: IncomingStream,
	events: ControlEvents<M>,
	limits: ControlLimits,
	clock?: Clock,
	work?: WorkShare,
): ControlStream<M> {
	const channel = new ControlStream(dialect, events, limits, clock, work);
	channel.attach(incoming.accept(channel.handler, streamOptions(limits)));
	return channel;
}

/** One end of a control stream. Made by {@link openControlStream} and {@link acceptControlStream}. */
export class ControlStream<M extends Typed = ControlMessage> {
	readonly handler: StreamHandler;
	readonly #dialect: ControlDialect<M | Ping | Pong>;
	readonly #events: ControlEvents<M>;
	readonly #limits: ControlLimits;
	readonly #clock: Clock;
	#stream: TransportStream | undefined;
	#over = false;
	#waitingReplies = 0;
	readonly #pace: Pace;
	#heardFrames = 0;
	/** Pings that are no urgent ones and are not answered yet, and the lengths of their frames. `undefined`: there are none. */
	#pings: { readonly nonce: number; readonly bytes: number }[] | undefined;
	#takesTurns = false;
	#lastNonce = 0;
	/** The ping that calls of {@link ping} share. */
	#ping: Promise<boolean> | undefined;
	/** What waits for the answer of which number: one ping at most, and flushes. `undefined`: nothing has ever waited. */
	#unanswered: Map<number, (alive: boolean) => void> | undefined;

	constructor(dialect: ControlDialect<M | Ping | Pong>, events: ControlEvents<M>, limits: ControlLimits, clock: Clock = systemClock, work?: WorkShare) {
		this.#dialect = dialect;
		this.#events = events;
		this.#limits = limits;
		this.#clock = clock;
		const ears = new Ears(this);
		this.handler = ears;
		this.#pace = new Pace(limits, clock, ears, work);
	}

	/** Gives the channel its stream. Once, right after it was made. */
	attach(stream: TransportStream): void {
		this.#stream = stream;
	}

	/** How many frames have come, which only the peer's process can have sent. Those that wait to be dealt with count. */
	get heardFrames(): number {
		return this.#heardFrames;
	}

	/** Sends a message. A peer that lets too many wait is reported as broken. */
	send(message: M | Ping | Pong): void {
		if (this.#over || this.#stream === undefined) return;
		const payload = this.#dialect.encode(message);
		const queued = this.#stream.write(FRAME.CONTROL, payload);
		this.#waitingReplies = queued <= payload.length + 4 ? 1 : this.#waitingReplies + 1;
		if (queued > this.#limits.controlQueueBytes || this.#waitingReplies > this.#limits.controlQueueReplies) {
			this.#break(CLOSE_CODES.LIMIT_EXCEEDED, "too many answers wait to be read");
		} else if (this.#waitingReplies % this.#atOnce === 0 || queued > this.#limits.controlQueueBytes / 4) {
			this.#pace.hold();
			void this.#takeTurns();
		}
	}

	/** Whether the peer's process answers within `timeoutMs`. Calls at the same time share one ping. Never rejects. */
	ping(timeoutMs: number): Promise<boolean> {
		if (this.#over) return Promise.resolve(false);
		this.#ping ??= this.#ask(timeoutMs, true, () => {
			this.#ping = undefined;
		});
		return this.#ping;
	}

	/**
	 * Whether the peer's library has heard of all that was said on this connection before, within `timeoutMs`. One packet that the
	 * network loses is not missed at once: so a side that is about to close flushes twice. Never rejects.
	 */
	async flush(timeoutMs: number): Promise<boolean> {
		const deadline = this.#clock.now() + timeoutMs;
		if (this.#stream !== undefined) await within(timeoutMs, this.#stream.connection.settled(), this.#clock);
		if (this.#over) return false;
		// A ping that is under way proves nothing of what was said after it.
		return await this.#ask(Math.max(0, deadline - this.#clock.now()), false, () => undefined);
	}

	/** Sends a ping whose answer nobody waits for, whether one is under way or not. */
	poke(): void {
		this.send({ type: "ping", nonce: ++this.#lastNonce, urgent: true });
	}

	/** Makes the peer's machine acknowledge a packet. That is cheaper than {@link poke}, as the peer's process has nothing to answer. */
	keepAlive(): void {
		if (!this.#over) this.#stream?.write(KEEP_ALIVE_KIND, NOTHING);
	}

	/** No message follows, and none is taken any more. */
	finish(): void {
		this.#end();
		this.#stream?.finish();
	}

	/** Forgets what was waited for. The owner calls it when the connection is over. */
	end(): void {
		this.#end();
	}

	/** @internal A frame has come. */
	came(kind: number, payload: Uint8Array): void {
		this.#heardFrames++;
		this.#pace.take(kind, payload);
	}

	/** @internal Deals with a frame, whose turn it is. */
	deal(kind: number, payload: Uint8Array): void {
		const ping = this.#read(kind, payload);
		if (ping === undefined) return this.#stream?.consumed(payload.length);
		this.#pings ??= [];
		this.#pings.push({ nonce: ping.nonce, bytes: payload.length });
		void this.#takeTurns();
	}

	/** Deals with everything but a ping that is to be answered later, which it returns. */
	#read(kind: number, payload: Uint8Array): Ping | undefined {
		if (this.#over || isSkippedKind(kind)) return undefined;
		if (kind !== FRAME.CONTROL)
			return void this.#break(CLOSE_CODES.PROTOCOL_ERROR, `a frame of kind 0x${kind.toString(16).padStart(2, "0")} on the control stream`);
		const message = this.#dialect.decode(payload, this.#limits.metadataBytes);
		if (!message.ok) return void this.#break(CLOSE_CODES.PROTOCOL_ERROR, message.error);
		const { value } = message;
		if (value === undefined) return void this.#break(CLOSE_CODES.PROTOCOL_ERROR, "a control message of unknown type");
		this.#events.heard?.();
		if (isPing(value)) {
			if (value.urgent !== true) return value;
			// Whatever else waits here, on this stream or on others.
			this.send({ type: "pong", nonce: value.nonce });
			return undefined;
		}
		if (isPong(value)) this.#unanswered?.get(value.nonce)?.(true);
		else this.#events.message(value as Exclude<M, Ping | Pong>);
		return undefined;
	}

	/** Sends a ping; `over` is called when it is answered or given up. */
	#ask(timeoutMs: number, urgent: boolean, over: () => void): Promise<boolean> {
		const nonce = ++this.#lastNonce;
		const { promise: answered, resolve } = deferred<boolean>();
		const answer = (alive: boolean): void => {
			this.#clock.clearTimeout(timer);
			this.#unanswered?.delete(nonce);
			over();
			resolve(alive);
		};
		const timer = this.#clock.setTimeout(() => answer(false), timeoutMs);
		this.#unanswered ??= new Map();
		this.#unanswered.set(nonce, answer);
		this.send({ type: "ping", nonce, ...(urgent ? { urgent } : {}) });
		return answered;
	}

	/**
	 * Deals with what waits for QUIC, in turns: each begins when QUIC has what was said in the one before, and all that the peer had said by then
	 * is heard here.
	 *
	 * A ping that is no urgent one waits because the peer may close as soon as it has the answer. Whatever else is asked waits when many answers lie
	 * here. QUIC may not have been given them yet, so they do not show that the peer reads none. All that waits holds its credit, so the
	 * stream's window bounds it.
	 */
	async #takeTurns(): Promise<void> {
		if (this.#takesTurns) return;
		this.#takesTurns = true;
		while (!this.#over && this.#stream !== undefined && (this.#pings !== undefined || this.#pace.holds)) {
			// Those that come later are answered later.
			const pings = this.#pings ?? [];
			this.#pings = pings.length > this.#atOnce ? pings.splice(this.#atOnce) : undefined;
			await this.#stream.connection.settled();
			for (const { nonce, bytes } of pings) {
				this.#stream.consumed(bytes);
				this.send({ type: "pong", nonce });
			}
			this.#pace.release();
		}
		this.#takesTurns = false;
	}

	/** So many answers of a kind are given in a turn. Those of three turns may wait for a peer that does not read. */
	get #atOnce(): number {
		return Math.max(1, Math.min(MOST_AT_ONCE, this.#limits.controlQueueReplies >>> 2));
	}

	/** @internal Frames wait. */
	slowed(): void {
		this.#events.slowed?.();
	}

	/** @internal All that was sent before its end has arrived. */
	finished(): void {
		this.#events.finished();
	}

	/** @internal Its stream has ended. */
	broke(reason: string): void {
		this.#break(CLOSE_CODES.PROTOCOL_ERROR, reason);
	}

	#break(closeCode: number, reason: string): void {
		if (this.#over) return;
		this.#end();
		this.#events.broken(closeCode, reason);
	}

	#end(): void {
		this.#over = true;
		this.#pace.end();
		for (const answer of [...(this.#unanswered?.values() ?? [])]) answer(false);
	}
}

/** What the transport and the pace tell a control stream. A class, as each idle connection has one: functions of its own would cost a kilobyte. */
class Ears<M extends Typed> implements StreamHandler, Paced {
	readonly #control: ControlStream<M>;

	constructor(control: ControlStream<M>) {
		this.#control = control;
	}

	frame(kind: number, payload: Uint8Array): void {
		this.#control.came(kind, payload);
	}

	end(): void {
		this.#control.broke("the control stream ended");
	}

	reset(): void {
		this.#control.broke("the control stream was reset");
	}

	stopped(): void {
		this.#control.broke("the control stream was stopped");
	}

	drained(): void {}

	finished(): void {
		this.#control.finished();
	}

	lost(error: ConecError): void {
		// A lost connection says so itself; what is left is a frame that is too long or cut short.
		if (error.code === "CONNECTION_LOST") this.#control.end();
		else this.#control.broke(`control stream: ${error.message}`);
	}

	deal(kind: number, payload: Uint8Array): void {
		this.#control.deal(kind, payload);
	}

	slowed(): void {
		this.#control.slowed();
	}
}

function isPing(message: Typed): message is Ping {
	return message.type === "ping";
}

function isPong(message: Typed): message is Pong {
	return message.type === "pong";
}

const NOTHING = new Uint8Array(0);

/** So many answers are given before QUIC has them, at most. */
const MOST_AT_ONCE = 64;

/** Above that of every stream, so that no load of a channel delays its pings. */
const CONTROL_PRIORITY = PRIORITY_MAX + 1;

/**
 * What the peer may send before something of it is dealt with. Two of the longest frames fit, as credit is given back in quarters. What is
 * read on a control stream is otherwise dealt with at once, so more would only let more wait.
 */
const CREDIT_BYTES = 32 * 1_024;

function streamOptions({ controlFrameTimeoutMs }: ControlLimits): StreamOptions {
	return { messageBytes: 1, creditBytes: CREDIT_BYTES, priority: CONTROL_PRIORITY, frameTimeoutMs: controlFrameTimeoutMs };
}
