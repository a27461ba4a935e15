/**
 * Membership in a broadcast, at the Client: the protocol of docs/protocol.md, "Broadcasts".
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { Fifo } from "../../base/fifo.ts";
import { type Deferred, deferred, quietlyDeferred, within } from "../../base/signals.ts";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { BroadcastEvent, BroadcastStream } from "../../stream/broadcast-stream.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import { LOST_WORDS, WORDS } from "../../stream/exchange/index.ts";
import { ReceiveQueue } from "../../stream/receive-queue.ts";
import { type SendHost, SendQueue } from "../../stream/send-queue.ts";
import type { StreamHandler, TransportStream } from "../../transport/transport.ts";
import { type BroadcastControl, type BroadcastOpen, type BroadcastPeer, decodeBroadcastControl, type Joined, TaggedDecoder } from "../../wire/broadcast.ts";
import { applicationCodeFromWire, errorCodeOfReset, RESET_CODES } from "../../wire/codes.ts";
import { PEER_METADATA_BYTES } from "../../wire/fields.ts";
import { FRAME, isSkippedKind } from "../../wire/frames.ts";
import { decodeReject } from "../../wire/open.ts";

const EMPTY = new Uint8Array(0);

/**
 * A member, as its Client sees it.
 *
 * - Opening: ACCEPT comes, then `joined`.
 * - Sending: open -> ending (END waits behind sends) -> ended -> acknowledged.
 * - Reading: open -> ended (END has come, or the member has left).
 * - Leaving: FIN goes after END. All is over when the Coordinator's FIN comes.
 */
export class Membership implements BroadcastStream, StreamHandler, SendHost {
	readonly peer: null = null;
	readonly name: string;
	readonly describe: string;
	readonly closed: Promise<CloseInfo>;
	/** Resolves when the Coordinator has said `joined`. Rejects if the stream ends before that. */
	readonly joined: Promise<void>;
	readonly #open: BroadcastOpen;
	readonly #limits: ClientLimits;
	readonly #clock: Clock;
	readonly #events: ReceiveQueue<BroadcastEvent>;
	/** For each event that waits, the bytes of the frame that it came in. */
	readonly #sizes: Fifo<number> = new Fifo();
	readonly #sending: SendQueue;
	#transport: TransportStream | undefined;
	#state: "opening" | "accepted" | "joined" | "over" = "opening";
	#reading: "open" | "ended" = "open";
	#writing: "open" | "ending" | "ended" | "acknowledged" = "open";
	/** Whether FIN follows END: the member leaves. */
	#leaving = false;
	#finSent = false;
	#closing = false;
	#info: Joined | undefined;
	#lagging: readonly string[] = [];
	#decoder = new TaggedDecoder("");
	/** The parts of a list of members that is not complete yet. */
	#members: BroadcastPeer[] = [];
	#finished: Deferred<void> | undefined;
	#left: Deferred<void> | undefined;
	#error: ConecError | undefined;
	readonly #closed: Deferred<CloseInfo> = deferred();
	readonly #opened: Deferred<void> = quietlyDeferred();

	constructor(open: BroadcastOpen, limits: ClientLimits, clock: Clock = systemClock) {
		this.name = open.name;
		this.describe = `broadcast "${open.name}"`;
		this.#open = open;
		this.#limits = limits;
		this.#clock = clock;
		this.#events = new ReceiveQueue(this);
		this.#sending = new SendQueue(this, limits);
		this.joined = this.#opened.promise;
		this.closed = this.#closed.promise;
		if (open.mode === "receive") this.#sending.end(this.#newError("STREAM_CLOSED", `this member only receives`));
	}

	/** Gives the member its stream. Called once, right after it was made. */
	attach(transport: TransportStream): void {
		this.#transport = transport;
	}

	/** See `SendHost`. */
	write(message: Uint8Array): number {
		return (this.#transport as TransportStream).write(FRAME.DATA, message);
	}

	get queuedBytes(): number {
		return (this.#transport as TransportStream).queuedBytes;
	}

	get epoch(): string {
		return this.#info?.epoch ?? "";
	}

	get recovered(): boolean | undefined {
		return this.#info?.recovered;
	}

	get lagging(): readonly string[] {
		return this.#lagging;
	}

	/** Whether the application has called `close`. */
	get closing(): boolean {
		return this.#closing;
	}

	send(message: Uint8Array | string, options?: { readonly signal?: AbortSignal }): Promise<void> {
		return this.#sending.send(message, options?.signal);
	}

	trySend(message: Uint8Array | string): boolean {
		return this.#sending.trySend(message);
	}

	finish(): Promise<void> {
		if (this.#finished === undefined) {
			this.#finished = quietlyDeferred();
			if (this.#writing === "acknowledged") this.#finished.resolve();
			else if (this.#state === "over") this.#finished.reject(this.#ended());
			else this.#endSending();
		}
		return this.#finished.promise;
	}

	close(): Promise<void> {
		this.#closing = true;
		if (this.#left === undefined) {
			this.#left = quietlyDeferred();
			if (this.#state !== "over") this.#leave();
			else if (this.#error === undefined) this.#left.resolve();
			else this.#left.reject(this.#error);
		}
		return this.#left.promise;
	}

	[Symbol.asyncIterator](): AsyncIterator<BroadcastEvent, undefined> {
		return this.#events.iterate();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await within(
			this.#limits.lingerMs,
			this.close().catch(() => undefined),
			this.#clock,
		);
		this.destroy(this.#newError("STREAM_CLOSED", "it was disposed of"), RESET_CODES.CANCELLED);
	}

	/** Ends the membership at once, here with `error`, at the Coordinator with `wireCode` (one of `RESET_CODES`). */
	destroy(error: ConecError, wireCode: number): void {
		this.#fail(error, { by: "local", code: error.code }, wireCode);
	}

	// What comes from the Coordinator.

	frame(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.TAGGED && this.#reading === "open" && this.#state === "joined" && this.#open.mode !== "send") {
			const message = this.#decoder.decode(payload);
			if (typeof message === "string") return this.#violated(message);
			const { sender, epoch, seq, data } = message;
			this.#sizes.push(payload.length);
			this.#events.push({ type: "message", sender, epoch, seq, data });
			return;
		}
		const size = payload.length;
		if (kind === FRAME.CONTROL && this.#state !== "over" && this.#state !== "opening") return this.#control(payload);
		this.#transport?.consumed(size);
		if (isSkippedKind(kind) || this.#state === "over") return;
		if (this.#state === "opening") this.#answered(kind, payload);
		else if (kind === FRAME.END && this.#state === "joined" && this.#reading === "open") this.#endReceived();
		else if (kind === FRAME.END_ACK && this.#writing === "ended") this.#acknowledged();
		// What was on its way when the member left is ignored.
		else if (!this.#leaving) this.#violated(`a frame of kind 0x${kind.toString(16).padStart(2, "0")} is not allowed there`);
	}

	end(): void {
		if (this.#finSent) {
			this.#over({ by: this.#closing ? "local" : "peer" });
			this.#left?.resolve();
			return;
		}
		const error = this.#newError("STREAM_TRUNCATED", "the Coordinator's side was cut off without an end");
		this.#fail(error, { by: "error", code: error.code }, RESET_CODES.STREAM_TRUNCATED);
	}

	reset(code: number): void {
		this.#endedByPeer("STREAM_RESET", "the Coordinator reset it", code);
	}

	stopped(code: number): void {
		// A REJECT may come after it.
		if (this.#state !== "opening") this.#endedByPeer("STREAM_STOPPED", "the Coordinator wants no more", code);
	}

	drained(): void {
		this.#sending.drained();
	}

	finished(): void {}

	lost(cause: ConecError): void {
		const code = cause.code === "CONNECTION_LOST" ? "COORDINATOR_LOST" : cause.code;
		const error = new ConecError(code, `Lost ${this.describe}: ${LOST_WORDS[code] ?? cause.message}`, { cause });
		this.#fail(error, { by: "error", code }, undefined);
	}

	/** Every waiting send has been written. */
	emptied(): void {
		if (this.#writing === "ending") this.#writeEnd();
	}

	#answered(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.ACCEPT) {
			this.#state = "accepted";
		} else if (kind === FRAME.REJECT) {
			const reject = decodeReject(payload);
			const code = reject.ok ? reject.value.code : "PROTOCOL_ERROR";
			const words = reject.ok ? (reject.value.message ?? WORDS[code]) : reject.error;
			this.#fail(new ConecError(code, `Cannot join ${this.describe}: ${words}`), { by: "peer", code }, RESET_CODES.REJECTED);
		} else {
			this.#violated(`the answer has the kind 0x${kind.toString(16).padStart(2, "0")}`);
		}
	}

	#control(payload: Uint8Array): void {
		const decoded = decodeBroadcastControl(payload, PEER_METADATA_BYTES);
		if (!decoded.ok) return this.#violated(decoded.error);
		const { value } = decoded;
		if ((value.type === "joined") !== (this.#state === "accepted")) return this.#violated(`"${value.type}" is not allowed there`);
		const event = this.#eventOf(value);
		// Only the last part of a list of members counts against the credit. The list may be longer than the credit, and could then never be complete.
		if (event === undefined || this.#reading !== "open") {
			this.#transport?.consumed(payload.length);
			return;
		}
		this.#sizes.push(payload.length);
		this.#events.push(event);
	}

	/** The application has taken the first event that waited; see `ReceiveHost`. */
	consumed(): void {
		this.#transport?.consumed(this.#sizes.shift() ?? 0);
	}

	/** The event that the application gets for a message, if it gets one. */
	#eventOf(message: BroadcastControl): BroadcastEvent | undefined {
		switch (message.type) {
			case "joined":
				this.#info = message;
				this.#state = "joined";
				this.#lagging = message.lagging ?? [];
				this.#decoder = new TaggedDecoder(message.epoch);
				this.#opened.resolve();
				return undefined;
			case "lag":
				this.#lagging = message.lagging;
				return undefined;
			case "members": {
				for (const member of message.members) this.#members.push(member);
				if (this.#members.length > this.#limits.presencePeers) return this.#listTooLong();
				if (message.more) return undefined;
				const members = this.#members;
				this.#members = [];
				return { type: "members", members, seq: message.seq };
			}
			case "gap":
				return { type: "gap", lost: message.lost, fromSeq: message.fromSeq, toSeq: message.toSeq };
			default:
				return { type: message.type, peer: message.peer, seq: message.seq };
		}
	}

	#listTooLong(): undefined {
		this.#members = [];
		const error = this.#newError("LIMIT_EXCEEDED", `it has more than ${this.#limits.presencePeers} members (limits.presencePeers)`);
		this.#fail(error, { by: "error", code: error.code }, RESET_CODES.CANCELLED);
		return undefined;
	}

	/** The last sender has gone, so the member leaves. */
	#endReceived(): void {
		this.#reading = "ended";
		this.#events.finish(null);
		this.#transport?.write(FRAME.END_ACK, EMPTY);
		this.#leave();
	}

	#acknowledged(): void {
		this.#writing = "acknowledged";
		this.#finished?.resolve();
		// A member that only sends has nothing more to wait for.
		if (this.#open.mode === "send" && this.#open.presence !== true) this.#leave();
	}

	#leave(): void {
		this.#leaving = true;
		if (this.#reading === "open") {
			this.#reading = "ended";
			while (this.#sizes.length > 0) this.consumed();
			this.#events.discard(null);
		}
		if (this.#writing === "open") this.#endSending();
		this.#sendFin();
	}

	#endSending(): void {
		if (this.#writing !== "open") return;
		this.#writing = "ending";
		this.#sending.end(this.#ended());
		if (this.#sending.waiting === 0) this.#writeEnd();
	}

	#writeEnd(): void {
		this.#writing = "ended";
		this.#transport?.write(FRAME.END, EMPTY);
		this.#sendFin();
	}

	#sendFin(): void {
		if (!this.#leaving || this.#finSent || this.#writing === "open" || this.#writing === "ending") return;
		this.#finSent = true;
		this.#transport?.finish();
	}

	#endedByPeer(code: ConecErrorCode, words: string, wireCode: number): void {
		const meaning = errorCodeOfReset(wireCode);
		const error = this.#newError(meaning ?? code, meaning === undefined ? words : WORDS[meaning], applicationCodeFromWire(wireCode));
		this.#fail(error, { by: "peer", code: error.code }, RESET_CODES.CANCELLED);
	}

	#violated(what: string): void {
		const error = this.#newError("FRAME_INVALID", what);
		this.#fail(error, { by: "error", code: error.code }, RESET_CODES.FRAME_INVALID);
	}

	/** If there is a code, it goes to the Coordinator by RESET_STREAM and STOP_SENDING. */
	#fail(error: ConecError, cause: CloseInfo, wireCode: number | undefined): void {
		if (this.#state === "over") return;
		this.#error = error;
		if (wireCode !== undefined) {
			this.#transport?.reset(wireCode);
			this.#transport?.stop(wireCode);
		}
		this.#over(cause);
		this.#opened.reject(error);
		this.#events.finish(error);
		this.#sending.fail(error);
		if (this.#writing !== "acknowledged") this.#finished?.reject(error);
		this.#left?.reject(error);
	}

	#over(info: CloseInfo): void {
		if (this.#state === "over") return;
		this.#state = "over";
		this.#closed.resolve(info);
	}

	#ended(): ConecError {
		return this.#error ?? this.#newError("STREAM_CLOSED", this.#closing ? "this side has left it" : "this side has finished sending");
	}

	#newError(code: ConecErrorCode, words: string | undefined, closeCode?: number): ConecError {
		return new ConecError(code, `Cannot continue ${this.describe}: ${words ?? code}`, { closeCode });
	}
}
