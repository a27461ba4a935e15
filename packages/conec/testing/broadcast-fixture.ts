/**
 * A member of a broadcast for tests: its Client and the stream between, without a network.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { BroadcastSession } from "../src/coordinator/broadcast/service.ts";
import { ConecError } from "../src/errors.ts";
import type { Frame, IncomingStream, StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../src/transport/transport.ts";
import { type BroadcastOpen, type BroadcastPeer, decodeBroadcastControl, type Joined, TaggedDecoder } from "../src/wire/broadcast.ts";
import { encodeFrame, FRAME, FrameDecoder } from "../src/wire/frames.ts";

/** Of every Client in these tests. */
export const FINGERPRINT: string = `sha256:${"00".repeat(32)}`;

/** What a member has heard. */
export type Heard =
	| { readonly type: "message"; readonly seq: number; readonly sender: string; readonly text: string }
	| { readonly type: "gap"; readonly lost: number; readonly fromSeq: number; readonly toSeq: number }
	| { readonly type: "members"; readonly seq: number; readonly members: BroadcastPeer[] }
	| { readonly type: "join" | "update" | "leave"; readonly seq: number; readonly peer: BroadcastPeer };

/** What a member may have sent that the Coordinator has not used up. */
const CREDIT_BYTES = 65_536;

/** See the module. It reads when it is told to. */
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
	/** Calls by which the Coordinator wrote something. */
	writes = 0;
	lastSeq = 0;
	#handler!: StreamHandler;
	#highWaterBytes = 0;
	#wantsDrain = false;
	#unconsumedBytes = 0;
	#over = false;
	#ended = false;
	#endSent = false;
	#finSent = false;
	#finSeen = false;
	readonly #queue: Uint8Array[] = [];
	readonly #decoder: FrameDecoder = new FrameDecoder({ messageBytes: 1_000_000 });
	#tagged: TaggedDecoder | undefined;
	/** Parts of a list. */
	#parts: BroadcastPeer[] = [];

	constructor(session: BroadcastSession, open: BroadcastOpen) {
		this.session = session;
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

	/** False: the Coordinator has not used up what was sent before. */
	send(text: string): boolean {
		if (!this.sends || this.over || this.#unconsumedBytes >= CREDIT_BYTES) return false;
		const payload = new TextEncoder().encode(text);
		this.#unconsumedBytes += payload.length + 64;
		this.#handler.frame(FRAME.DATA, payload);
		return true;
	}

	/** Sends END. */
	endSending(): void {
		if (this.over || this.#endSent) return;
		this.#endSent = true;
		this.sends = false;
		this.#handler.frame(FRAME.END, EMPTY);
	}

	/** Leaves, as it should be done. */
	leave(): void {
		this.endSending();
		if (this.over || this.#finSent) return;
		this.#finSent = true;
		this.#handler.end();
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
			this.queuedBytes -= frames.length;
			for (const event of this.#decoder.push(frames)) {
				assert.equal(event.type, "frame");
				if (event.type === "frame") this.#hear(event.kind, event.payload);
			}
		}
		if (this.#wantsDrain && this.queuedBytes < this.#highWaterBytes / 2) {
			this.#wantsDrain = false;
			this.#handler.drained();
		}
	}

	// What the Coordinator does.

	write(kind: number, payload: Uint8Array): number {
		return this.writeFrames(encodeFrame(kind, payload));
	}

	writeUrgent(): number {
		assert.fail("nothing of a broadcast is urgent yet");
	}

	writeFrames(frames: Uint8Array): number {
		if (this.over) return -1;
		this.writes++;
		if (frames[0] === FRAME.REJECT) this.rejected = true;
		assert.equal(this.#finSeen, false, "nothing is written after FIN");
		this.#queue.push(new Uint8Array(frames));
		this.queuedBytes += frames.length;
		if (this.queuedBytes >= this.#highWaterBytes) this.#wantsDrain = true;
		return this.queuedBytes;
	}

	finish(): void {
		assert.ok(this.#finSent || this.rejected, "the Coordinator's FIN is an answer");
		this.#finSeen = true;
		this.#over = true;
	}

	reset(code: number): void {
		this.resetCode ??= code;
		this.sends = false;
	}

	stop(_code: number): void {}

	consumed(payloadBytes: number): void {
		this.#unconsumedBytes -= payloadBytes + 64;
	}

	#hear(kind: number, payload: Uint8Array): void {
		if (kind === FRAME.TAGGED) {
			const message = (this.#tagged as TaggedDecoder).decode(payload);
			if (typeof message === "string") return assert.fail(message);
			assert.ok(this.receives && !this.#ended);
			this.lastSeq = message.seq;
			this.heard.push({ type: "message", seq: message.seq, sender: message.sender, text: new TextDecoder().decode(message.data) });
		} else if (kind === FRAME.CONTROL) {
			this.#control(payload);
		} else if (kind === FRAME.END) {
			this.#ended = true;
			this.#handler.frame(FRAME.END_ACK, EMPTY);
			this.leave();
		} else {
			assert.ok(kind === FRAME.ACCEPT || this.rejected || (kind === FRAME.END_ACK && this.#endSent), `kind ${kind}`);
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
