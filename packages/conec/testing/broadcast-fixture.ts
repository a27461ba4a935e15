/**
 * A member of a broadcast for tests: its Client and the stream between, without a network.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Clock } from "../src/base/clock.ts";
import type { FirstLeg } from "../src/coordinator/broadcast/member-stream.ts";
import type { BroadcastSession } from "../src/coordinator/broadcast/service.ts";
import { ConecError } from "../src/errors.ts";
import type { Lent } from "../src/stream/lent.ts";
import { AckSchedule, EARLY_BYTES, ReceiveBudget, SendBudget, UNIT_COST_BYTES } from "../src/stream/windows/index.ts";
import type { Frame, IncomingStream, StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../src/transport/transport.ts";
import { type BroadcastOpen, type BroadcastPeer, decodeBroadcastControl, type Joined, TaggedDecoder } from "../src/wire/broadcast.ts";
import { encodeFrame, FRAME, FrameDecoder, lengthAt } from "../src/wire/frames.ts";
import { decodeAck, decodeResumable, encodeAck, encodeCode, encodeCount } from "../src/wire/stream-frames.ts";

/** Of every Client in these tests. */
export const FINGERPRINT: string = `sha256:${"00".repeat(32)}`;

/** A Client as broadcasts know it. `network`: it comes from there, and not from this machine. */
export function broadcastSession(id: string, network?: string): BroadcastSession {
	const fingerprint = FINGERPRINT;
	const poolKeys = network === undefined ? [id] : [id, `${network}.1`, network];
	return { peer: { id, fingerprint }, streams: 0, poolKeys, whom: { id, fingerprint, address: "127.0.0.1" } };
}

/** What a member has heard. */
export type Heard =
	| { readonly type: "message"; readonly seq: number; readonly sender: string; readonly text: string }
	| { readonly type: "gap"; readonly lost: number; readonly fromSeq: number; readonly toSeq: number }
	| { readonly type: "members"; readonly seq: number; readonly members: BroadcastPeer[] }
	| { readonly type: "join" | "update" | "leave"; readonly seq: number; readonly peer: BroadcastPeer };

/** What the streams of a connection borrow, as a Coordinator lends it. */
export function lender(clock: Clock): (connection: TransportConnection) => Lent {
	const windows = new ReceiveBudget({ receiveBytes: 2 ** 30, streamWindowBytes: WINDOW_BYTES, messageBytes: WINDOW_BYTES }, () => clock.now());
	const lent = new WeakMap<TransportConnection, Lent>();
	return (connection) => {
		const known = lent.get(connection) ?? {
			windows,
			shares: new SendBudget({ connectionWindowBytes: 16 * 1_048_576, severalPeers: false }),
			acks: new AckSchedule(clock),
		};
		lent.set(connection, known);
		return known;
	};
}

/** What may be unread at either side, where that is what bounds it. */
const WINDOW_BYTES = 65_536;

/** A limit that is never reached. */
const NO_LIMIT = 2 ** 50;

/**
 * See the module. It reads when it is told to. What it has not read waits in the stream, or, with `byLimit`, comes to it up to its
 * window.
 */
export class FakeMember implements TransportStream {
	readonly connection: TransportConnection = {} as TransportConnection;
	readonly session: BroadcastSession;
	readonly open: BroadcastOpen;
	readonly heard: Heard[] = [];
	joined: Joined | undefined;
	recoveredFrom: number | undefined;
	/** It reads nothing of its own accord. */
	stalled = false;
	resetCode: number | undefined;
	rejected = false;
	/** It has not sent END, and may send. */
	sends: boolean;
	queuedBytes = 0;
	/** Calls by which the Coordinator wrote something that is not about the stream itself. */
	writes = 0;
	lastSeq = 0;
	#handler!: StreamHandler;
	#highWaterBytes = 0;
	#wantsDrain = false;
	#over = false;
	// What it sends.
	#limit = EARLY_BYTES;
	#sentCost = 0;
	#sent = 0;
	#acked = 0;
	#endSent = false;
	#stopSent = false;
	#finSent = false;
	// What comes.
	readonly #byLimit: boolean;
	#came = 0;
	#cameCost = 0;
	#readCost = 0;
	#told = { received: 0, limit: 0 };
	#askedCost = 0;
	#lastCame = false;
	#ended = false;
	#finSeen = false;
	readonly #queue: Uint8Array[] = [];
	readonly #decoder: FrameDecoder = new FrameDecoder({ messageBytes: 1_000_000 });
	#tagged: TaggedDecoder | undefined;
	/** Parts of a list. */
	#parts: BroadcastPeer[] = [];

	constructor(session: BroadcastSession, open: BroadcastOpen, byLimit = false) {
		this.session = session;
		this.#byLimit = byLimit;
		this.open = open;
		this.sends = open.mode !== "receive";
	}

	get id(): string {
		return this.session.peer.id;
	}

	get receives(): boolean {
		return this.open.mode !== "send";
	}

	/** Its stream has ended, one way or another. */
	get over(): boolean {
		return this.#over || this.resetCode !== undefined;
	}

	/** What its OPEN says of the stream. */
	get resume(): FirstLeg {
		this.#told.limit = this.#limitNow;
		return { limit: this.#limitNow, messageBytes: 1_048_576 };
	}

	/** What the Coordinator accepts. */
	get incoming(): IncomingStream {
		const header: Frame = { kind: FRAME.OPEN, payload: new Uint8Array(0) };
		return {
			header,
			connection: this.connection,
			accept: (handler: StreamHandler, options?: StreamOptions) => {
				this.#handler = handler;
				this.#highWaterBytes = options?.highWaterBytes ?? 0;
				return this;
			},
			refuse: () => assert.fail("it is not refused"),
		};
	}

	// What the Client does.

	/** False: the Coordinator lets no more come. */
	send(text: string): boolean {
		if (!this.sends || this.over) return false;
		const payload = new TextEncoder().encode(text);
		const cost = this.#sentCost + payload.length + UNIT_COST_BYTES;
		if (cost > this.#limit) {
			this.#handler.frame(FRAME.BLOCKED, encodeCount(cost));
			return false;
		}
		this.#sentCost = cost;
		this.#sent++;
		this.#handler.frame(FRAME.DATA, payload);
		return true;
	}

	/** Sends END. */
	endSending(): void {
		if (this.over || this.#endSent) return;
		this.#endSent = true;
		this.sends = false;
		this.#sent++;
		this.#handler.frame(FRAME.END, EMPTY);
	}

	/** Leaves, as it should be done. */
	leave(): void {
		if (this.over || this.#stopSent) return;
		this.#stopSent = true;
		if (!this.#lastCame) this.#handler.frame(FRAME.STOP, encodeCode(0));
		this.endSending();
		this.#soon();
	}

	/** Its connection is gone. */
	lose(): void {
		if (this.over) return;
		this.#over = true;
		this.sends = false;
		this.#handler.lost(new ConecError("CONNECTION_LOST", "gone"));
	}

	/** Reads so many bytes, and a frame at most more. */
	read(bytes: number): void {
		if (this.resetCode !== undefined || this.#over) return;
		for (let left = bytes; left > 0 && this.#queue.length > 0; ) {
			const frames = this.#queue.shift() as Uint8Array;
			left -= frames.length;
			if (!this.#byLimit) this.queuedBytes -= frames.length;
			for (const event of this.#decoder.push(frames)) {
				assert.equal(event.type, "frame");
				if (event.type !== "frame") continue;
				const isLast = event.kind === FRAME.END || event.kind === FRAME.RESET;
				if (!this.#byLimit) this.#came++;
				this.#readCost += isLast ? 0 : event.payload.length + UNIT_COST_BYTES;
				this.#hear(event.kind, event.payload);
			}
		}
		this.#acknowledge();
		if (this.#wantsDrain && this.queuedBytes < this.#highWaterBytes / 2) {
			this.#wantsDrain = false;
			this.#handler.drained();
		}
	}

	// What the Coordinator does.

	write(kind: number, payload: Uint8Array): number {
		// It is no unit, and where it stands makes no difference here.
		if (kind === FRAME.BLOCKED) return this.writeUrgent(kind, payload);
		return this.writeFrames(encodeFrame(kind, payload));
	}

	writeUrgent(kind: number, payload: Uint8Array): number {
		if (this.over) return -1;
		const ack = kind === FRAME.RESUMABLE ? decodeResumable(payload) : kind === FRAME.ACK ? decodeAck(payload) : undefined;
		if (ack === undefined) {
			assert.equal(kind, FRAME.BLOCKED);
			this.#askedCost = Number.POSITIVE_INFINITY;
		} else {
			assert.ok(ack.received >= this.#acked && ack.received <= this.#sent && ack.limit >= this.#limit);
			this.#acked = ack.received;
			this.#limit = ack.limit;
		}
		this.#soon();
		return this.queuedBytes;
	}

	writeFrames(frames: Uint8Array): number {
		if (this.over) return -1;
		this.writes++;
		if (frames[0] === FRAME.REJECT) this.rejected = true;
		assert.equal(this.#lastCame, false, "nothing is written after the last unit");
		const copy = new Uint8Array(frames);
		this.#queue.push(copy);
		if (this.#byLimit) {
			for (let at = 0; at < copy.length; at += 4 + lengthAt(copy, at)) {
				this.#came++;
				if (copy[at] !== FRAME.END && copy[at] !== FRAME.RESET) this.#cameCost += lengthAt(copy, at) + UNIT_COST_BYTES;
			}
			assert.ok(this.#cameCost <= this.#told.limit, `${this.#cameCost} are more than ${this.#told.limit}`);
		} else {
			this.queuedBytes += frames.length;
			if (this.queuedBytes >= this.#highWaterBytes) this.#wantsDrain = true;
		}
		this.#soon();
		return this.queuedBytes;
	}

	finish(): void {
		assert.ok(this.#finSent || this.rejected || this.#endSent, "the Coordinator's FIN comes after both last units");
		this.#finSeen = true;
		if (this.rejected || this.#finSent) this.#over = true;
	}

	reset(code: number): void {
		this.resetCode ??= code;
		this.sends = false;
	}

	stop(_code: number): void {}

	consumed(): void {}

	get #limitNow(): number {
		return this.#byLimit ? Math.max(EARLY_BYTES, this.#readCost + WINDOW_BYTES) : NO_LIMIT;
	}

	/** What it must do of itself comes after the present call of the Coordinator. */
	#soon(): void {
		if (this.#stopSent || this.#askedCost > 0) queueMicrotask(() => this.#goOn());
	}

	#goOn(): void {
		if (this.over) return;
		if (this.#stopSent) this.read(Number.POSITIVE_INFINITY);
		else this.#acknowledge();
	}

	/** Says what has come, and how much more may. */
	#acknowledge(): void {
		if (this.over) return;
		const [received, limit] = [this.#came, this.#limitNow];
		this.#askedCost = 0;
		if (received > this.#told.received || limit > this.#told.limit) {
			this.#told = { received, limit };
			this.#handler.frame(FRAME.ACK, encodeAck(received, limit));
		}
		if (!this.#lastCame || !this.#endSent || this.#finSent) return;
		this.#finSent = true;
		if (this.#finSeen) this.#over = true;
		this.#handler.end();
	}

	#hear(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.END || kind === FRAME.RESET) {
			assert.ok(kind === FRAME.END || this.#stopSent);
			this.#lastCame = true;
			this.#ended = true;
			if (kind === FRAME.END) this.leave();
		} else if (this.#stopSent) {
			assert.ok(kind === FRAME.TAGGED || kind === FRAME.CONTROL);
		} else if (kind === FRAME.TAGGED) {
			const message = (this.#tagged as TaggedDecoder).decode(payload);
			if (typeof message === "string") return assert.fail(message);
			assert.ok(this.receives && !this.#ended);
			this.lastSeq = message.seq;
			this.heard.push({ type: "message", seq: message.seq, sender: message.sender, text: new TextDecoder().decode(message.data) });
		} else if (kind === FRAME.CONTROL) {
			this.#control(payload);
		} else {
			assert.ok(this.rejected, `kind ${kind}`);
		}
	}

	#control(payload: Uint8Array): void {
		const decoded = decodeBroadcastControl(payload);
		if (!decoded.ok) return assert.fail(decoded.error);
		const { value } = decoded;
		switch (value.type) {
			case "joined":
				this.joined = value;
				this.lastSeq = value.recovered === true ? this.lastSeq : value.seq;
				this.#tagged = new TaggedDecoder(value.epoch);
				return;
			case "lag":
				return;
			case "members":
				this.#parts.push(...value.members);
				if (value.more) return;
				this.heard.push({ type: "members", seq: value.seq, members: this.#parts });
				this.#parts = [];
				return;
			case "gap":
				this.lastSeq = value.toSeq;
				this.heard.push(value);
				return;
			default:
				this.heard.push(value);
		}
	}
}

const EMPTY = new Uint8Array(0);
