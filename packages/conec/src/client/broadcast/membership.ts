/**
 * Membership in a broadcast, at the Client: the protocol of docs/protocol.md, "Broadcasts".
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import { Fifo } from "../../base/fifo.ts";
import { type Deferred, deferred, quietlyDeferred, within } from "../../base/signals.ts";
import type { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { BroadcastEvent, BroadcastStream } from "../../stream/broadcast-stream.ts";
import { type Attach, cannotGoOn, Exchange, type ExchangeSink, lostWith, type Subject } from "../../stream/exchange/index.ts";
import { NOTHING_KEPT, ONE_LEG } from "../../stream/lent.ts";
import { ReceiveQueue } from "../../stream/receive-queue.ts";
import { SendQueue } from "../../stream/send-queue.ts";
import { WakeTimer } from "../../stream/wake-timer.ts";
import type { ReceiveWindows } from "../../stream/windows/index.ts";
import {
	type BroadcastControl,
	type BroadcastOpen,
	type BroadcastPeer,
	decodeBroadcastControl,
	type Joined,
	TAG_BYTES,
	TaggedDecoder,
	taggedBytes,
} from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { PEER_METADATA_BYTES } from "../../wire/fields.ts";
import { FRAME } from "../../wire/frames.ts";
import type { OpenResume } from "../../wire/open.ts";

/** What a membership is made with. */
export interface MembershipInit {
	readonly open: BroadcastOpen;
	/** Limits of what is sent: its length is what the Coordinator takes. */
	readonly limits: ClientLimits;
	/** The longest message that this Client takes. */
	readonly messageBytes: number;
	readonly clock: Clock;
	readonly windows: ReceiveWindows;
}

/**
 * A member, as its Client sees it. Its stream is an ordinary one: END says that it sends no more, STOP that it wants to be sent nothing
 * more. When both are answered it is out. The Coordinator acknowledges END when every message before it has its number.
 */
export class Membership implements BroadcastStream {
	readonly peer: null = null;
	readonly name: string;
	readonly describe: string;
	readonly closed: Promise<CloseInfo>;
	/** Resolves when the Coordinator has said `joined`. Rejects if the stream ends before that. */
	readonly joined: Promise<void>;
	readonly #open: BroadcastOpen;
	readonly #limits: ClientLimits;
	readonly #clock: Clock;
	readonly #subject: Subject;
	readonly #exchange: Exchange;
	readonly #timer: WakeTimer;
	readonly #events: ReceiveQueue<BroadcastEvent>;
	/** For each event that waits and is no message, the length of the control message that it came in. */
	readonly #sizes: Fifo<number> = new Fifo();
	readonly #sending: SendQueue;
	#closing = false;
	#info: Joined | undefined;
	#lagging: readonly string[] = [];
	#decoder = new TaggedDecoder("");
	/** The parts of a list of members that is not complete yet. */
	#members: BroadcastPeer[] = [];
	#finished: Deferred<void> | undefined;
	#left: Deferred<void> | undefined;
	#isOver = false;
	readonly #closed: Deferred<CloseInfo> = deferred();
	readonly #joined: Deferred<void> = quietlyDeferred();

	constructor({ open, limits, messageBytes, clock, windows }: MembershipInit) {
		this.name = open.name;
		this.describe = `broadcast "${open.name}"`;
		this.#open = open;
		this.#limits = limits;
		this.#clock = clock;
		this.#subject = { peer: null, describe: this.describe, opening: `join ${this.describe}`, lostCode: "COORDINATOR_LOST" };
		this.joined = this.#joined.promise;
		this.closed = this.#closed.promise;
		const init = {
			...{ subject: this.#subject, identity: "", windows, kept: NOTHING_KEPT, messageBytes: messageBytes + TAG_BYTES },
			highWaterBytes: limits.sendHighWaterBytes,
			now: () => clock.now(),
			fraction: () => 0,
			unitKinds: open.mode === "send" ? 1 << FRAME.CONTROL : (1 << FRAME.TAGGED) | (1 << FRAME.CONTROL),
		};
		const exchange = new Exchange("opener", init, this.#sink());
		this.#exchange = exchange;
		this.#timer = new WakeTimer(clock, () => exchange.expired());
		this.#events = new ReceiveQueue({
			describe: this.describe,
			consumed: (event) => exchange.incoming.taken(event.type === "message" ? taggedBytes(event) : (this.#sizes.shift() ?? 0)),
			waits: (yes) => exchange.waits(yes),
		});
		this.#sending = new SendQueue(exchange, limits);
		if (open.mode === "receive") this.#sending.end(() => this.#newError("this member only receives"));
	}

	/** What OPEN says of the stream. */
	get openResume(): OpenResume {
		return this.#exchange.openResume;
	}

	/** Opens the stream, whose OPEN `attach` writes. The answer must come within `withinMs`. Throws what `attach` throws. */
	start(attach: Attach, withinMs: number): void {
		this.#exchange.open(attach, withinMs);
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
			const { sendingState, error } = this.#exchange;
			if (sendingState === "acknowledged") this.#finished.resolve();
			else if (error !== undefined) this.#finished.reject(error);
			else this.#endSending();
		}
		return this.#finished.promise;
	}

	close(): Promise<void> {
		this.#closing = true;
		if (this.#left === undefined) {
			this.#left = quietlyDeferred();
			if (!this.#isOver) this.#leave();
			else if (this.#exchange.error === undefined) this.#left.resolve();
			else this.#left.reject(this.#exchange.error);
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
		this.destroy(this.#newError("it was disposed of"), RESET_CODES.CANCELLED);
	}

	/** Ends the membership at once, here with `error`, at the Coordinator with `wireCode` (one of `RESET_CODES`). */
	destroy(error: ConecError, wireCode: number): void {
		this.#exchange.destroy(error, wireCode);
	}

	/** The stream could not be opened, as the connection is lost. */
	lost(cause: ConecError): void {
		const error = lostWith(this.#subject, cause);
		this.#exchange.fail({ error, info: { by: "error", code: error.code } }, undefined);
	}

	/** What the machine of the stream says. */
	#sink(): ExchangeSink {
		const member = this;
		return {
			receiving: {
				get waiting() {
					return member.#events.waiting;
				},
				push: (payload, kind) => (kind === FRAME.TAGGED ? member.#tagged(payload) : member.#control(payload)),
				finish: (outcome) => member.#cameToEnd(outcome),
				discard: () => {
					member.#sizes.clear();
					member.#events.discard(null);
				},
			},
			sending: {
				drained: () => member.#sending.drained(),
				end() {
					const words = member.#closing ? "this side has left it" : "this side has finished sending";
					member.#sending.end(() => member.#newError(words));
				},
				fail: (error) => member.#sending.fail(error),
			},
			wakeAt: (ms) => member.#timer.set(ms),
			refused: (error) => member.#joined.reject(error),
			acknowledged: () => member.#acknowledged(),
			unacknowledged: (error) => member.#finished?.reject(error),
			over: (info) => member.#over(info),
			opened() {},
			...ONE_LEG,
		};
	}

	#tagged(payload: Uint8Array): void {
		if (this.#info === undefined) return this.#violated("a message came before the member has joined");
		const message = this.#decoder.decode(payload);
		if (typeof message === "string") return this.#violated(message);
		this.#events.push(message);
	}

	#control(payload: Uint8Array): void {
		const decoded = decodeBroadcastControl(payload, PEER_METADATA_BYTES);
		if (!decoded.ok) return this.#violated(decoded.error);
		const { value } = decoded;
		if ((value.type === "joined") === (this.#info !== undefined)) return this.#violated(`"${value.type}" is not allowed there`);
		const event = this.#eventOf(value);
		// Only the last part of a list of members counts as unread. The list may be longer than the window, and could then never be complete.
		if (event === undefined) return this.#exchange.incoming.taken(payload.length);
		this.#sizes.push(payload.length);
		this.#events.push(event);
	}

	/** The event that the application gets for a message, if it gets one. */
	#eventOf(message: BroadcastControl): BroadcastEvent | undefined {
		switch (message.type) {
			case "joined":
				this.#info = message;
				this.#lagging = message.lagging ?? [];
				this.#decoder = new TaggedDecoder(message.epoch);
				this.#joined.resolve();
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
		const words = `it has more than ${this.#limits.presencePeers} members (limits.presencePeers)`;
		const error = cannotGoOn(this.#subject, "LIMIT_EXCEEDED", words);
		this.#exchange.fail({ error, info: { by: "error", code: error.code } }, RESET_CODES.CANCELLED);
		return undefined;
	}

	/** The last sender has gone (`null`), so the member leaves; or the stream has failed. */
	#cameToEnd(outcome: ConecError | null): void {
		this.#events.finish(outcome);
		if (outcome === null) this.#endSending();
	}

	#acknowledged(): void {
		this.#finished?.resolve();
		// A member that only sends has nothing more to wait for.
		if (this.#open.mode === "send" && this.#open.presence !== true) this.#leave();
	}

	#leave(): void {
		this.#exchange.stopLocally(0, this.#events.length);
		this.#endSending();
	}

	#endSending(): void {
		this.#exchange.close(this.#sending.waiting);
	}

	#over(info: CloseInfo): void {
		this.#isOver = true;
		const { error } = this.#exchange;
		if (error === undefined) {
			this.#closed.resolve({ by: this.#closing ? "local" : "peer" });
			this.#left?.resolve();
			return;
		}
		this.#closed.resolve(info);
		this.#joined.reject(error);
		this.#left?.reject(error);
	}

	#violated(what: string): void {
		this.#exchange.violated(what);
	}

	#newError(words: string): ConecError {
		return cannotGoOn(this.#subject, "STREAM_CLOSED", words);
	}
}
