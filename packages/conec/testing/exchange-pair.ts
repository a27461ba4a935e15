/**
 * Two machines of a stream, with a line between them on which everything that a network may do happens, from one seed.
 *
 * Each direction of the line keeps frames in order and has a window. Resets overtake frames, stops overtake everything,
 * acknowledgements of FIN come at any time after it, and the connection may break.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Random, seededRandom } from "../src/base/random.ts";
import { ConecError } from "../src/errors.ts";
import type { CloseInfo } from "../src/stream/close-info.ts";
import { Exchange, type ExchangeSink, type ExchangeWire } from "../src/stream/exchange.ts";
import { RESET_CODES } from "../src/wire/codes.ts";
import { FRAME } from "../src/wire/frames.ts";
import { encodeReject } from "../src/wire/open.ts";
import { ANSWER_MS } from "./exchange-fixture.ts";

const WINDOW_BYTES = 40;
const CREDIT_BYTES = 60;
/** What a frame costs besides its payload. */
const COST_BYTES = 8;
const HIGH_WATER_BYTES = 48;

/** What can happen in a pair. Counted, so that a test can see that it did. */
export type Happening =
	| "orderly"
	| "reset"
	| "stop"
	| "destroy"
	| "loss"
	| "rejected"
	| "timeout"
	| "early"
	| "waiting"
	| "overtaken"
	| "crossed"
	| "delivered"
	| "acknowledged"
	| "unacknowledged";

type Item =
	| { readonly type: "frame"; readonly kind: number; readonly payload: Uint8Array }
	| { readonly type: "fin" }
	| { readonly type: "reset"; readonly code: number };

/** One direction of the line. */
class Flow {
	/** Not sent yet. */
	queue: Item[] = [];
	queuedBytes = 0;
	wantsDrain = false;
	/** Sent, and not with the receiver's machine yet. */
	onWay: Item[] = [];
	creditBytes = CREDIT_BYTES;
	/** The sender can do nothing more here: it has given up, was stopped, or its FIN is acknowledged. */
	sendingOver = false;
	finWritten = false;
	/** The receiver hears nothing more. */
	receivingOver = false;
	/** On its way to the sender. */
	stopCode: number | undefined = undefined;

	write(kind: number, payload: Uint8Array): number {
		assert.equal(this.finWritten, false, "nothing is written after FIN");
		if (this.sendingOver) return -1;
		this.queue.push({ type: "frame", kind, payload });
		this.queuedBytes += payload.length + COST_BYTES;
		if (this.queuedBytes >= HIGH_WATER_BYTES) this.wantsDrain = true;
		return this.queuedBytes;
	}

	finish(): void {
		assert.equal(this.finWritten, false, "FIN is written once");
		if (this.sendingOver) return;
		this.finWritten = true;
		this.queue.push({ type: "fin" });
	}

	reset(code: number, random: Random): void {
		if (this.sendingOver) return;
		this.sendingOver = true;
		this.#dropQueue();
		// What is on its way may be lost, from any point on.
		this.onWay.length = Math.floor(random.fraction() * (this.onWay.length + 1));
		if (!this.receivingOver) this.onWay.push({ type: "reset", code });
	}

	stop(code: number): void {
		if (this.receivingOver) return;
		this.receivingOver = true;
		this.onWay = [];
		this.stopCode = code;
	}

	stopped(): void {
		this.stopCode = undefined;
		this.sendingOver = true;
		this.#dropQueue();
	}

	/** Whether the next frame may leave. */
	get open(): boolean {
		const used = this.onWay.reduce((sum, item) => sum + (item.type === "frame" ? item.payload.length + COST_BYTES : 0), 0);
		return this.queue.length > 0 && (this.queue[0]?.type !== "frame" || used < WINDOW_BYTES);
	}

	/** The next frame leaves. */
	send(): void {
		const item = this.queue.shift() as Item;
		if (item.type === "frame") this.queuedBytes -= item.payload.length + COST_BYTES;
		if (!this.receivingOver) this.onWay.push(item);
	}

	#dropQueue(): void {
		this.queue = [];
		this.queuedBytes = 0;
		this.wantsDrain = false;
	}
}

/** One machine, what stands around it, and what it has said. */
class End implements ExchangeSink, ExchangeWire {
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

	/** Every frame's credit is back, or its message waits, or the application did not want it. */
	checkCredit(): void {
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

/** What this pair does often, so that quiet ends are met too. */
interface Mood {
	readonly resets: number;
	readonly stops: number;
	readonly destroys: number;
	readonly loss: number;
	readonly rejects: boolean;
	readonly silent: boolean;
	readonly acts: number;
}

/** Runs a pair from a seed to its end, and says what has happened. Throws what went wrong, with the seed and the acts. */
export function runExchangePair(seed: number): ReadonlySet<Happening> {
	const log: string[] = [];
	try {
		return new Pair(seededRandom(seed), log).run();
	} catch (error) {
		throw new Error(`seed ${seed}: ${log.join(", ")}: ${(error as Error).message}`, { cause: error });
	}
}

class Pair {
	readonly #random: Random;
	readonly #log: string[];
	readonly #opener: End;
	readonly #acceptor: End;
	readonly #happened = new Set<Happening>();
	readonly #mood: Mood;
	#nowMs = 0;
	#broken = false;
	#rejected = false;

	constructor(random: Random, log: string[]) {
		this.#random = random;
		this.#log = log;
		const [forward, backward] = [new Flow(), new Flow()];
		this.#opener = new End("opener", forward, backward, random);
		this.#acceptor = new End("acceptor", backward, forward, random);
		const sometimes = (chance: number, value: number): number => (random.fraction() < chance ? value : 0);
		this.#mood = {
			resets: sometimes(0.3, 0.2),
			stops: sometimes(0.3, 0.2),
			destroys: sometimes(0.15, 0.1),
			loss: sometimes(0.2, 0.02),
			rejects: random.fraction() < 0.1,
			silent: random.fraction() < 0.05,
			acts: 10 + Math.floor(random.fraction() * 120),
		};
		for (const [end, other] of [
			[this.#opener, this.#acceptor],
			[this.#acceptor, this.#opener],
		] as const) {
			end.onAcknowledged = () => {
				// Where the peer could acknowledge it has everything; else its transport has.
				const mute = end.stoppedLocally || other.stoppedLocally || other.resetLocally;
				if (!mute) assert.equal(other.received, end.sent, `${end.name}: close has succeeded, so the peer has everything`);
				else if (other.received < end.sent) assert.ok(end.out.sendingOver, `${end.name}: then its transport has`);
			};
		}
		this.#opener.began = true;
		this.#opener.exchange.open(this.#opener, this.#nowMs, ANSWER_MS);
	}

	run(): ReadonlySet<Happening> {
		for (let act = 0; act < this.#mood.acts; act++) this.#step();
		this.#rest();
		for (const end of this.#began()) {
			assert.ok(end.exchange.over, `${end.name} is over at last, and not ${end.exchange.receiving} ${end.exchange.sending}`);
			assert.ok(end.told.includes("over"));
			assert.equal(end.deadlineMs, undefined, `${end.name} waits for no time`);
			assert.equal(end.waiting.length, 0, `${end.name}: nothing waits for ever`);
			if (end.name === "opener") assert.ok(end.told.includes("opened") || end.told.includes("refused"), "the opener has an answer");
			if (end.closing) assert.ok(end.told.includes("acknowledged") || end.told.includes("unacknowledged"), `${end.name}: close has an outcome`);
			for (const what of ["acknowledged", "unacknowledged"] as const) if (end.told.includes(what)) this.#happened.add(what);
		}
		const [one, other] = [this.#opener, this.#acceptor];
		if (one.endCame && other.endCame && one.info?.code === undefined && other.info?.code === undefined && one.info?.closeCode === undefined) {
			this.#happened.add("orderly");
			if (other.info?.closeCode === undefined) {
				assert.equal(one.received, other.sent);
				assert.equal(other.received, one.sent);
			}
		}
		return this.#happened;
	}

	#began(): readonly End[] {
		return [this.#opener, this.#acceptor].filter((end) => end.began);
	}

	#step(): void {
		const { resets, stops, destroys, loss } = this.#mood;
		const end = this.#random.fraction() < 0.5 ? this.#opener : this.#acceptor;
		const dice = this.#random.fraction();
		const rare = this.#random.fraction();
		if (!this.#broken && this.#random.fraction() < loss) {
			this.#broken = true;
			this.#happened.add("loss");
			this.#log.push("the connection breaks");
		} else if (dice < 0.5 || !end.began) this.#network();
		else if (dice < 0.7) for (let count = 0; count < 4; count++) this.#note(end, `send: ${this.#sent(end)}`);
		else if (dice < 0.9) this.#note(end, end.read() ? "read" : "nothing to read");
		// More often behind END, so that its END_ACK crosses the reset.
		else if (rare < resets * (end.closing ? 3 : 1)) this.#reset(end);
		else if (rare < resets + stops) this.#stop(end);
		else if (rare < resets + stops + destroys) this.#destroy(end);
		else if (rare > 0.8) this.#close(end);
		for (const one of this.#began()) one.checkCredit();
	}

	#sent(end: End): string {
		const outcome = end.send();
		if (outcome === "waits") this.#happened.add("waiting");
		if (outcome === "sent" && end === this.#opener && !end.told.includes("opened")) this.#happened.add("early");
		return outcome;
	}

	#close(end: End): void {
		this.#note(end, "close");
		end.close();
	}

	#reset(end: End): void {
		this.#note(end, "reset");
		this.#happened.add("reset");
		end.resetLocally = true;
		end.exchange.resetLocally(5);
	}

	#stop(end: End): void {
		this.#note(end, "stop");
		this.#happened.add("stop");
		end.stoppedLocally = true;
		end.exchange.stopLocally(6, end.inbox.length);
	}

	#destroy(end: End): void {
		this.#note(end, "destroy");
		this.#happened.add("destroy");
		end.exchange.destroy(new ConecError("CLIENT_CLOSED", "closed"), RESET_CODES.CLIENT_CLOSED);
	}

	/** Something happens on the line, if anything can. */
	#network(): boolean {
		const can: (() => void)[] = [];
		for (const [end, other] of [
			[this.#opener, this.#acceptor],
			[this.#acceptor, this.#opener],
		] as const) {
			const { out } = end;
			if (this.#broken && end.began && !end.lost) can.push(() => this.#lose(end));
			if (!this.#broken && out.open) can.push(() => out.send());
			if (end.began && !end.lost) {
				if (out.wantsDrain && out.queuedBytes < HIGH_WATER_BYTES / 2 && !out.sendingOver) can.push(() => this.#drain(end));
				if (out.finWritten && !out.sendingOver && !out.queue.some((item) => item.type === "fin")) can.push(() => this.#acknowledgeFin(end));
				if (out.stopCode !== undefined && !out.sendingOver) can.push(() => this.#stopped(end));
			}
			if (other.began && !other.lost && out.onWay.length > 0 && (out.onWay[0]?.type !== "frame" || out.creditBytes > 0))
				can.push(() => this.#deliver(other, out));
		}
		if (!this.#acceptor.began && !this.#rejected && !this.#mood.silent && !this.#broken) can.push(() => this.#answer());
		const choice = can[Math.floor(this.#random.fraction() * can.length)];
		choice?.();
		return choice !== undefined;
	}

	#answer(): void {
		if (this.#mood.rejects) {
			this.#log.push("rejects");
			this.#happened.add("rejected");
			this.#rejected = true;
			const { out, into } = this.#acceptor;
			out.write(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" }));
			out.finish();
			into.stop(RESET_CODES.REJECTED);
			return;
		}
		this.#log.push("accepts");
		this.#acceptor.began = true;
		this.#acceptor.exchange.accept(this.#acceptor);
	}

	#deliver(end: End, flow: Flow): void {
		const item = flow.onWay.shift() as Item;
		this.#note(end, item.type === "frame" ? `gets kind ${item.kind}` : `gets ${item.type}`);
		if (item.type !== "frame") flow.receivingOver = true;
		if (item.type === "frame") {
			if (item.kind === FRAME.END_ACK && end.exchange.sending === "abandoned") this.#happened.add("crossed");
			end.frame(item.kind, item.payload);
		} else if (item.type === "fin") end.exchange.end();
		else end.exchange.reset(item.code);
	}

	#drain(end: End): void {
		this.#note(end, "has room");
		end.out.wantsDrain = false;
		end.exchange.drained();
	}

	#acknowledgeFin(end: End): void {
		this.#note(end, "FIN acknowledged");
		end.out.sendingOver = true;
		end.exchange.finished();
		if (end.exchange.sending === "delivered") this.#happened.add("delivered");
	}

	#stopped(end: End): void {
		const code = end.out.stopCode as number;
		this.#note(end, `is stopped with ${code}`);
		end.out.stopped();
		end.exchange.stopped(code);
		if (end.exchange.answer.type === "overtaken") this.#happened.add("overtaken");
	}

	#lose(end: End): void {
		this.#note(end, "hears that the connection is lost");
		end.lost = true;
		end.exchange.lost(new ConecError("CONNECTION_LOST", "gone"));
	}

	/** No more mischief: both applications read, close and wait, until nothing is left to happen. */
	#rest(): void {
		this.#log.push("rest");
		for (;;) {
			for (const end of this.#began()) if (!end.closing) this.#close(end);
			let busy = this.#network();
			for (const end of this.#began()) {
				busy = end.read() || busy;
				end.checkCredit();
			}
			if (!busy && !this.#pass()) return;
		}
	}

	/** Lets time pass to the next deadline. */
	#pass(): boolean {
		const end = this.#began().find(({ deadlineMs }) => deadlineMs !== undefined);
		if (end?.deadlineMs === undefined) return false;
		this.#happened.add("timeout");
		this.#nowMs = end.deadlineMs;
		this.#note(end, "is woken");
		end.deadlineMs = undefined;
		end.exchange.expired(this.#nowMs);
		return true;
	}

	#note(end: End, what: string): void {
		this.#log.push(`${end.name} ${what}`);
	}
}
