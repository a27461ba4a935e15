/**
 * A watch of a Client: its stream, and how far it has come.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { Exchange, type ExchangeSink } from "../../stream/exchange/index.ts";
import { type Lent, NOTHING_KEPT, ONE_LEG } from "../../stream/lent.ts";
import type { NewStream } from "../../stream/open-stream.ts";
import { WakeTimer } from "../../stream/wake-timer.ts";
import { fixedWindows } from "../../stream/windows/index.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import type { PresenceCursor, PresenceLog } from "./log.ts";
import type { Turns } from "./turns.ts";

/** What a watch needs. */
export interface WatchParts {
	readonly log: PresenceLog;
	readonly clock: Clock;
	readonly turns: Turns;
	/** Bytes that may wait to be sent. */
	readonly queueBytes: number;
	readonly lent: Lent;
	/** Its place is free. Called once. */
	readonly left: () => void;
	/** Its stream is over. Called once, after {@link left}. */
	readonly over: () => void;
}

/** A Client sends nothing here but END. The early bytes of every stream are its limit for ever. */
const NO_WINDOW = fixedWindows(0);

/** See the module. Its stream is an ordinary one. The Client leaves with END and STOP. */
export class Watch {
	readonly #parts: WatchParts;
	readonly #cursor: PresenceCursor;
	readonly #exchange: Exchange;
	readonly #timer: WakeTimer;
	/** Whether the queue is full, or the Client lets no more come. `drained` ends that. */
	#full = true;
	/** What was read and could not be sent. */
	#frame: Uint8Array | undefined;
	/** The Client has left, or the stream is over. */
	#hasLeft = false;

	constructor(parts: WatchParts) {
		const { clock, log, queueBytes } = parts;
		this.#parts = parts;
		this.#cursor = log.open();
		const subject = { peer: null, describe: "a watch of the peers", lostCode: "PEER_LOST" as const };
		const init = {
			...{ subject, identity: "", windows: NO_WINDOW, kept: NOTHING_KEPT, messageBytes: 0, highWaterBytes: queueBytes, unitKinds: 0 },
			...{ now: () => clock.now(), fraction: () => 0 },
		};
		this.#exchange = new Exchange("acceptor", init, this.#sink());
		this.#timer = new WakeTimer(clock, () => this.#exchange.expired());
	}

	/** Answers OPEN. */
	accept(incoming: IncomingStream, resume: NewStream): void {
		const { lent, queueBytes } = this.#parts;
		this.#exchange.accept(
			(leg) => ({ wire: incoming.accept(leg, { messageBytes: 1, highWaterBytes: queueBytes }), shares: lent.shares, acks: lent.acks }),
			resume,
		);
	}

	/** Sends what is new, as far as there is room. */
	pump(): void {
		while (!this.#full && !this.#hasLeft) {
			const { log, turns } = this.#parts;
			if (this.#frame === undefined && (!log.hasMore(this.#cursor) || !turns.may(this))) return;
			const frame = this.#frame ?? log.readFrame(this.#cursor);
			if (frame === undefined) return;
			const queued = this.#exchange.sending.write(FRAME.CONTROL, frame);
			this.#frame = queued < 0 ? frame : undefined;
			if (queued >= 0) turns.told(frame.length);
			this.#full = queued < 0 || queued >= this.#parts.queueBytes;
		}
	}

	/** Ends the watch. */
	forget(): void {
		if (this.#hasLeft) return;
		this.#hasLeft = true;
		this.#frame = undefined;
		this.#parts.turns.left(this);
		this.#parts.log.close();
		this.#parts.left();
	}

	#sink(): ExchangeSink {
		return {
			receiving: { waiting: true, push() {}, finish() {}, discard() {} },
			sending: {
				drained: () => {
					this.#full = false;
					this.pump();
				},
				end() {},
				// STOP has come, or the stream has failed. The place is free before the Client hears so.
				fail: () => this.forget(),
			},
			wakeAt: (ms) => this.#timer.set(ms),
			over: () => {
				this.forget();
				this.#parts.over();
			},
			opened() {},
			refused() {},
			acknowledged() {},
			unacknowledged() {},
			...ONE_LEG,
		};
	}
}
