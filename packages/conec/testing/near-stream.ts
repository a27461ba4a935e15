/**
 * The other end of a stream that this side opens, for tests of one end: it says what the test wants, and notes what it hears.
 *
 * @module
 */

import type { LegLink } from "../src/stream/exchange/index.ts";
import { AckSchedule, SendBudget } from "../src/stream/windows/index.ts";
import type { StreamHandler } from "../src/transport/transport.ts";
import { FRAME } from "../src/wire/frames.ts";
import { decodeAck, decodeCode, decodeCount, encodeAck, encodeResumable } from "../src/wire/stream-frames.ts";
import type { VirtualClock } from "./memory/virtual-clock.ts";

/** See the module. */
export class NearStream {
	/** What was written: `END`, `ACK 3`, `STOP 0`, `DATA 5`, `finish`, `reset 9`, `stop 9`. */
	readonly calls: string[] = [];
	/** Up to which cost this end may send, as it was told last. */
	limit = 0;
	handler!: StreamHandler;
	#units = 0;
	readonly #clock: VirtualClock;

	constructor(clock: VirtualClock) {
		this.#clock = clock;
	}

	/** Where its frames go. */
	attach(handler: StreamHandler): LegLink {
		this.handler = handler;
		const write = (kind: number, payload: Uint8Array): number => {
			this.calls.push(this.#word(kind, payload));
			return 0;
		};
		return {
			wire: {
				...{ write, writeUrgent: write, writeFrames: () => 0, queuedBytes: 0, consumed() {} },
				finish: () => void this.calls.push("finish"),
				reset: (code) => void this.calls.push(`reset ${code}`),
				stop: (code) => void this.calls.push(`stop ${code}`),
			},
			shares: new SendBudget({ connectionWindowBytes: 16 * 1_048_576, severalPeers: true }),
			acks: new AckSchedule(this.#clock),
		};
	}

	/** The answer. `limit`: up to which cost this end may send. */
	accept(limit: number = 2 ** 40): this {
		return this.says(FRAME.RESUMABLE, encodeResumable({ received: 0, limit, forMs: 0, messageBytes: 1_048_576 }));
	}

	says(kind: number, payload: Uint8Array | string = ""): this {
		this.handler.frame(kind, typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
		return this;
	}

	/** Acknowledges everything that has come. */
	acknowledge(limit: number = 2 ** 40): this {
		return this.says(FRAME.ACK, encodeAck(this.#units, limit));
	}

	/** What has been written since the last call. */
	take(): string[] {
		return this.calls.splice(0);
	}

	#word(kind: number, payload: Uint8Array): string {
		const name = Object.entries(FRAME).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;
		switch (kind) {
			case FRAME.ACK: {
				const ack = decodeAck(payload);
				this.limit = ack?.limit ?? 0;
				return `${name} ${ack?.received}`;
			}
			case FRAME.STOP:
				return `${name} ${decodeCode(payload)}`;
			case FRAME.BLOCKED:
				return `${name} ${decodeCount(payload)}`;
			default:
				this.#units++;
				return payload.length === 0 ? name : `${name} ${payload.length}`;
		}
	}
}
