/**
 * A machine of a stream whose every action is written down, for tests of single events.
 *
 * @module
 */

import type { LegLink, LegWire } from "../../src/stream/exchange/index.ts";
import type { StreamHandler } from "../../src/transport/transport.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { decodeAck, decodeCode, decodeCount, decodeResumable } from "../../src/wire/stream-frames.ts";
import { End } from "./end.ts";
import { TestAcks, testShares } from "./windows.ts";

/** The token of its streams. */
export const TOKEN = "00112233445566778899aabbccddeeff";

/** The longest message of its streams. */
export const MESSAGE_BYTES = 100_000;

/** A machine, its legs, and what it did on them: such as `0: ACK 2 65536`, `1: reset MOVED`. */
export class Recorded {
	readonly end: End;
	readonly log: string[] = [];
	/** The legs in the order in which they began. */
	readonly legs: StreamHandler[] = [];
	readonly #acks: TestAcks;
	nowMs = 0;
	/** What its wires say is queued. */
	queuedBytes = 0;
	/** Whether there is a way for further legs. */
	way = true;

	constructor(role: "opener" | "acceptor", forMs: number) {
		this.end = new End(role, {
			windowBytes: 65_536,
			messageBytes: MESSAGE_BYTES,
			keptBytes: 1_000_000,
			resume: forMs === 0 ? undefined : { token: TOKEN, forMs },
			now: () => this.nowMs,
			fraction: () => 0.5,
		});
		this.#acks = new TestAcks(() => this.nowMs, this.end.lent);
		this.end.onOpenLeg = (open, handler) => {
			if (!this.way) return undefined;
			this.log.push(`OPEN ${open.generation} ${open.received}`);
			return this.link(open.generation, handler);
		};
		const { exchange } = this.end;
		if (role === "opener") exchange.open((handler) => this.link(0, handler), 10_000);
		else exchange.accept((handler) => this.link(0, handler), { limit: 65_536, messageBytes: MESSAGE_BYTES });
	}

	/** A leg whose actions are written down. */
	link(generation: number, handler: StreamHandler): LegLink {
		this.legs.push(handler);
		const say = (what: string): void => void this.log.push(`${generation}: ${what}`);
		const queued = (): number => this.queuedBytes;
		const wire: LegWire = {
			get queuedBytes() {
				return queued();
			},
			write: (kind, payload) => {
				say(nameOf(kind, payload));
				return queued();
			},
			writeFrames: (frames) => {
				say(`again ${frames.length}`);
				return queued();
			},
			finish: () => say("FIN"),
			reset: (code) => say(`reset ${codeName(code)}`),
			stop: (code) => say(`stop ${codeName(code)}`),
			consumed() {},
		};
		return { wire, shares: testShares(1_000_000, this.end.lent), acks: this.#acks };
	}

	/** The turn is over: what is due now is written. */
	turn(): void {
		this.#acks.run(Number.MIN_SAFE_INTEGER);
	}

	/** Time goes by, up to what is wanted in the meantime. */
	pass(ms: number): void {
		this.nowMs += ms;
		this.#acks.run(this.nowMs);
		if (this.end.wakeMs === undefined || this.end.wakeMs > this.nowMs) return;
		this.end.wakeMs = undefined;
		this.end.exchange.expired();
	}
}

function nameOf(kind: number, payload: Uint8Array): string {
	const name = Object.entries(FRAME).find(([, value]) => value === kind)?.[0] ?? String(kind);
	if (kind === FRAME.ACK) return `ACK ${Object.values(decodeAck(payload) ?? {}).join(" ")}`;
	if (kind === FRAME.RESUMABLE) return `RESUMABLE ${Object.values(decodeResumable(payload) ?? {}).join(" ")}`;
	if (kind === FRAME.FROM || kind === FRAME.BLOCKED) return `${name} ${decodeCount(payload)}`;
	return kind === FRAME.STOP || kind === FRAME.RESET ? `${name} ${decodeCode(payload)}` : name;
}

function codeName(code: number): string {
	return Object.entries(RESET_CODES).find(([, value]) => value === code)?.[0] ?? String(code);
}
