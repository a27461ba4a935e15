/**
 * What stands around the machine of a stream: its queues, its timer and its promises.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-info.ts";
import { type Deferred, quietlyDeferred } from "../base/signals.ts";
import type { ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { StreamHandler } from "../transport/transport.ts";
import {
	type Attach,
	Exchange,
	type ExchangeSink,
	type FurtherLeg,
	type LegLink,
	type LegPath,
	type Offered,
	type Passage,
	type ResumeOptions,
	type Subject,
} from "./exchange/index.ts";
import type { StreamBudgets } from "./flow.ts";
import { type KeptStream, openLeg, type StreamKeeper, type Survival } from "./leg-way.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { SendQueue } from "./send-queue.ts";

/** What a shell is made of beside the limits. */
export interface ShellParts {
	readonly clock: Clock;
	readonly budgets: StreamBudgets;
	/** With `survival`: what both ends call the stream. @default it ends with its leg */
	readonly resume?: ResumeOptions | undefined;
	readonly survival?: Pick<Survival, "keeper" | "fraction"> | undefined;
}

/** See the module. The {@link exchange} decides everything; its legs are the handlers of the transport's streams. */
export class StreamShell implements ExchangeSink {
	readonly exchange: Exchange;
	readonly receiving: ReceiveQueue<Uint8Array>;
	readonly sending: SendQueue;
	/** Resolves when both directions are over. */
	readonly closed: Promise<CloseInfo>;
	/** No leg carries it now. */
	isSuspended = false;
	readonly keeper: StreamKeeper | undefined;
	readonly clock: Clock;
	#timer: unknown = undefined;
	#isOver: (info: CloseInfo) => void = ignore;
	/** `undefined` once the peer's library has accepted. */
	#opened: Deferred<void> | undefined;
	/** The promise of `close`. Whoever called it gets the error; the stream itself must not raise it a second time. */
	#acknowledgement: Deferred<void> | undefined = undefined;

	constructor(role: "opener" | "acceptor", subject: Subject, limits: Limits, { clock, budgets, resume, survival }: ShellParts) {
		this.clock = clock;
		this.keeper = survival?.keeper;
		const { messageBytes, sendHighWaterBytes: highWaterBytes } = limits;
		const { windows, kept } = budgets;
		const times = { now: nowOf(clock), fraction: survival?.fraction ?? NO_FRACTION };
		this.exchange = new Exchange(role, { subject, identity: subject.peer ?? "", windows, kept, messageBytes, highWaterBytes, ...times }, this, resume);
		this.receiving = new ReceiveQueue(this.exchange);
		this.sending = new SendQueue(this.exchange, limits);
		this.closed = new Promise((resolve) => {
			this.#isOver = resolve;
		});
		// With `early`, nobody waits for it: the stream itself reports the error.
		this.#opened = role === "opener" ? quietlyDeferred() : undefined;
		this.keeper?.began(new Kept(this.exchange));
	}

	/** Resolves when the peer's library has accepted; rejects if the stream ends before. */
	get accepted(): Promise<void> {
		return this.#opened?.promise ?? ACCEPTED;
	}

	/** Resolves when the peer has accepted or rejected, or the stream has ended without that. Never rejects. */
	get answered(): Promise<void> {
		return this.#opened?.promise.catch(ignore) ?? ACCEPTED;
	}

	/** See `MessageStream.close`; the promise is the same for every call. */
	close(): Promise<void> {
		if (this.exchange.outcome.state === "open") {
			this.#acknowledgement = quietlyDeferred();
			this.exchange.close(this.sending.waiting);
		}
		return this.#acknowledgement?.promise ?? Promise.reject(this.exchange.outcome.error);
	}

	/** See `MessageStream.stop`. */
	stop(code: number): void {
		this.exchange.stopLocally(code, this.receiving.length);
	}

	// What the machine says.

	wakeAt(ms: number | undefined): void {
		this.clock.clearTimeout(this.#timer);
		this.#timer = ms === undefined ? undefined : this.clock.setTimeout(() => this.exchange.expired(), ms - this.clock.now());
	}

	opened(): void {
		this.#opened?.resolve();
		this.#opened = undefined;
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
		this.isSuspended = false;
		this.#isOver(info);
		this.#isOver = ignore;
		this.keeper?.done();
	}

	gone(): void {
		this.keeper?.gone();
	}

	suspended(yes: boolean): void {
		this.isSuspended = yes;
		this.keeper?.suspended(yes);
	}

	passed(passage: Passage): void {
		this.keeper?.passed(passage);
	}

	openLeg(leg: FurtherLeg, handler: StreamHandler): LegLink | undefined {
		const way = this.keeper?.way();
		return way === undefined ? undefined : openLeg(way, leg, handler);
	}
}

/** A stream as its keeper has it. */
class Kept implements KeptStream {
	readonly #exchange: Exchange;

	constructor(exchange: Exchange) {
		this.#exchange = exchange;
	}

	get unheard(): boolean {
		// Of one that is over, the last acknowledgement may be on its way. STOP_SENDING would overtake it.
		return this.#exchange.unheard || this.#exchange.over;
	}

	get resumable(): boolean {
		return this.#exchange.resumable;
	}

	get path(): LegPath | undefined {
		return this.#exchange.path;
	}

	offer(open: FurtherLeg, attach: Attach): Offered {
		return this.#exchange.offer(open, attach);
	}

	move(urgent: boolean): boolean {
		return this.#exchange.move(urgent);
	}

	wayIsThere(): void {
		this.#exchange.wayIsThere();
	}

	expire(words: string): void {
		this.#exchange.expire(words);
	}

	end(error: ConecError, wireCode: number): void {
		this.#exchange.destroy(error, wireCode);
		this.#exchange.forget(wireCode);
	}
}

const NOW = new WeakMap<Clock, () => number>();

/** The time of a clock as a function, one for all streams. */
function nowOf(clock: Clock): () => number {
	let now = NOW.get(clock);
	if (now === undefined) {
		now = () => clock.now();
		NOW.set(clock, now);
	}
	return now;
}

/** Of streams that open no further leg. */
const NO_FRACTION = (): number => 0;
const ACCEPTED: Promise<void> = Promise.resolve();
const ignore = (): void => undefined;
