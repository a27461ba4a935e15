/**
 * Two machines of a stream, with a line between them on which everything that a network may do happens, from one seed.
 *
 * Each direction of the line keeps frames in order and has a window. Resets overtake frames, stops overtake everything,
 * acknowledgements of FIN come at any time after it, and the connection may break.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { ConecError } from "../../src/errors.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { encodeReject } from "../../src/wire/open.ts";
import { End } from "./end.ts";
import { Flow, HIGH_WATER_BYTES, type Item } from "./flow.ts";
import { ANSWER_MS } from "./recorded.ts";

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
		for (const one of this.#began()) one.check();
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
				end.check();
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
