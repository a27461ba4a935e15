/**
 * The protocol of one stream of messages, at either end (docs/protocol.md, sections 5 and 6), as a machine.
 *
 * It is told what came and what the application wants, and says what to do. It has no timers, no promises and no I/O.
 *
 * @module
 */

import type { ConecError } from "../errors.ts";
import type { StreamHandler } from "../transport/transport.ts";
import { applicationCodeFromWire, applicationCodeToWire, errorCodeOfReset, RESET_CODES } from "../wire/codes.ts";
import { FRAME, isSkippedKind } from "../wire/frames.ts";
import { decodeReject } from "../wire/open.ts";
import type { CloseInfo } from "./close-info.ts";
import { type Answer, AWAITED, awaitsEndAck, ENDED_HERE, ENDED_THERE, type Ending, isOver, type Receiving, SETTLED, type Sending } from "./exchange-states.ts";
import { cannotGoOn, cannotOpen, endOf, lostWith, type Subject } from "./failures.ts";
import type { ReceiveHost } from "./receive-queue.ts";
import type { SendHost } from "./send-queue.ts";

const EMPTY = new Uint8Array(0);

/** Where frames go: what a machine asks of the stream under it. A `TransportStream` is one. */
export interface ExchangeWire {
	/** Queues a frame, and gives the bytes now queued, or -1 when this direction is over. */
	write(kind: number, payload: Uint8Array): number;
	/** Bytes queued and not sent. */
	readonly queuedBytes: number;
	/** Sends FIN after what is queued. */
	finish(): void;
	/** Gives up sending. */
	reset(code: number): void;
	/** Wants no more of the peer. */
	stop(code: number): void;
	/** Gives credit back for a frame with a payload of so many bytes. */
	consumed(payloadBytes: number): void;
}

/**
 * What the machine says to the side of the application.
 *
 * `opened` or `refused` is called once at the opener, never both and never at the acceptor. `acknowledged` or
 * `unacknowledged` is called once, and so is `over`, which is the last call but for `discard` and `drained`.
 */
export interface ExchangeSink {
	/** Messages that came. */
	readonly receiving: {
		push(message: Uint8Array): void;
		/** No more will come: `null` is the peer's end, an error is read after what waits. */
		finish(outcome: ConecError | null): void;
		/** What waits is dropped, and `outcome` is read instead. */
		discard(outcome: ConecError): void;
	};
	/** Messages that go. */
	readonly sending: {
		/** The wire has room. */
		drained(): void;
		/** No further message is taken. Those that wait still go, and then {@link Exchange.emptied} is called. */
		end(error: ConecError): void;
		/** Nothing goes any more, what waits neither. */
		fail(error: ConecError): void;
	};
	/** Wants {@link Exchange.expired} called at that time; `undefined`: not any more. A new time replaces the one before. */
	wakeAt(ms: number | undefined): void;
	/** The peer's library has accepted. */
	opened(): void;
	/** The stream is over, and was never accepted. */
	refused(error: ConecError): void;
	/** The peer has all that was sent before `close`. */
	acknowledged(): void;
	/** Sending is over before its time. */
	unacknowledged(error: ConecError): void;
	/** Both directions are over. */
	over(info: CloseInfo): void;
}

/** Before a machine has its wire, and where it never gets one. */
const NO_WIRE: ExchangeWire = { write: () => -1, queuedBytes: 0, finish() {}, reset() {}, stop() {}, consumed() {} };

/**
 * See the module. {@link open} or {@link accept} comes first. Then come the transport's events in the order of
 * `StreamHandler`, mixed with what the application does: `write`, `consumed`, `close`, `resetLocally`, `stopLocally`, `destroy`.
 * Every method is safe at any time, and none throws.
 *
 * The stream is over when receiving is not open and sending is done or has failed. What QUIC has still to deliver then,
 * FIN at most, changes nothing.
 */
export class Exchange implements StreamHandler, SendHost, ReceiveHost<Uint8Array> {
	readonly describe: string;
	readonly #subject: Subject;
	readonly #sink: ExchangeSink;
	#wire: ExchangeWire = NO_WIRE;
	#answer: Answer;
	#receiving: Receiving = "open";
	#sending: Sending = "open";
	#ending: Ending = ENDED_HERE;
	#error: ConecError | undefined = undefined;

	constructor(role: "opener" | "acceptor", subject: Subject, sink: ExchangeSink) {
		this.describe = subject.describe;
		this.#subject = subject;
		this.#sink = sink;
		this.#answer = role === "opener" ? AWAITED : SETTLED;
	}

	get answer(): Answer {
		return this.#answer;
	}

	get receiving(): Receiving {
		return this.#receiving;
	}

	get sending(): Sending {
		return this.#sending;
	}

	/** Why sending ended before its time, if it did. */
	get error(): ConecError | undefined {
		return this.#error;
	}

	/** The application has closed it, and sending has not failed. */
	get closing(): boolean {
		return this.#sending !== "open" && this.#sending !== "failed" && this.#sending !== "abandoned";
	}

	/** Both directions are over. */
	get over(): boolean {
		return this.#receiving !== "open" && isOver(this.#sending);
	}

	// How it begins.

	/** OPEN is written on `wire`, at `nowMs`. The answer must come within `withinMs`. */
	open(wire: ExchangeWire, nowMs: number, withinMs: number): void {
		this.#wire = wire;
		this.#answer = { type: "awaited", untilMs: nowMs + withinMs, withinMs };
		this.#sink.wakeAt(this.#answer.untilMs);
	}

	/** OPEN came on `wire`: ACCEPT is written. */
	accept(wire: ExchangeWire): void {
		this.#wire = wire;
		wire.write(FRAME.ACCEPT, EMPTY);
	}

	// What the application does.

	/** Sends a message; gives the bytes now queued, or -1 when sending is over. */
	write(message: Uint8Array): number {
		return this.#sending === "open" || this.#sending === "ending" ? this.#wire.write(FRAME.DATA, message) : -1;
	}

	get queuedBytes(): number {
		return this.#wire.queuedBytes;
	}

	/** The application has taken a message. */
	consumed(message: Uint8Array): void {
		this.#wire.consumed(message.length);
	}

	/** The application sends no more, after so many messages that wait. Has no effect unless sending is open. */
	close(waiting: number): void {
		if (this.#sending !== "open") return;
		this.#sending = "ending";
		this.#sink.sending.end(this.#newError("STREAM_CLOSED", "this side has closed it"));
		if (waiting === 0) this.emptied();
	}

	/** No message waits any more. */
	emptied(): void {
		if (this.#sending !== "ending") return;
		this.#sending = "ended";
		this.#wire.write(FRAME.END, EMPTY);
		this.#progress();
	}

	/** The application gives up sending, with a code of its own. */
	resetLocally(code: number): void {
		if (isOver(this.#sending) || this.#sending === "acknowledged") return;
		this.#broke({ by: "local", closeCode: code });
		this.#wire.reset(applicationCodeToWire(code));
		this.#failSending(this.#newError("STREAM_CLOSED", "this side has reset it", code));
		this.#progress();
	}

	/** The application wants no more, with a code of its own. So many messages wait for it, and are dropped. */
	stopLocally(code: number, waiting: number): void {
		if (this.#receiving !== "open" && waiting === 0) return;
		const error = this.#newError("STREAM_CLOSED", "this side has stopped it", code);
		if (this.#receiving !== "open") {
			this.#sink.receiving.discard(error);
			return;
		}
		this.#broke({ by: "local", closeCode: code });
		this.#receiving = "stopped";
		this.#wire.stop(applicationCodeToWire(code));
		this.#sink.receiving.discard(error);
		this.#progress();
	}

	/** Ends both directions at once with an error of this side; the peer sees `wireCode`. */
	destroy(error: ConecError, wireCode: number): void {
		this.#fail(error, { by: "local", code: error.code }, wireCode);
	}

	/** It is `nowMs`, see {@link ExchangeSink.wakeAt}. */
	expired(nowMs: number): void {
		if (this.#answer.type === "settled") return;
		const { untilMs, withinMs } = this.#answer;
		if (nowMs < untilMs) this.#sink.wakeAt(untilMs);
		else this.destroy(cannotOpen(this.#subject, "PEER_TIMEOUT", `no answer within ${withinMs} ms`), RESET_CODES.CANCELLED);
	}

	// What the transport tells.

	frame(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.DATA && this.#receiving === "open" && this.#answer.type === "settled") {
			this.#sink.receiving.push(payload);
			return;
		}
		this.#wire.consumed(payload.length);
		if (isSkippedKind(kind) || this.over) return;
		if (this.#answer.type !== "settled") this.#answered(kind, payload);
		else if (kind === FRAME.END && this.#receiving === "open") this.#endReceived();
		else if (kind === FRAME.END_ACK && awaitsEndAck(this.#sending)) this.#endAcknowledged();
		// What was on its way when this direction ended does not matter.
		else if (this.#receiving !== "stopped" && this.#receiving !== "failed") this.#violated(`a frame of kind ${hexOf(kind)} is not allowed there`);
	}

	end(): void {
		if (this.#receiving === "open") {
			const error = this.#newError("STREAM_TRUNCATED", "the peer's side was cut off without an end");
			this.#fail(error, endOf("error", error), RESET_CODES.STREAM_TRUNCATED);
		} else if (this.#receiving === "ended") {
			this.#receiving = "finished";
			this.#settleDelivered();
		}
	}

	reset(code: number): void {
		const meaning = errorCodeOfReset(code);
		if (meaning === undefined && (this.#receiving === "ended" || this.#receiving === "finished")) {
			this.#receiving = "cut";
			this.#settleDelivered();
			return;
		}
		const error = this.#newError(meaning ?? "STREAM_RESET", meaning === undefined ? "the peer reset it" : undefined, applicationCodeFromWire(code));
		if (meaning !== undefined || this.#answer.type !== "settled") {
			this.#fail(error, endOf("peer", error), RESET_CODES.CANCELLED);
		} else if (this.#receiving === "open") {
			this.#broke(endOf("peer", error));
			this.#receiving = "failed";
			this.#sink.receiving.finish(error);
			this.#progress();
		}
	}

	stopped(code: number): void {
		if (this.#answer.type !== "settled") {
			this.#answer = { ...this.#answer, type: "overtaken", stopCode: code };
			return;
		}
		const meaning = errorCodeOfReset(code);
		const error = this.#newError(meaning ?? "STREAM_STOPPED", meaning === undefined ? "the peer wants no more" : undefined, applicationCodeFromWire(code));
		if (meaning !== undefined) {
			this.#fail(error, endOf("peer", error), RESET_CODES.CANCELLED);
		} else if (!isOver(this.#sending) && this.#sending !== "acknowledged") {
			this.#broke(endOf("peer", error));
			this.#failSending(error);
			this.#progress();
		}
	}

	drained(): void {
		this.#sink.sending.drained();
	}

	finished(): void {
		if (this.#sending !== "finished") return;
		this.#sending = "delivered";
		this.#settleDelivered();
	}

	lost(cause: ConecError): void {
		const error = lostWith(this.#subject, cause);
		this.#fail(error, { by: "error", code: error.code }, undefined);
	}

	/** The first frame from the acceptor. */
	#answered(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.ACCEPT) {
			const stopCode = this.#answer.type === "overtaken" ? this.#answer.stopCode : undefined;
			this.#settleAnswer();
			this.#sink.opened();
			if (stopCode !== undefined) this.stopped(stopCode);
		} else if (kind === FRAME.REJECT) {
			const reject = decodeReject(payload);
			const error = reject.ok ? cannotOpen(this.#subject, reject.value.code, reject.value.message) : cannotOpen(this.#subject, "PROTOCOL_ERROR", reject.error);
			this.#fail(error, { by: "peer", code: error.code }, RESET_CODES.REJECTED);
		} else {
			this.#violated(`the answer has the kind ${hexOf(kind)}`);
		}
	}

	#settleAnswer(): void {
		this.#answer = SETTLED;
		this.#sink.wakeAt(undefined);
	}

	#endReceived(): void {
		if (this.#sending === "open" && this.#ending.type === "orderly") this.#ending = ENDED_THERE;
		this.#receiving = "ended";
		this.#wire.write(FRAME.END_ACK, EMPTY);
		this.#sink.receiving.finish(null);
		this.#progress();
	}

	#endAcknowledged(): void {
		if (this.#sending === "abandoned") {
			this.#sending = "failed";
			return;
		}
		this.#sending = this.#sending === "ended" ? "acknowledged" : "done";
		this.#sink.acknowledged();
		this.#progress();
	}

	/** The peer's transport has everything. That must do where the peer itself cannot acknowledge; where it could and did not, it has not received. */
	#settleDelivered(): void {
		if (this.#sending !== "delivered") return;
		if (this.#receiving === "finished") {
			const error = this.#newError("STREAM_TRUNCATED", "the peer finished without acknowledging the end");
			this.#broke(endOf("error", error));
			this.#failSending(error);
			this.#progress();
		} else if (this.#receiving !== "ended") {
			this.#sending = "done";
			this.#sink.acknowledged();
			this.#progress();
		}
	}

	#violated(what: string): void {
		const error = this.#newError("FRAME_INVALID", what);
		this.#fail(error, endOf("error", error), RESET_CODES.FRAME_INVALID);
	}

	/** Ends whatever is not over. With a code, the peer is told by RESET_STREAM and STOP_SENDING. */
	#fail(error: ConecError, info: CloseInfo, wireCode: number | undefined): void {
		if (this.over) return;
		this.#broke(info);
		this.#error ??= error;
		if (wireCode !== undefined) {
			this.#wire.reset(wireCode);
			this.#wire.stop(wireCode);
		}
		this.#refuse(error);
		if (this.#receiving === "open") {
			this.#receiving = "failed";
			this.#sink.receiving.finish(error);
		}
		if (this.#sending === "acknowledged") this.#sending = "done";
		else if (!isOver(this.#sending)) this.#failSending(error);
		this.#progress();
	}

	#failSending(error: ConecError): void {
		this.#sending = awaitsEndAck(this.#sending) ? "abandoned" : "failed";
		this.#error ??= error;
		this.#sink.sending.fail(error);
		this.#sink.unacknowledged(error);
	}

	#broke(info: CloseInfo): void {
		if (this.#ending.type === "orderly") this.#ending = { type: "broken", info };
	}

	#refuse(error: ConecError): void {
		if (this.#answer.type === "settled") return;
		this.#settleAnswer();
		this.#sink.refused(error);
	}

	/** Writes FIN once it may go, and notices the end. Called only where the stream was not over before. */
	#progress(): void {
		if (this.#receiving === "open") return;
		if (this.#sending === "ended" || this.#sending === "acknowledged") {
			this.#sending = this.#sending === "ended" ? "finished" : "done";
			this.#wire.finish();
		}
		if (!isOver(this.#sending)) return;
		// The application may have given an early stream up before it was answered.
		this.#refuse(this.#error ?? this.#newError("STREAM_CLOSED", "this side has given it up"));
		this.#sink.over(this.#ending.type === "orderly" ? { by: this.#ending.by } : this.#ending.info);
	}

	#newError(code: ConecError["code"], words?: string, closeCode?: number): ConecError {
		return cannotGoOn(this.#subject, code, words, closeCode);
	}
}

function hexOf(kind: number): string {
	return `0x${kind.toString(16).padStart(2, "0")}`;
}
