/**
 * The protocol of one stream, at either end (docs/protocol.md, sections 5 and 6), as a machine.
 *
 * It is told what came on each leg, what the application wants and what time it is, and says what to do. It has no
 * timers, no promises and no I/O.
 *
 * @module
 */

import type { ConecError, ConecErrorCode } from "../../errors.ts";
import { errorCodeOfReset, RESET_CODES } from "../../wire/codes.ts";
import { FRAME, isSkippedKind } from "../../wire/frames.ts";
import type { OpenResume } from "../../wire/open.ts";
import type { Resumable } from "../../wire/stream-frames.ts";
import { UNIT_COST_BYTES } from "../windows/index.ts";
import { Acceptor, type Offered } from "./acceptor.ts";
import { cannotGoOn, endOf, lostWith, type Subject } from "./failures.ts";
import { type FrameReader, readAnswer, readFrame } from "./frames.ts";
import { Leg, type LegOwner } from "./leg.ts";
import { Legs, type LegsEvents } from "./legs.ts";
import { Opener, type ResumeOptions } from "./opener.ts";
import { Ordinary } from "./ordinary.ts";
import { Outcome } from "./outcome.ts";
import { Receiving, type ReceivingEvents } from "./receiving.ts";
import { type Core, isFatal, type Loss, type Rules } from "./rules.ts";
import type { Attach, ExchangeInit, ExchangeSink, FurtherLeg, LegLink, LegPath } from "./seams.ts";
import { Sending } from "./sending.ts";
import { NEVER } from "./times.ts";

/**
 * See the module. {@link open} or {@link accept} comes first. Then come the events of its legs, mixed with what the application does:
 * `write`, `consumed`, `close`, `resetLocally`, `stopLocally`, `destroy`. Every method is safe at any time, and none throws unless it says so.
 */
export class Exchange implements Core, LegOwner, LegsEvents, ReceivingEvents, FrameReader {
	readonly describe: string;
	readonly subject: Subject;
	readonly identity: string;
	readonly legs: Legs;
	readonly sending: Sending;
	readonly incoming: Receiving;
	readonly outcome: Outcome;
	readonly now: () => number;
	readonly fraction: () => number;
	/** Both directions are over, and what is left is to let go of the legs. */
	done = false;
	/** Where it goes, or went last. `undefined`: it has not begun. */
	path: LegPath | undefined = undefined;
	/** The longest message that may be sent now. It can become less with the answer. */
	messageBytes: number = NEVER;
	/** The longest message that this side takes. */
	readonly #ownMessageBytes: number;
	readonly #sink: ExchangeSink;
	readonly #resume: ResumeOptions | undefined;
	#rules: Rules;
	#peerMessageBytes = NEVER;
	#gone = false;
	#wakeMs = NEVER;

	/** @param resume The stream survives that no leg carries it for so long. @default it ends then */
	constructor(role: "opener" | "acceptor", init: ExchangeInit, sink: ExchangeSink, resume?: ResumeOptions) {
		this.subject = init.subject;
		[this.describe, this.identity] = [init.subject.describe, init.identity];
		[this.now, this.fraction] = [init.now, init.fraction];
		[this.#ownMessageBytes, this.#sink, this.#resume] = [init.messageBytes, sink, resume];
		this.outcome = new Outcome(init.subject, sink, role === "acceptor");
		this.legs = new Legs(init.now, this, sink);
		this.incoming = new Receiving(this.legs, sink, this, init);
		const keeping = { room: () => this.#room(), expelled: () => this.expire("too much was kept for streams that no connection carries") };
		const kept = resume && init.kept.open(init.identity, keeping);
		this.sending = new Sending(sink, this.legs, init.highWaterBytes, kept);
		this.#rules = new Ordinary(this, undefined);
	}

	// What it is.

	/** Resolves when nothing is {@link unheard}. Never rejects. */
	untilHeard(): Promise<void> {
		return this.unheard ? this.outcome.untilHeard() : Promise.resolve();
	}

	/** Both directions are over for the application. */
	get over(): boolean {
		return this.outcome.over;
	}

	/** The application has ended something in its own way, and the peer may not know that yet. */
	get unheard(): boolean {
		return !this.done && !this.#gone && this.outcome.unheard(this.sending, this.incoming);
	}

	/** Nothing of it is left. */
	get gone(): boolean {
		return this.#gone;
	}

	/** It survives the loss of its legs. While the answer is awaited: it is meant to. */
	get resumable(): boolean {
		return !(this.#rules instanceof Ordinary);
	}

	get queuedBytes(): number {
		return this.sending.queuedBytes;
	}

	/** What OPEN says of the stream. */
	get openResume(): OpenResume {
		return { limit: this.incoming.limit, messageBytes: this.#ownMessageBytes, ...this.#resume };
	}

	// How it begins.

	/** OPEN is written on the leg that `attach` makes. The answer must come within `withinMs`. Throws what `attach` throws. */
	open(attach: Attach, withinMs: number): void {
		const leg = new Leg(0, this);
		leg.wrote = 0;
		[leg.toldLimit, leg.sentMs] = [this.incoming.limit, this.now()];
		this.#rules = this.#resume === undefined ? new Ordinary(this, withinMs) : new Opener(this, this.#resume, leg, withinMs);
		this.legs.add(leg, attach, true);
		this.choose();
		this.#settle();
	}

	/** OPEN came on the leg that `attach` makes. RESUMABLE is written. Throws what `attach` throws. */
	accept(attach: Attach, open: { readonly limit: number; readonly messageBytes: number }): void {
		const leg = new Leg(0, this);
		leg.wrote = leg.came = 0;
		leg.up = true;
		this.#peerMessageBytes = open.messageBytes;
		this.sending.heard(0, open.limit);
		this.legs.add(leg, attach, false);
		const acceptor = new Acceptor(this, this.#resume?.forMs ?? 0, this.#ownMessageBytes);
		if (this.#resume !== undefined) this.#rules = acceptor;
		acceptor.answer(leg);
		this.choose();
		this.#settle();
	}

	/** OPEN of a further leg came. */
	offer(open: FurtherLeg, attach: Attach): Offered {
		if (this.#gone || !(this.#rules instanceof Acceptor)) return { refuse: RESET_CODES.RESUME_UNKNOWN };
		const offered = this.#rules.offer(open, attach);
		this.#settle();
		return offered;
	}

	/** See `Opener.move`. */
	move(urgent: boolean): boolean {
		const moved = !this.#gone && this.#rules instanceof Opener && this.#rules.move(urgent);
		this.#settle();
		return moved;
	}

	/** There is a way to the peer again, after there was none. */
	wayIsThere(): void {
		if (!this.#gone && this.#rules instanceof Opener) this.#rules.wayIsThere();
		this.#settle();
	}

	// What the application does.

	/** Sends a message; gives the bytes now queued, or -1 when it cannot go now. */
	write(message: Uint8Array): number {
		const { state } = this.outcome;
		return state === "open" || state === "ending" ? this.sending.write(FRAME.DATA, message) : -1;
	}

	/** The application has taken a message. */
	consumed(message: Uint8Array): void {
		this.incoming.taken(message.length);
	}

	/** Everything before the peer's END is done with: the peer is told now. See `ExchangeInit.holdsEnd`. */
	endTaken(): void {
		this.incoming.endTaken();
		this.#settle();
	}

	/** See {@link Receiving.waits}. */
	waits(yes: boolean): void {
		this.incoming.waits(yes);
	}

	/** The application sends no more, after so many messages that wait. Has no effect unless sending is open. */
	close(waiting: number): void {
		if (this.outcome.state !== "open") return;
		this.outcome.state = "ending";
		this.#sink.sending.end(() => this.newError("STREAM_CLOSED", "this side has closed it"));
		if (waiting === 0) this.emptied();
	}

	/** No message waits any more. */
	emptied(): void {
		this.sending.wantsNothing();
		if (this.outcome.state !== "ending") return;
		this.outcome.state = "ended";
		this.sending.finish({ kind: FRAME.END, code: 0 });
		this.#settle();
	}

	/** The application gives up sending, with a code of its own. Has no effect once END is written. */
	resetLocally(code: number): void {
		if (this.over || this.outcome.state === "failed" || this.sending.lastNumber !== 0) return;
		this.outcome.broke({ by: "local", closeCode: code });
		this.outcome.failSending(this.newError("STREAM_CLOSED", "this side has reset it", code));
		this.sending.finish({ kind: FRAME.RESET, code });
		this.#settle();
	}

	/** The application wants no more, with a code of its own. So many messages wait for it, and are dropped. */
	stopLocally(code: number, waiting: number): void {
		const { incoming } = this;
		if (incoming.state !== "open" && waiting === 0) return;
		const error = this.newError("STREAM_CLOSED", "this side has stopped it", code);
		if (incoming.state === "open") {
			this.outcome.broke({ by: "local", closeCode: code });
			incoming.stop(code);
		} else {
			incoming.drop();
		}
		this.#sink.receiving.discard(error);
	}

	/** Ends both directions at once with an error of this side; the peer sees `wireCode` on all legs. An opener without a leg opens one to say so, while there is time. */
	destroy(error: ConecError, wireCode: number): void {
		if (!this.over) this.#failLocally({ error, info: { by: "local", code: error.code } }, wireCode);
	}

	/** There is no room any more for a stream that no leg carries. */
	expire(words: string): void {
		if (this.done) return this.forget(RESET_CODES.MOVED);
		const error = this.newError("RESUME_EXPIRED", words);
		this.#failLocally({ error, info: endOf("error", error) }, RESET_CODES.RESUME_EXPIRED);
	}

	/** It is time, see `ExchangeSink.wakeAt`. */
	expired(): void {
		if (this.#gone) return;
		this.#wakeMs = NEVER;
		const nowMs = this.now();
		if (nowMs >= this.#rules.wakeMs) this.#rules.expired(nowMs);
		if (nowMs >= this.legs.drainMs) this.legs.endDrain(this.sending);
		this.#settle();
	}

	// What the legs tell.

	frame(leg: Leg, kind: number, payload: Uint8Array): void {
		if (this.incoming.take(leg, kind, payload)) return;
		if (!leg.confirmed) this.#rules.confirmed(leg);
		if (isSkippedKind(kind) || (this.done && this.#rules instanceof Ordinary)) return;
		if (leg.up) readFrame(this, leg, kind, payload);
		else readAnswer(this, leg, kind, payload);
		this.#settle();
	}

	fin(leg: Leg): void {
		this.#rules.fin(leg);
		this.#settle();
	}

	/** RESET_STREAM or STOP_SENDING came: the end of the stream, or of the leg. */
	resetBy(leg: Leg, code: number): void {
		const error = this.newError(errorCodeOfReset(code) ?? "STREAM_RESET", errorCodeOfReset(code) === undefined ? "the peer reset it" : undefined);
		const loss: Loss = { error, info: endOf("peer", error) };
		if (isFatal(code)) this.fail(loss, RESET_CODES.CANCELLED);
		else this.#rules.lost(leg, loss);
		this.#settle();
	}

	stoppedBy(leg: Leg, code: number): void {
		if (leg.up || isFatal(code)) return this.resetBy(leg, code);
		leg.stopCode = code;
		this.choose();
		this.#rules.overtaken(leg);
		this.#settle();
	}

	room(leg: Leg): void {
		if (leg === this.legs.current) this.#room();
	}

	broken(leg: Leg, cause: ConecError): void {
		const error = lostWith(this.subject, cause);
		const loss: Loss = { error, info: { by: "error", code: error.code } };
		if (cause.code === "MESSAGE_TOO_LONG" || cause.code === "FRAME_INVALID") this.fail(loss, RESET_CODES[cause.code]);
		else this.#rules.lost(leg, loss);
		this.#settle();
	}

	ackDue(leg: Leg): void {
		if (leg !== this.legs.current) return;
		this.incoming.acknowledge();
		this.#settle();
	}

	// What frames say.

	/** The application waits for a message, and none is there. */
	get waiting(): boolean {
		return this.#sink.receiving.waiting;
	}

	answerCame(leg: Leg, resumable: Resumable): void {
		leg.up = true;
		leg.share.answered();
		if (leg.generation === 0) leg.came = 0;
		if (leg.sentMs !== undefined) this.#measured(leg, leg.sentMs);
		if (!this.heard(resumable.received, resumable.limit) || this.#gone) return;
		leg.owesAck = true;
		this.#rules.answered(leg, resumable);
		if (leg !== this.legs.current) return;
		leg.acks.now();
		this.incoming.tellStop();
		this.sending.pump();
	}

	rejectCame(leg: Leg, payload: Uint8Array): void {
		this.#rules.rejected(leg, payload);
	}

	ackCame(leg: Leg, received: number, limit: number): void {
		if (this.heard(received, limit) && leg.sentMs !== undefined) this.#measured(leg, leg.sentMs);
	}

	// What the rules do.

	drop(leg: Leg, code: number | undefined): void {
		this.legs.drop(leg, code, this.sending);
	}

	choose(): void {
		this.legs.choose(this.sending);
	}

	opened(messageBytes: number): void {
		this.#peerMessageBytes = messageBytes;
		this.messageBytes = Math.min(messageBytes, this.messageBytes);
		this.outcome.opened();
	}

	becomeOrdinary(): void {
		this.#rules = new Ordinary(this, undefined);
		this.sending.keepNothing();
	}

	heard(received: number, limit: number): boolean {
		const { acked } = this.sending;
		if (!this.sending.heard(received, limit)) {
			this.violated("more is acknowledged than was sent");
			return false;
		}
		if (this.sending.acked > acked) this.legs.progressed();
		return true;
	}

	suspended(yes: boolean): void {
		this.incoming.suspended(yes);
		this.sending.suspended(yes);
		this.#sink.suspended(yes);
	}

	openLeg(open: FurtherLeg, leg: Leg): LegLink | undefined {
		return this.#gone ? undefined : this.#sink.openLeg(open, leg);
	}

	fail({ error, info }: Loss, code: number | undefined): void {
		if (this.#gone) return;
		if (this.done) return this.#end(code);
		this.outcome.fail(this.incoming, error, info);
		this.#end(code);
	}

	violated(what: string): void {
		const error = this.newError("FRAME_INVALID", what);
		this.fail({ error, info: endOf("error", error) }, RESET_CODES.FRAME_INVALID);
	}

	forget(code: number): void {
		if (!this.#gone) this.#end(code);
	}

	newError(code: ConecErrorCode, words?: string, closeCode?: number): ConecError {
		return cannotGoOn(this.subject, code, words, closeCode);
	}

	#measured(leg: Leg, sentMs: number): void {
		const ms = this.now() - sentMs;
		leg.sentMs = undefined;
		this.legs.measured(ms);
		this.incoming.measured(ms);
	}

	moved(leg: Leg | undefined): void {
		this.path = leg?.path ?? this.path;
		this.messageBytes = Math.min(this.#peerMessageBytes, (leg?.share.greatestBytes ?? NEVER) - UNIT_COST_BYTES);
		this.sending.moveTo(this.done ? undefined : leg);
		if (leg !== undefined) this.incoming.moved(leg);
	}

	#room(): void {
		this.sending.roomy();
		this.#settle();
	}

	#failLocally(loss: Loss, code: number): void {
		if (this.#gone || !(this.#rules instanceof Opener && this.#rules.tells(code))) return this.fail(loss, code);
		this.outcome.fail(this.incoming, loss.error, loss.info);
		this.#close();
		this.done = true;
		this.#settle();
	}

	/** Looks whether something is over, writes FIN where it may go, and asks to be woken. */
	#settle(): void {
		if (this.#gone) return;
		if (this.sending.over) this.outcome.acknowledged();
		const done = this.done || (this.sending.over && this.incoming.lastCame);
		const begins = done && !this.done;
		this.done = done;
		this.#rules.settle();
		if (begins) {
			this.#close();
			this.#rules.done();
		}
		if (this.#gone) return;
		const wakeMs = Math.min(this.#rules.wakeMs, this.legs.drainMs);
		if (wakeMs !== this.#wakeMs) this.#sink.wakeAt(wakeMs === NEVER ? undefined : wakeMs);
		this.#wakeMs = wakeMs;
		if (this.outcome.awaited && !this.unheard) this.outcome.heard();
	}

	/** Nothing goes or comes any more. */
	#close(): void {
		this.sending.close();
		this.incoming.close();
		this.outcome.close();
	}

	/** Lets go of everything. */
	#end(code: number | undefined): void {
		this.#gone = true;
		this.legs.clear(code);
		if (!this.over) this.#close();
		if (this.#wakeMs !== NEVER) this.#sink.wakeAt(undefined);
		this.#sink.gone();
		this.outcome.heard();
	}
}
