/**
 * The stream of a member on one connection to the Coordinator: the protocol of docs/protocol.md, "Broadcasts".
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import { type Deferred, deferred, quietlyDeferred } from "../../base/signals.ts";
import type { ConecError } from "../../errors.ts";
import type { BroadcastEvent } from "../../stream/broadcast-stream.ts";
import { type Attach, cannotGoOn, Exchange, type ExchangeSink, lostWith, type Subject } from "../../stream/exchange/index.ts";
import { NOTHING_KEPT, ONE_LEG } from "../../stream/lent.ts";
import { WakeTimer } from "../../stream/wake-timer.ts";
import type { ReceiveWindows } from "../../stream/windows/index.ts";
import {
	type BroadcastControl,
	type BroadcastMode,
	type BroadcastPeer,
	decodeBroadcastControl,
	type Joined,
	TAG_BYTES,
	type Tagged,
	TaggedDecoder,
} from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { PEER_METADATA_BYTES } from "../../wire/fields.ts";
import { FRAME } from "../../wire/frames.ts";
import type { OpenResume } from "../../wire/open.ts";

/** What the Coordinator sends to a member. */
export type IncomingEvent = Exclude<BroadcastEvent, { readonly type: "rejoined" }>;

/** What the stream says to its member. */
export interface MemberLinkEvents {
	/** A reader waits, and nothing is there. */
	readonly waiting: boolean;
	/** The first thing that comes. */
	joined(info: Joined): void;
	/** It came in so many bytes. */
	event(event: IncomingEvent, bytes: number): void;
	/** Members that are too slow now. */
	lagging(ids: readonly string[]): void;
	/** See `ExchangeSink`. */
	finish(outcome: ConecError | null): void;
	discard(): void;
	drained(): void;
	endSending(): void;
	failSending(error: ConecError): void;
	acknowledged(): void;
	unacknowledged(error: ConecError): void;
	/** Nothing more comes of this stream. `error`: why, unless both sides have ended it. */
	over(info: CloseInfo, error: ConecError | undefined): void;
}

/** What it is made with. */
export interface MemberLinkInit {
	readonly subject: Subject;
	readonly mode: BroadcastMode;
	/** The longest message that this Client takes. */
	readonly messageBytes: number;
	readonly highWaterBytes: number;
	/** Members that a list may have. */
	readonly presencePeers: number;
	readonly clock: Clock;
	readonly windows: ReceiveWindows;
}

/** See the module. */
export class MemberLink {
	readonly exchange: Exchange;
	/** Resolves when it is over. */
	readonly closed: Promise<CloseInfo>;
	readonly #over: Deferred<CloseInfo> = deferred();
	readonly #joined: Deferred<Joined> = quietlyDeferred();
	readonly #init: MemberLinkInit;
	readonly #events: MemberLinkEvents;
	readonly #timer: WakeTimer;
	#info: Joined | undefined;
	#decoder = new TaggedDecoder("");
	/** The parts of a list of members that is not complete yet. */
	#members: BroadcastPeer[] = [];

	constructor(init: MemberLinkInit, events: MemberLinkEvents) {
		this.#init = init;
		this.#events = events;
		this.closed = this.#over.promise;
		const { clock, subject, windows, mode, messageBytes, highWaterBytes } = init;
		const made = {
			...{ subject, identity: "", windows, kept: NOTHING_KEPT, messageBytes: messageBytes + TAG_BYTES, highWaterBytes },
			now: () => clock.now(),
			fraction: () => 0,
			unitKinds: mode === "send" ? 1 << FRAME.CONTROL : (1 << FRAME.TAGGED) | (1 << FRAME.CONTROL),
		};
		const exchange = new Exchange("opener", made, this.#sink());
		this.exchange = exchange;
		this.#timer = new WakeTimer(clock, () => exchange.expired());
	}

	/** Resolves when the Coordinator has said `joined`. Rejects if the stream ends before that. */
	get joined(): Promise<Joined> {
		return this.#joined.promise;
	}

	/** As what it joins. */
	get mode(): BroadcastMode {
		return this.#init.mode;
	}

	/** What OPEN says of the stream. */
	get openResume(): OpenResume {
		return this.exchange.openResume;
	}

	/** Opens the stream, whose OPEN `attach` writes. The answer must come within `withinMs`. Throws what `attach` throws. */
	start(attach: Attach, withinMs: number): void {
		this.exchange.open(attach, withinMs);
	}

	/** The stream could not be opened, as the connection is lost. */
	lost(cause: ConecError): void {
		const error = lostWith(this.#init.subject, cause);
		this.exchange.fail({ error, info: { by: "error", code: error.code } }, undefined);
	}

	/** What the machine of the stream says. */
	#sink(): ExchangeSink {
		const events = this.#events;
		return {
			receiving: {
				get waiting() {
					return events.waiting;
				},
				push: (payload, kind) => (kind === FRAME.TAGGED ? this.#tagged(this.#decoder.decode(payload), payload.length) : this.#control(payload)),
				pushAt: (memory, at, length, kind) => {
					if (kind === FRAME.TAGGED) this.#tagged(this.#decoder.decodeAt(memory, at, length), length);
					else this.#control(new Uint8Array(memory.buffer, at, length));
				},
				finish: (outcome) => events.finish(outcome),
				discard: () => events.discard(),
			},
			sending: {
				drained: () => events.drained(),
				end: () => events.endSending(),
				fail: (error) => events.failSending(error),
			},
			wakeAt: (ms) => this.#timer.set(ms),
			refused: (error) => this.#joined.reject(error),
			acknowledged: () => events.acknowledged(),
			unacknowledged: (error) => events.unacknowledged(error),
			over: (info) => {
				const { error } = this.exchange.outcome;
				if (error !== undefined) this.#joined.reject(error);
				this.#over.resolve(info);
				events.over(info, error);
			},
			opened() {},
			...ONE_LEG,
		};
	}

	#tagged(message: Tagged | string, length: number): void {
		if (this.#info === undefined) return this.exchange.violated("a message came before the member has joined");
		if (typeof message === "string") return this.exchange.violated(message);
		this.#events.event(message, length);
	}

	#control(payload: Uint8Array): void {
		const decoded = decodeBroadcastControl(payload, PEER_METADATA_BYTES);
		if (!decoded.ok) return this.exchange.violated(decoded.error);
		const { value } = decoded;
		if ((value.type === "joined") === (this.#info !== undefined)) return this.exchange.violated(`"${value.type}" is not allowed there`);
		const event = this.#eventOf(value);
		// Only the last part of a list of members counts as unread. The list may be longer than the window, and could then never be complete.
		if (event === undefined) return this.exchange.incoming.taken(payload.length);
		this.#events.event(event, payload.length);
	}

	/** The event that the application gets for a message, if it gets one. */
	#eventOf(message: BroadcastControl): IncomingEvent | undefined {
		switch (message.type) {
			case "joined":
				this.#info = message;
				this.#decoder = new TaggedDecoder(message.epoch);
				this.#events.joined(message);
				this.#joined.resolve(message);
				return undefined;
			case "lag":
				this.#events.lagging(message.lagging);
				return undefined;
			case "members": {
				for (const member of message.members) this.#members.push(member);
				if (this.#members.length > this.#init.presencePeers) return this.#listTooLong();
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
		const words = `it has more than ${this.#init.presencePeers} members (limits.presencePeers)`;
		const error = cannotGoOn(this.#init.subject, "LIMIT_EXCEEDED", words);
		this.exchange.fail({ error, info: { by: "error", code: error.code } }, RESET_CODES.CANCELLED);
		return undefined;
	}
}
