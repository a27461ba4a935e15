/**
 * A machine of a stream with all that stands around it, as plain as can be, and what it must never say.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { CloseInfo } from "../../src/base/close-info.ts";
import type { ConecError } from "../../src/errors.ts";
import { Exchange, type ExchangeSink, type FurtherLeg, type LegLink, type ResumeOptions } from "../../src/stream/exchange/index.ts";
import type { StreamHandler } from "../../src/transport/transport.ts";
import { HIGH_WATER_BYTES } from "./line.ts";
import { Lent, testKept, testWindows } from "./windows.ts";

/** What an end is made with. */
export interface EndOptions {
	readonly windowBytes: number;
	readonly messageBytes: number;
	readonly keptBytes: number;
	readonly resume: ResumeOptions | undefined;
	readonly now: () => number;
	readonly fraction: () => number;
}

/** A message: its number, and as many bytes as are wanted. */
export function messageOf(number: number, bytes: number): Uint8Array {
	const message = new Uint8Array(Math.max(4, bytes));
	message[0] = number >>> 24;
	message[1] = number >>> 16;
	message[2] = number >>> 8;
	message[3] = number;
	// What goes twice must be the same bytes.
	if (message.length > 4) message[message.length - 1] = number * 7;
	return message;
}

function numberOf(message: Uint8Array): number {
	const [a, b, c, d] = message as unknown as [number, number, number, number];
	return (a << 24) | (b << 16) | (c << 8) | d;
}

/** One machine, what stands around it, and what it has said. */
export class End implements ExchangeSink {
	readonly name: "opener" | "acceptor";
	readonly exchange: Exchange;
	readonly lent: Lent = new Lent();
	/** Messages that were handed to the machine, and those that wait for room. */
	sent = 0;
	readonly waiting: Uint8Array[] = [];
	/** Messages that came, and those that the application has not taken. */
	received = 0;
	inbox: Uint8Array[] = [];
	closing = false;
	stoppedLocally = false;
	resetLocally = false;
	destroyed = false;
	/** END came: the peer has said that this was all. */
	endCame = false;
	wakeMs: number | undefined = undefined;
	info: CloseInfo | undefined = undefined;
	/** The code of the error by which it was told that it was not opened. */
	refusedWith: string | undefined = undefined;
	isGone = false;
	isSuspended = false;
	readonly told: string[] = [];
	/** Looks at both ends when this one hears that its messages are there. */
	onAcknowledged: () => void = () => undefined;
	onOpenLeg: (open: FurtherLeg, handler: StreamHandler) => LegLink | undefined = () => undefined;

	constructor(name: "opener" | "acceptor", options: EndOptions) {
		this.name = name;
		this.exchange = new Exchange(
			name,
			{
				subject: { peer: "bob", describe: name, lostCode: "PEER_LOST" },
				identity: "bob",
				windows: testWindows(options.windowBytes, options.messageBytes, this.lent),
				kept: testKept(options.keptBytes, this.lent),
				messageBytes: options.messageBytes,
				highWaterBytes: HIGH_WATER_BYTES,
				now: options.now,
				fraction: options.fraction,
			},
			this,
			options.resume,
		);
	}

	// What the machine says.

	readonly receiving: ExchangeSink["receiving"] = {
		waiting: true,
		push: (message: Uint8Array): void => {
			assert.ok(this.told.includes("opened") || this.name === "acceptor", `${this.name}: no message before the answer`);
			assert.equal(this.told.includes("reading is over"), false, `${this.name}: no message after the end`);
			assert.equal(numberOf(message), this.received, `${this.name}: messages come in order, none twice, none missing`);
			assert.deepEqual(message, messageOf(this.received, message.length), `${this.name}: message ${this.received} is what was sent`);
			this.received++;
			this.inbox.push(message);
		},
		finish: (outcome: ConecError | null): void => {
			this.#once("reading is over");
			if (outcome === null) this.endCame = true;
		},
		discard: (): void => {
			this.inbox = [];
		},
	};

	readonly sending: ExchangeSink["sending"] = {
		drained: (): void => this.pump(),
		end: (): void => this.#once("no more is taken"),
		fail: (): void => {
			this.#once("sends fail");
			this.waiting.length = 0;
		},
	};

	wakeAt(ms: number | undefined): void {
		this.wakeMs = ms;
	}

	opened(): void {
		assert.equal(this.told.includes("refused"), false, `${this.name}: not refused before`);
		this.#once("opened");
	}

	refused(error: ConecError): void {
		this.refusedWith = error.code;
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

	gone(): void {
		assert.equal(this.isGone, false, `${this.name}: "gone" is said once`);
		assert.ok(this.told.includes("over"), `${this.name}: over before it is gone`);
		this.isGone = true;
		assert.deepEqual({ ...this.lent }, { ...new Lent() }, `${this.name}: everything that was lent is given back`);
		assert.equal(this.wakeMs, undefined, `${this.name}: no time is awaited any more`);
	}

	suspended(yes: boolean): void {
		assert.notEqual(this.isSuspended, yes, `${this.name}: suspension is told when it changes`);
		this.isSuspended = yes;
	}

	openLeg(open: FurtherLeg, handler: StreamHandler): LegLink | undefined {
		return this.onOpenLeg(open, handler);
	}

	// What the application does.

	/** The application sends a message, which waits if there is no room. */
	send(bytes: number): boolean {
		if (this.closing || this.told.includes("sends fail")) return false;
		this.waiting.push(messageOf(this.sent + this.waiting.length, bytes));
		if (this.waiting.length === 1) this.pump();
		return true;
	}

	pump(): void {
		const before = this.waiting.length;
		while (this.waiting.length > 0 && this.exchange.queuedBytes < HIGH_WATER_BYTES) {
			const message = this.waiting[0] as Uint8Array;
			if (message.length > this.exchange.messageBytes) {
				// Rejected locally. Those behind it get other numbers.
				this.waiting.shift();
				this.waiting.splice(0, this.waiting.length, ...this.waiting.map(({ length }, index) => messageOf(this.sent + index, length)));
				continue;
			}
			if (this.exchange.write(message) < 0) return;
			this.waiting.shift();
			this.sent++;
		}
		if (before > 0 && this.waiting.length === 0) this.exchange.emptied();
	}

	close(): void {
		if (this.closing || this.told.includes("sends fail")) return;
		this.closing = true;
		this.exchange.close(this.waiting.length);
	}

	read(): boolean {
		const message = this.inbox.shift();
		if (message !== undefined) this.exchange.consumed(message);
		return message !== undefined;
	}

	check(): void {
		assert.ok(this.exchange.legs.all.length <= 2, `${this.name}: ${this.exchange.legs.all.length} legs`);
		assert.equal(this.exchange.over, this.told.includes("over"));
	}

	#once(what: string): void {
		assert.equal(this.told.includes(what), false, `${this.name}: "${what}" is said once`);
		assert.ok(!this.told.includes("over"), `${this.name}: "${what}" is not said after the end`);
		this.told.push(what);
	}
}
