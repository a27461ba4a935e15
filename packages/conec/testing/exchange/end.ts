/**
 * A machine of a stream with all that stands around it, as plain as can be, and what it must never say.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Random } from "../../src/base/random.ts";
import type { ConecError } from "../../src/errors.ts";
import type { CloseInfo } from "../../src/stream/close-info.ts";
import { Exchange, type ExchangeSink, type ExchangeWire } from "../../src/stream/exchange.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { COST_BYTES, type Flow, HIGH_WATER_BYTES } from "./flow.ts";

/** One machine, what stands around it, and what it has said. */
export class End implements ExchangeSink, ExchangeWire {
	readonly exchange: Exchange;
	readonly random: Random;
	readonly out: Flow;
	readonly into: Flow;
	readonly name: string;
	/** Messages that were handed to the line, and those that wait for room. */
	sent = 0;
	readonly waiting: Uint8Array[] = [];
	#taken = 0;
	/** Messages that came, and those that the application has not taken. */
	received = 0;
	inbox: Uint8Array[] = [];
	/** Bytes of frames that came, and where they are now. */
	framesIn = 0;
	returned = 0;
	dropped = 0;
	began = false;
	closing = false;
	stoppedLocally = false;
	resetLocally = false;
	lost = false;
	/** END came: the peer has said that this was all. */
	endCame = false;
	deadlineMs: number | undefined = undefined;
	readonly told: string[] = [];
	info: CloseInfo | undefined = undefined;
	/** Looks at both ends when this one hears that its messages are there. */
	onAcknowledged: () => void = () => undefined;

	constructor(name: "opener" | "acceptor", out: Flow, into: Flow, random: Random) {
		this.name = name;
		this.out = out;
		this.into = into;
		this.random = random;
		this.exchange = new Exchange(name, { peer: "bob", describe: name, lostCode: "PEER_LOST" }, this);
	}

	// The wire.

	get queuedBytes(): number {
		return this.out.queuedBytes;
	}

	write(kind: number, payload: Uint8Array): number {
		assert.ok(kind !== FRAME.DATA || !this.out.queue.some((item) => item.type === "frame" && item.kind === FRAME.END), "no message goes after END");
		this.#lives(`writes kind ${kind}`);
		return this.lost ? -1 : this.out.write(kind, payload);
	}

	finish(): void {
		this.#lives("writes FIN");
		if (!this.lost) this.out.finish();
	}

	reset(code: number): void {
		this.#lives("resets");
		if (!this.lost) this.out.reset(code, this.random);
	}

	stop(code: number): void {
		this.#lives("stops");
		if (!this.lost) this.into.stop(code);
	}

	consumed(payloadBytes: number): void {
		this.returned += payloadBytes + COST_BYTES;
		this.into.creditBytes += payloadBytes + COST_BYTES;
		assert.ok(this.returned <= this.framesIn, `${this.name}: gives back more credit than was used`);
	}

	// The application's side.

	readonly receiving = {
		push: (message: Uint8Array): void => {
			assert.ok(this.told.includes("opened") || this.name === "acceptor", `${this.name}: no message before ACCEPT`);
			assert.equal(this.endCame, false, `${this.name}: no message after the end`);
			assert.equal(numberOf(message), this.received, `${this.name}: messages come in order, none twice, none missing`);
			this.received++;
			this.inbox.push(message);
		},
		finish: (outcome: ConecError | null): void => {
			this.#once("reading is over");
			if (outcome === null) this.endCame = true;
		},
		discard: (): void => {
			for (const message of this.inbox) this.dropped += message.length + COST_BYTES;
			this.inbox = [];
		},
	};

	readonly sending = {
		drained: (): void => this.pump(),
		end: (): void => this.#once("no more is taken"),
		fail: (): void => {
			this.#once("sends fail");
			this.waiting.length = 0;
		},
	};

	wakeAt(ms: number | undefined): void {
		this.deadlineMs = ms;
	}

	opened(): void {
		assert.equal(this.told.includes("refused"), false, `${this.name}: not refused before`);
		this.#once("opened");
	}

	refused(): void {
		assert.equal(this.told.includes("opened"), false, `${this.name}: not opened before`);
		this.#once("refused");
	}

	acknowledged(): void {
		assert.ok(this.closing, `${this.name}: only what was closed is acknowledged`);
		assert.equal(this.told.includes("unacknowledged"), false, `${this.name}: not both`);
		this.#once("acknowledged");
		this.onAcknowledged();
	}

	unacknowledged(): void {
		assert.equal(this.told.includes("acknowledged"), false, `${this.name}: not both`);
		this.#once("unacknowledged");
	}

	over(info: CloseInfo): void {
		this.#once("over");
		this.info = info;
	}

	/** The application sends a message, which waits if there is no room. */
	send(): "sent" | "waits" | "refused" {
		if (this.closing || this.told.includes("sends fail")) return "refused";
		const message = new Uint8Array(2 + (this.#taken % 13));
		message[0] = this.#taken;
		message[1] = this.#taken >>> 8;
		this.#taken++;
		this.waiting.push(message);
		this.pump();
		return this.waiting.length > 0 ? "waits" : "sent";
	}

	pump(): void {
		const before = this.waiting.length;
		while (this.waiting.length > 0 && this.out.queuedBytes < HIGH_WATER_BYTES) {
			if (this.exchange.write(this.waiting[0] as Uint8Array) < 0) return;
			this.waiting.shift();
			this.sent++;
		}
		if (before > 0 && this.waiting.length === 0) this.exchange.emptied();
	}

	close(): void {
		this.closing = true;
		this.exchange.close(this.waiting.length);
	}

	read(): boolean {
		const message = this.inbox.shift();
		if (message !== undefined) this.exchange.consumed(message);
		return message !== undefined;
	}

	frame(kind: number, payload: Uint8Array): void {
		this.framesIn += payload.length + COST_BYTES;
		this.into.creditBytes -= payload.length + COST_BYTES;
		this.exchange.frame(kind, payload);
	}

	/** Every frame's credit is back, or its message waits, or the application did not want it. Time is awaited only for the answer. */
	check(): void {
		if (this.exchange.answer.type === "settled") assert.equal(this.deadlineMs, undefined, `${this.name}: no deadline outlives what it was set for`);
		const held = this.inbox.reduce((sum, message) => sum + message.length + COST_BYTES, 0);
		assert.equal(this.framesIn, this.returned + this.dropped + held, `${this.name}: credit of each frame is given back once`);
	}

	#once(what: string): void {
		assert.equal(this.told.includes(what), false, `${this.name}: "${what}" is said once`);
		assert.ok(!this.told.includes("over"), `${this.name}: "${what}" is not said after the end`);
		this.told.push(what);
	}

	#lives(what: string): void {
		assert.equal(this.told.includes("over"), false, `${this.name}: ${what} after its end`);
	}
}

function numberOf(message: Uint8Array): number {
	return (message[0] as number) + 256 * (message[1] as number);
}
