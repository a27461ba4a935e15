/**
 * What both sides of a stream do about frames, ends and errors: the protocol of one stream (docs/protocol.md, "Streams").
 *
 * @module
 */

import { ConecError, type ConecErrorCode } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { StreamHandler, TransportStream } from "../transport/transport.ts";
import { applicationCodeFromWire, applicationCodeToWire, errorCodeOfReset, RESET_CODES } from "../wire/codes.ts";
import { FRAME, isSkippedKind } from "../wire/frames.ts";
import { decodeReject } from "../wire/open.ts";
import type { CloseInfo } from "./close-info.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { SendQueue } from "./send-queue.ts";
import { LOST_WORDS, WORDS } from "./words.ts";

const EMPTY = new Uint8Array(0);

/** What the state has to know of its stream. */
export interface StateOptions {
	readonly peer: string | null;
	/** For error messages: `stream 7 to "bob"`. */
	readonly describe: string;
	readonly limits: Limits;
	/** What the loss of the connection means to the application. */
	readonly lostCode: ConecErrorCode;
	/** Whether ACCEPT or REJECT is awaited. */
	readonly opening: boolean;
}

/**
 * Reading: open -> ended (END came) | failed | stopped (we want no more).
 *
 * Writing: open -> ending (END waits behind sends) -> ended (END is written) -> acknowledged (END_ACK came) | failed.
 *
 * FIN is written once END is written and reading is over, so END_ACK always goes before it. The stream is over when reading
 * is over and writing has failed or is acknowledged: what QUIC has still to deliver, FIN at most, concerns nobody any more.
 */
export class StreamState implements StreamHandler {
	readonly describe: string;
	readonly receiving: ReceiveQueue<Uint8Array>;
	readonly sending: SendQueue;
	/** Resolves when both directions are over. */
	readonly closed: Promise<CloseInfo>;
	/** Resolves on ACCEPT; rejects if the stream ends before. */
	readonly accepted: Promise<void>;
	readonly #peer: string | null;
	readonly #lostCode: ConecErrorCode;
	#transport: TransportStream | undefined = undefined;
	#opening: boolean;
	#reading: "open" | "ended" | "failed" | "stopped" = "open";
	#writing: "open" | "ending" | "ended" | "acknowledged" | "failed" = "open";
	/** END is written, and no END_ACK has come for it. */
	#awaitsEndAck = false;
	#finSent = false;
	#finAcknowledged = false;
	#finReceived = false;
	/** The peer reset its side after its END. */
	#unacknowledgeable = false;
	/** STOP_SENDING that came before ACCEPT or REJECT: on its way it may overtake the REJECT that explains it. */
	#earlyStop: number | undefined = undefined;
	/** What ended the stream otherwise than by END on both sides; the first counts. */
	#cause: CloseInfo | undefined = undefined;
	#gracefulBy: "local" | "peer" = "local";
	#error: ConecError | undefined = undefined;
	#over = false;
	#resolveClosed!: (info: CloseInfo) => void;
	#resolveAccepted!: () => void;
	#rejectAccepted!: (error: ConecError) => void;
	#acknowledgement: Promise<void> | undefined = undefined;
	#resolveAcknowledgement: (() => void) | undefined = undefined;
	#rejectAcknowledgement: ((error: ConecError) => void) | undefined = undefined;

	constructor(options: StateOptions) {
		this.describe = options.describe;
		this.#peer = options.peer;
		this.#lostCode = options.lostCode;
		this.#opening = options.opening;
		this.receiving = new ReceiveQueue(this);
		this.sending = new SendQueue(this, options.limits);
		this.closed = new Promise((resolve) => {
			this.#resolveClosed = resolve;
		});
		if (options.opening) {
			this.accepted = new Promise((resolve, reject) => {
				this.#resolveAccepted = resolve;
				this.#rejectAccepted = reject;
			});
			// With `early`, nobody waits for it: the stream itself reports the error.
			this.accepted.catch(() => {});
		} else {
			this.accepted = ACCEPTED;
		}
	}

	/** Gives it the stream that it is the handler of; before that, the transport calls nothing. */
	attach(transport: TransportStream): void {
		this.#transport = transport;
	}

	get transport(): TransportStream {
		return this.#transport as TransportStream;
	}

	/** The application has called `close`. */
	get closing(): boolean {
		return this.#writing === "ending" || this.#writing === "ended" || this.#writing === "acknowledged";
	}

	/** What ended the stream before its time, if anything did. */
	get error(): ConecError | undefined {
		return this.#error;
	}

	/** Both directions are over. */
	get over(): boolean {
		return this.#over;
	}

	consumed(payload: Uint8Array): void {
		this.#transport?.consumed(payload.length);
	}

	frame(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.DATA && this.#reading === "open" && !this.#opening) {
			this.receiving.push(payload);
			return;
		}
		this.consumed(payload);
		if (isSkippedKind(kind) || this.#over) {
			return;
		}
		if (this.#opening) {
			this.#answered(kind, payload);
		} else if (kind === FRAME.END && this.#reading === "open") {
			this.#endReceived();
		} else if (kind === FRAME.END_ACK && this.#awaitsEndAck) {
			this.#awaitsEndAck = false;
			// It may have crossed a reset of ours, which counts.
			if (this.#writing === "ended") this.#acknowledged();
		} else if (this.#reading !== "stopped" && this.#reading !== "failed") {
			this.#violated(`a frame of kind 0x${kind.toString(16).padStart(2, "0")} is not allowed there`);
		}
	}

	end(): void {
		this.#finReceived = true;
		if (this.#reading === "open") {
			const error = this.#newError("STREAM_TRUNCATED", "the peer's side was cut off without an end");
			this.#fail(error, { by: "error", code: error.code }, RESET_CODES.STREAM_TRUNCATED);
		} else {
			this.#settleUnacknowledged();
		}
	}

	reset(code: number): void {
		const meaning = errorCodeOfReset(code);
		if (this.#reading === "ended" && meaning === undefined) {
			// Everything had come already. What may be missing is the acknowledgement of our end.
			this.#unacknowledgeable = true;
			this.#settleUnacknowledged();
			return;
		}
		const error = this.#newError(meaning ?? "STREAM_RESET", meaning === undefined ? "the peer reset it" : WORDS[meaning], applicationCodeFromWire(code));
		if (meaning !== undefined || this.#opening) {
			this.#fail(error, causeOf("peer", error), RESET_CODES.CANCELLED);
		} else if (this.#reading === "open") {
			this.#cause ??= causeOf("peer", error);
			this.#reading = "failed";
			this.receiving.finish(error);
			this.#progress();
		}
	}

	stopped(code: number): void {
		if (this.#opening) {
			this.#earlyStop = code;
			return;
		}
		const meaning = errorCodeOfReset(code);
		const error = this.#newError(meaning ?? "STREAM_STOPPED", meaning === undefined ? "the peer wants no more" : WORDS[meaning], applicationCodeFromWire(code));
		if (meaning !== undefined) {
			this.#fail(error, causeOf("peer", error), RESET_CODES.CANCELLED);
		} else if (this.#writing !== "failed" && this.#writing !== "acknowledged") {
			this.#cause ??= causeOf("peer", error);
			this.#failWriting(error);
			this.#progress();
		}
	}

	drained(): void {
		this.sending.drained();
	}

	finished(): void {
		this.#finAcknowledged = true;
		this.#settleUnacknowledged();
	}

	lost(cause: ConecError): void {
		const code = cause.code === "CONNECTION_LOST" ? this.#lostCode : cause.code;
		const error = new ConecError(code, `Lost ${this.describe}: ${LOST_WORDS[code] ?? cause.message}`, {
			cause,
			...(this.#peer === null ? {} : { peer: this.#peer }),
		});
		this.#fail(error, { by: "error", code }, undefined);
	}

	/** Every waiting send has been written. */
	emptied(): void {
		if (this.#writing === "ending") {
			this.#writeEnd();
		}
	}

	/** See `MessageStream.close`; the promise is the same for every call. */
	close(): Promise<void> {
		if (this.#writing === "open") {
			if (this.#reading === "open") {
				this.#gracefulBy = "local";
			}
			this.#writing = "ending";
			this.sending.end(this.#newError("STREAM_CLOSED", "this side has closed it"));
			this.#acknowledgement = new Promise((resolve, reject) => {
				this.#resolveAcknowledgement = resolve;
				this.#rejectAcknowledgement = reject;
			});
			// Whoever called close gets the error; the stream itself must not raise it a second time.
			this.#acknowledgement.catch(() => {});
			if (this.sending.waiting === 0) {
				this.#writeEnd();
			}
		}
		return this.#acknowledgement ?? Promise.reject(this.#error ?? this.#newError("STREAM_CLOSED", "this side has reset it"));
	}

	/** Gives up sending, with an application code. */
	resetLocally(code: number): void {
		if (this.#writing === "failed" || this.#writing === "acknowledged" || this.#over) {
			return;
		}
		const error = this.#newError("STREAM_CLOSED", "this side has reset it", code);
		this.#cause ??= { by: "local", closeCode: code };
		this.#transport?.reset(applicationCodeToWire(code));
		this.#failWriting(error);
		this.#progress();
	}

	/** Wants no more, with an application code. */
	stopLocally(code: number): void {
		if (this.#reading === "open") {
			this.#cause ??= { by: "local", closeCode: code };
			this.#reading = "stopped";
			this.#transport?.stop(applicationCodeToWire(code));
			this.receiving.discard(this.#newError("STREAM_CLOSED", "this side has stopped it", code));
			this.#progress();
		} else if (this.receiving.length > 0) {
			this.receiving.discard(this.#newError("STREAM_CLOSED", "this side has stopped it", code));
		}
	}

	/** Ends both directions at once with an error of ours; the peer sees `wireCode`. */
	destroy(error: ConecError, wireCode: number): void {
		this.#fail(error, { by: "local", code: error.code }, wireCode);
	}

	/** The first frame from the acceptor. */
	#answered(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.ACCEPT) {
			this.#opening = false;
			this.#resolveAccepted();
			if (this.#earlyStop !== undefined) {
				this.stopped(this.#earlyStop);
			}
		} else if (kind === FRAME.REJECT) {
			const reject = decodeReject(payload);
			const code = reject.ok ? reject.value.code : "PROTOCOL_ERROR";
			const words = reject.ok ? (reject.value.message ?? WORDS[code]) : reject.error;
			const error = new ConecError(code, `Cannot open ${this.describe}: ${words}`, this.#peer === null ? {} : { peer: this.#peer });
			this.#fail(error, { by: "peer", code }, RESET_CODES.REJECTED);
		} else {
			this.#violated(`the answer has the kind 0x${kind.toString(16).padStart(2, "0")}`);
		}
	}

	#endReceived(): void {
		if (this.#writing === "open") {
			this.#gracefulBy = "peer";
		}
		this.#reading = "ended";
		this.#transport?.write(FRAME.END_ACK, EMPTY);
		this.receiving.finish(null);
		this.#progress();
	}

	#writeEnd(): void {
		this.#writing = "ended";
		this.#awaitsEndAck = true;
		this.#transport?.write(FRAME.END, EMPTY);
		this.#progress();
	}

	#acknowledged(): void {
		this.#writing = "acknowledged";
		this.#resolveAcknowledgement?.();
		this.#progress();
	}

	/** Our end can no longer be acknowledged by the peer: that its transport has everything must do, or it is missing. */
	#settleUnacknowledged(): void {
		if (this.#writing !== "ended" || !this.#finAcknowledged) {
			return;
		}
		if (this.#reading === "failed" || this.#reading === "stopped" || this.#unacknowledgeable) {
			this.#acknowledged();
		} else if (this.#finReceived) {
			const error = this.#newError("STREAM_TRUNCATED", "the peer finished without acknowledging the end");
			this.#cause ??= { by: "error", code: error.code };
			this.#failWriting(error);
			this.#progress();
		}
	}

	#failWriting(error: ConecError): void {
		this.#writing = "failed";
		this.#error ??= error;
		this.sending.fail(error);
		this.#rejectAcknowledgement?.(error);
	}

	#violated(what: string): void {
		const error = this.#newError("FRAME_INVALID", what);
		this.#fail(error, { by: "error", code: error.code }, RESET_CODES.FRAME_INVALID);
	}

	/** Ends whatever is not over yet. With a code, the peer is told by RESET_STREAM and STOP_SENDING. */
	#fail(error: ConecError, cause: CloseInfo, wireCode: number | undefined): void {
		if (this.#over) {
			return;
		}
		if (this.#reading === "open" || (this.#writing !== "acknowledged" && this.#writing !== "failed")) {
			this.#cause ??= cause;
		}
		this.#error ??= error;
		if (wireCode !== undefined) {
			this.#transport?.reset(wireCode);
			this.#transport?.stop(wireCode);
		}
		if (this.#opening) {
			this.#opening = false;
			this.#rejectAccepted(error);
		}
		if (this.#reading === "open") {
			this.#reading = "failed";
			this.receiving.finish(error);
		}
		if (this.#writing !== "acknowledged" && this.#writing !== "failed") {
			this.#failWriting(error);
		}
		this.#progress();
	}

	/** Writes FIN once it may go, and notices the end. */
	#progress(): void {
		if (this.#reading === "open") {
			return;
		}
		if (!this.#finSent && (this.#writing === "ended" || this.#writing === "acknowledged")) {
			this.#finSent = true;
			this.#transport?.finish();
		}
		if (!this.#over && (this.#writing === "failed" || this.#writing === "acknowledged")) {
			this.#over = true;
			if (this.#opening) {
				// The application gave an early stream up before it was answered.
				this.#opening = false;
				this.#rejectAccepted(this.#error ?? this.#newError("STREAM_CLOSED", "this side has given it up"));
			}
			this.#resolveClosed(this.#cause ?? { by: this.#gracefulBy });
		}
	}

	#newError(code: ConecErrorCode, words: string | undefined, closeCode?: number): ConecError {
		return new ConecError(code, `Cannot go on with ${this.describe}: ${words ?? code}`, { closeCode, peer: this.#peer ?? undefined });
	}
}

const ACCEPTED: Promise<void> = Promise.resolve();

function causeOf(by: CloseInfo["by"], error: ConecError): CloseInfo {
	return error.closeCode === undefined ? { by, code: error.code } : { by, code: error.code, closeCode: error.closeCode };
}
