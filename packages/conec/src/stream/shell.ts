/**
 * What stands around the machine of a stream: its queues, its timer and its promises.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-info.ts";
import { type Deferred, deferred, quietlyDeferred } from "../base/signals.ts";
import type { ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { Exchange, type ExchangeSink, type LegLink, type Subject } from "./exchange/index.ts";
import type { StreamBudgets } from "./flow.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { SendQueue } from "./send-queue.ts";

/** See the module. The {@link exchange} decides everything; its legs are the handlers of the transport's streams. */
export class StreamShell implements ExchangeSink {
	readonly exchange: Exchange;
	readonly receiving: ReceiveQueue<Uint8Array>;
	readonly sending: SendQueue;
	/** Resolves when both directions are over. */
	readonly closed: Promise<CloseInfo>;
	/** Resolves when the peer's library has accepted; rejects if the stream ends before. */
	readonly accepted: Promise<void>;
	readonly #clock: Clock;
	#timer: unknown = undefined;
	readonly #closed: Deferred<CloseInfo> = deferred();
	readonly #opened: Deferred<void> | undefined;
	/** The promise of `close`. Whoever called it gets the error; the stream itself must not raise it a second time. */
	#acknowledgement: Deferred<void> | undefined = undefined;

	constructor(role: "opener" | "acceptor", subject: Subject, limits: Limits, clock: Clock, budgets: StreamBudgets) {
		this.#clock = clock;
		const { messageBytes, sendHighWaterBytes: highWaterBytes } = limits;
		const { windows, kept } = budgets;
		const now = (): number => clock.now();
		this.exchange = new Exchange(role, { subject, identity: subject.peer ?? "", windows, kept, messageBytes, highWaterBytes, now, fraction: () => 0 }, this);
		this.receiving = new ReceiveQueue(this.exchange);
		this.sending = new SendQueue(this.exchange, limits);
		this.closed = this.#closed.promise;
		// With `early`, nobody waits for it: the stream itself reports the error.
		this.#opened = role === "opener" ? quietlyDeferred() : undefined;
		this.accepted = this.#opened?.promise ?? ACCEPTED;
	}

	/** See `MessageStream.close`; the promise is the same for every call. */
	close(): Promise<void> {
		if (this.exchange.sendingState === "open") {
			this.#acknowledgement = quietlyDeferred();
			this.exchange.close(this.sending.waiting);
		}
		return this.#acknowledgement?.promise ?? Promise.reject(this.exchange.error);
	}

	/** See `MessageStream.stop`. */
	stop(code: number): void {
		this.exchange.stopLocally(code, this.receiving.length);
	}

	// What the machine says.

	wakeAt(ms: number | undefined): void {
		this.#clock.clearTimeout(this.#timer);
		this.#timer = ms === undefined ? undefined : this.#clock.setTimeout(() => this.exchange.expired(), ms - this.#clock.now());
	}

	opened(): void {
		this.#opened?.resolve();
	}

	refused(error: ConecError): void {
		this.#opened?.reject(error);
	}

	acknowledged(): void {
		this.#acknowledgement?.resolve();
	}

	unacknowledged(error: ConecError): void {
		this.#acknowledgement?.reject(error);
	}

	over(info: CloseInfo): void {
		this.#closed.resolve(info);
	}

	gone(): void {}

	suspended(): void {}

	openLeg(): LegLink | undefined {
		return undefined;
	}
}

const ACCEPTED: Promise<void> = Promise.resolve();
