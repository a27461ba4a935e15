/**
 * Membership in a broadcast, as its application holds it. Each connection to the Coordinator carries it on a stream of its own.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import { type Deferred, deferred, quietlyDeferred, within } from "../../base/signals.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { LiveStream } from "../../session/stream-set.ts";
import type { BroadcastEvent, BroadcastStream } from "../../stream/broadcast-stream.ts";
import { type Attach, cannotGoOn, type Subject } from "../../stream/exchange/index.ts";
import { type BatchOptions, type Decode, type DecodedReads, mostMessages } from "../../stream/queue-iterators.ts";
import { SendQueue } from "../../stream/send-queue.ts";
import type { ReceiveWindows } from "../../stream/windows/index.ts";
import type { BroadcastOpen, Joined } from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { OpenResume } from "../../wire/open.ts";
import { Inbox } from "./inbox.ts";
import { MemberLink, type MemberLinkEvents } from "./member-link.ts";

/** What a membership is made with. */
export interface MembershipInit {
	readonly open: BroadcastOpen;
	/** Limits of what is sent: its length is what the Coordinator takes. */
	readonly limits: ClientLimits;
	/** The longest message that this Client takes. */
	readonly messageBytes: number;
	readonly clock: Clock;
	readonly windows: ReceiveWindows;
	/** Joins again after a loss. @default nobody does, and the membership ends */
	readonly returning?: Returning | undefined;
}

/** Who brings a member back. */
export interface Returning {
	/** Whether there will be another connection. */
	comesBack(): boolean;
	/** The member has lost its connection, and waits for `start` on another one, or for `giveUp`. */
	away(member: Membership): void;
}

/**
 * A member, as its Client sees it. Its stream is an ordinary one: END says that it sends no more, STOP that it wants to be sent nothing
 * more. When both are answered it is out. The Coordinator acknowledges END when every message before it has its number.
 */
export class Membership implements BroadcastStream, DecodedReads<BroadcastEvent> {
	readonly peer: null = null;
	readonly name: string;
	readonly describe: string;
	readonly closed: Promise<CloseInfo>;
	readonly #init: MembershipInit;
	readonly #subject: Subject;
	readonly #inbox: Inbox;
	readonly #sending: SendQueue;
	/** The stream of now, or the last one. */
	#link: MemberLink;
	/** "joining" is the first time, "again" any other. */
	#phase: "joining" | "in" | "away" | "again" | "over" = "joining";
	#closing = false;
	#info: Joined | undefined;
	#recovered: boolean | undefined;
	#lagging: readonly string[] = [];
	/** Something was handed to the stream of now. */
	#hasSent = false;
	/** Something was handed to a stream that was lost: whether it has its place is not known. */
	#unsure = false;
	/** The last sender has gone. */
	#readToEnd = false;
	/** Everything that was sent has its place, and nothing more goes. */
	#hasFinished = false;
	/** Nothing goes on a later stream, whether or not everything has its place. */
	#sendsNoMore = false;
	#finished: Deferred<void> | undefined;
	#left: Deferred<void> | undefined;
	/** How it failed, if it did. */
	#error: ConecError | undefined;
	readonly #closed: Deferred<CloseInfo> = deferred();

	constructor(init: MembershipInit) {
		const { open, limits } = init;
		this.#init = init;
		this.name = open.name;
		this.describe = `broadcast "${open.name}"`;
		this.#subject = { peer: null, describe: this.describe, opening: `join ${this.describe}`, lostCode: "COORDINATOR_LOST" };
		this.closed = this.#closed.promise;
		this.#link = this.#newLink();
		this.#inbox = new Inbox({
			describe: this.describe,
			taken: (bytes) => this.#link.exchange.incoming.taken(bytes),
			waits: (yes) => this.#link.exchange.waits(yes),
		});
		this.#sending = new SendQueue(this.#sendHost(), limits);
		if (open.mode === "receive") this.#sending.end(() => this.#newError("this member only receives"));
	}

	/** Resolves when the Coordinator has said `joined` on the stream of now. Rejects if that ends before. */
	get joined(): Promise<Joined> {
		return this.#link.joined;
	}

	/** What OPEN says of the stream. */
	get openResume(): OpenResume {
		return this.#link.openResume;
	}

	/** What OPEN asks for now. */
	get open(): BroadcastOpen {
		const { open } = this.#init;
		if (this.#phase === "joining") return open;
		const { since: _since, last, ...rest } = open;
		// One that has finished sending is not counted as a sender again.
		const mode = open.mode === "both" && this.#sendsNoMore ? "receive" : open.mode;
		if (mode === "send") return { ...rest, mode };
		const { position } = this.#inbox;
		return { ...rest, mode, ...(position !== undefined ? { since: position } : last !== undefined ? { last } : {}) };
	}

	/** Opens the stream, whose OPEN `attach` writes. The answer must come within `withinMs`. Throws what `attach` throws. Call {@link again} before, except for the first. */
	start(attach: Attach, withinMs: number): void {
		this.#link.start(attach, withinMs);
	}

	/** Makes the stream for another connection. */
	again(): void {
		this.#phase = "again";
		this.#link = this.#newLink();
	}

	/** The stream of now, for those who keep the streams of a connection. It is over with its connection. */
	get kept(): LiveStream {
		const { closed, exchange } = this.#link;
		return {
			closed,
			get unheard() {
				return exchange.unheard;
			},
			heard: () => exchange.untilHeard(),
			destroy: (error, wireCode) => exchange.destroy(error, wireCode),
		};
	}

	get epoch(): string {
		return this.#info?.epoch ?? "";
	}

	get recovered(): boolean | undefined {
		return this.#recovered;
	}

	get lagging(): readonly string[] {
		return this.#lagging;
	}

	/** Whether the application has called `close`. */
	get closing(): boolean {
		return this.#closing;
	}

	/** It is over, for the application. */
	get over(): boolean {
		return this.#phase === "over";
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
			if (this.#hasFinished && !this.#unsure) this.#finished.resolve();
			else if (this.#error !== undefined) this.#finished.reject(this.#error);
			else {
				if (this.#unsure) this.#finished.reject(this.#notKnown());
				if (this.#isAway) this.#finishAway();
				else this.#endSending();
			}
		}
		return this.#finished.promise;
	}

	close(): Promise<void> {
		this.#closing = true;
		if (this.#left === undefined) {
			this.#left = quietlyDeferred();
			if (this.#error !== undefined) this.#left.reject(this.#error);
			else if (this.#phase === "over") this.#unsure ? this.#left.reject(this.#notKnown()) : this.#left.resolve();
			else if (this.#isAway) this.#leaveAway();
			else this.#leave();
		}
		return this.#left.promise;
	}

	[Symbol.asyncIterator](): AsyncIterator<BroadcastEvent, undefined> {
		return this.#inbox.iterate();
	}

	batches(options: BatchOptions = {}): AsyncIterable<BroadcastEvent[]> {
		const [inbox, most] = [this.#inbox, mostMessages(options)];
		return { [Symbol.asyncIterator]: () => inbox.iterateBatches(most) };
	}

	decoded<V>(decode: Decode<BroadcastEvent, V>): AsyncIterator<V, undefined> {
		return this.#inbox.iterateDecoded(decode);
	}

	decodedBatches<V>(decode: Decode<BroadcastEvent, V>, most: number): AsyncIterator<V[], undefined> {
		return this.#inbox.iterateDecodedBatches(decode, most);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		const { limits, clock } = this.#init;
		await within(
			limits.lingerMs,
			this.close().catch(() => undefined),
			clock,
		);
		this.destroy(this.#newError("it was disposed of"), RESET_CODES.CANCELLED);
	}

	/** Ends the membership at once, here with `error`, at the Coordinator with `wireCode` (one of `RESET_CODES`). */
	destroy(error: ConecError, wireCode: number): void {
		if (this.#isAway) this.giveUp(error, { by: "local", code: error.code }, wireCode);
		else this.#link.exchange.destroy(error, wireCode);
	}

	/** Ends one that is away. */
	giveUp(error: ConecError, info: CloseInfo, wireCode: number = RESET_CODES.CANCELLED): void {
		if (!this.#isAway) return;
		this.#phase = "over";
		this.#error = error;
		this.#link.exchange.destroy(error, wireCode);
		this.#inbox.finish(error);
		this.#sending.fail(error);
		this.#finished?.reject(error);
		this.#closed.resolve(info);
	}

	/** The stream could not be opened, as the connection is lost. */
	lost(cause: ConecError): void {
		this.#link.lost(cause);
	}

	#newLink(): MemberLink {
		const { limits, messageBytes, clock, windows } = this.#init;
		const [subject, { mode }] = [this.#subject, this.open];
		const init = { subject, mode, messageBytes, clock, windows, highWaterBytes: limits.sendHighWaterBytes, presencePeers: limits.presencePeers };
		const link: MemberLink = new MemberLink(
			init,
			this.#events(() => this.#link === link),
		);
		return link;
	}

	/** What a stream says. */
	#events(isCurrent: () => boolean): MemberLinkEvents {
		const [member, inbox] = [this, () => this.#inbox];
		/** The end of this stream is not that of the membership. */
		const survives = (error: ConecError | null): boolean => error !== null && (!isCurrent() || this.#survives(error));
		return {
			get waiting() {
				return inbox().waiting;
			},
			joined: (info) => member.#hasJoined(info),
			event: (event, bytes) => inbox().push(event, member.epoch, bytes),
			lagging(ids) {
				member.#lagging = ids;
			},
			finish(outcome) {
				if (survives(outcome)) return;
				inbox().finish(outcome);
				if (outcome !== null) return;
				member.#readToEnd = true;
				member.#endSending();
			},
			discard: () => inbox().discard(),
			drained: () => member.#sending.drained(),
			endSending: () => member.#sending.end(() => member.#sendingOver()),
			failSending: (error) => (survives(error) ? undefined : member.#sending.fail(error)),
			acknowledged: () => member.#acknowledged(),
			unacknowledged: (error) => (isCurrent() ? member.#finished?.reject(error) : undefined),
			over: (info, error) => (error !== undefined && survives(error) ? member.#goAway(isCurrent()) : member.#ended(info, error)),
		};
	}

	#sendHost(): ConstructorParameters<typeof SendQueue>[0] {
		const member = this;
		return {
			write(message) {
				if (member.#isAway) return -1;
				const queuedBytes = member.#link.exchange.write(message);
				if (queuedBytes >= 0) member.#hasSent = true;
				return queuedBytes;
			},
			get queuedBytes() {
				return member.#link.exchange.queuedBytes;
			},
			get messageBytes() {
				return member.#link.exchange.messageBytes;
			},
			emptied() {
				if (!member.#isAway) member.#link.exchange.emptied();
			},
			describe: this.describe,
		};
	}

	#survives(error: ConecError): boolean {
		// What an attempt fails with, its owner deals with.
		if (this.#phase === "again" || this.#phase === "over") return true;
		if (this.#phase !== "in" || this.#closing || this.#readToEnd) return false;
		if (this.#init.open.mode === "send" && this.#finished !== undefined) return false;
		return LOSSES.has(error.code) && this.#init.returning?.comesBack() === true;
	}

	#hasJoined(info: Joined): void {
		const [first, asked] = [this.#phase === "joining", this.open];
		const recovered = asked.since !== undefined && info.recovered === true;
		// Earlier messages follow, if they were asked for and are kept.
		const earlier = (asked.last ?? 0) > 0;
		const position = recovered ? asked.since : earlier ? undefined : { epoch: info.epoch, seq: info.seq };
		this.#phase = "in";
		this.#info = info;
		this.#lagging = info.lagging ?? [];
		if (first) {
			this.#recovered = info.recovered;
			return this.#inbox.begins(position);
		}
		// One that only sends misses nothing.
		this.#inbox.rejoined(recovered || asked.mode === "send", position);
		if (this.#finished !== undefined && this.#link.mode !== "receive") this.#endSending();
		this.#sending.drained();
	}

	/** The stream of now is lost, and another one follows. */
	#goAway(isCurrent: boolean): void {
		if (!isCurrent || this.#phase === "over") return;
		const first = this.#phase === "in";
		this.#phase = "away";
		this.#lagging = [];
		if (!first) return;
		this.#unsure ||= this.#hasSent && !this.#hasFinished;
		this.#hasSent = false;
		this.#inbox.cutOff();
		if (this.#finished !== undefined) {
			this.#sendsNoMore = true;
			// `finish` has rejected, and so does what would go after it.
			if (!this.#hasFinished) this.#sending.fail(this.#notKnown());
		}
		this.#init.returning?.away(this);
	}

	#acknowledged(): void {
		this.#hasFinished = true;
		this.#finished?.resolve();
		// A member that only sends has nothing more to wait for.
		const { mode, presence } = this.#init.open;
		if (mode === "send" && presence !== true) this.#leave();
	}

	#leave(): void {
		this.#link.exchange.stopLocally(0, this.#inbox.length);
		this.#endSending();
	}

	/** Sends no more, while it is not in. */
	#finishAway(): void {
		this.#sending.end(() => this.#sendingOver());
		// What waits goes on the next stream.
		if (this.#sending.waiting > 0) return;
		this.#sendsNoMore = this.#hasFinished = true;
		this.#finished?.resolve();
		const { mode, presence } = this.#init.open;
		if (mode === "send" && presence !== true) this.#leaveAway();
	}

	/** Leaves while it is not in: the Coordinator has nothing of it, or is told to forget the attempt. */
	#leaveAway(): void {
		this.#phase = "over";
		const error = this.#notKnown();
		this.#link.exchange.destroy(error, RESET_CODES.CANCELLED);
		this.#inbox.discard();
		this.#hasFinished ||= this.#sending.waiting === 0;
		const isSure = this.#hasFinished && !this.#unsure;
		isSure ? this.#finished?.resolve() : this.#finished?.reject(error);
		if (this.#sending.waiting > 0) this.#sending.fail(error);
		else this.#sending.end(() => this.#sendingOver());
		this.#closed.resolve({ by: this.#closing ? "local" : "peer" });
		isSure ? this.#left?.resolve() : this.#left?.reject(error);
	}

	#endSending(): void {
		this.#link.exchange.close(this.#sending.waiting);
	}

	/** The stream of now is over, and with it the membership. */
	#ended(info: CloseInfo, error: ConecError | undefined): void {
		if (this.#phase === "over") return;
		this.#phase = "over";
		this.#error = error;
		if (error === undefined) {
			this.#closed.resolve({ by: this.#closing ? "local" : "peer" });
			this.#unsure ? this.#left?.reject(this.#notKnown()) : this.#left?.resolve();
			return;
		}
		this.#closed.resolve(info);
		this.#left?.reject(error);
	}

	/** It has no place at the Coordinator now, and will have one again. */
	get #isAway(): boolean {
		return this.#phase === "away" || this.#phase === "again";
	}

	#sendingOver(): ConecError {
		return this.#newError(this.#closing ? "this side has left it" : "this side has finished sending");
	}

	#notKnown(): ConecError {
		const words = `Cannot finish ${this.describe}: the Coordinator was lost after something was sent, which may have no place. Ask the other members`;
		return new ConecError("COORDINATOR_LOST", words);
	}

	#newError(words: string): ConecError {
		return cannotGoOn(this.#subject, "STREAM_CLOSED", words);
	}
}

/** Errors after which another connection may carry the membership. */
const LOSSES: ReadonlySet<string> = new Set(["COORDINATOR_LOST", "COORDINATOR_CLOSED"]);
