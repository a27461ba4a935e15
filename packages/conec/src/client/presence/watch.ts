/**
 * One watch of the peers: its stream, the frames that wait, and the events that are made of them when the application reads.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import { Fifo } from "../../base/fifo.ts";
import { type Deferred, deferred } from "../../base/signals.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import { Exchange, type ExchangeSink, type LegLink } from "../../stream/exchange/index.ts";
import { NOTHING_KEPT, ONE_LEG } from "../../stream/lent.ts";
import { WakeTimer } from "../../stream/wake-timer.ts";
import { fixedWindows } from "../../stream/windows/index.ts";
import type { StreamHandler } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import type { OpenResume } from "../../wire/open.ts";
import { decodePresence } from "../../wire/presence.ts";
import { PresenceView } from "./view.ts";

/** What a watch needs of its Client. */
export interface WatchHost {
	readonly limits: Pick<ClientLimits, "presencePeers" | "presenceQueueBytes" | "requestTimeoutMs">;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Opens the stream. From then on the Client ends the watch when it ends itself. Throws if the stream cannot be opened. */
	open(watch: PresenceWatch, resume: OpenResume, handler: StreamHandler): OpenedWatch;
}

/** A watch that has begun. */
export interface OpenedWatch {
	readonly link: LegLink;
	/** It is over, and the Coordinator knows: its place is free. Called once. */
	readonly release: () => void;
}

const SUBJECT = { peer: null, describe: "the watch of the peers", opening: "watch the peers", lostCode: "CONNECTION_LOST" } as const;

/**
 * The first `next` opens it. Frames wait as they came, up to `presenceQueueBytes`. Then the Coordinator waits. If it has forgotten
 * the changes when there is room again, it goes on with a new list.
 *
 * Its stream is an ordinary one on which the Client sends nothing. To leave, it sends END and STOP. It has left when both are answered.
 */
export class PresenceWatch implements AsyncIterableIterator<PresenceEvent> {
	readonly #host: WatchHost;
	readonly #clock: Clock;
	readonly #view: PresenceView;
	readonly #exchange: Exchange;
	readonly #wakeTimer: WakeTimer;
	readonly #frames: Fifo<Uint8Array> = new Fifo();
	#events: readonly PresenceEvent[] = [];
	#index = 0;
	#waiting: Waiting[] = [];
	#release: (() => void) | undefined;
	#timer: unknown;
	/** Resolves when the Coordinator knows that the watch is over. */
	readonly #released: Deferred<void> = deferred();
	#state:
		| { readonly type: "new" | "open" | "over" }
		/** The application reads no more, and the Coordinator's answer is awaited. */
		| { readonly type: "leaving" }
		/** The frames that wait are still read. Then this is thrown. */
		| { readonly type: "failing"; readonly error: ConecError } = { type: "new" };

	constructor(host: WatchHost) {
		const clock = host.clock ?? systemClock;
		const { presencePeers, presenceQueueBytes } = host.limits;
		this.#host = host;
		this.#clock = clock;
		this.#view = new PresenceView(presencePeers);
		const init = {
			...{ subject: SUBJECT, identity: "", windows: fixedWindows(presenceQueueBytes), kept: NOTHING_KEPT, messageBytes: 0, highWaterBytes: 0 },
			...{ now: () => clock.now(), fraction: () => 0, unitKinds: 1 << FRAME.CONTROL },
		};
		this.#exchange = new Exchange("opener", init, this.#sink());
		this.#wakeTimer = new WakeTimer(clock, () => this.#exchange.expired());
	}

	next(): Promise<IteratorResult<PresenceEvent, undefined>> {
		if (this.#state.type === "over" || this.#state.type === "leaving") return Promise.resolve({ done: true, value: undefined });
		if (this.#state.type === "new") {
			try {
				this.#open();
			} catch (error) {
				this.#over();
				return Promise.reject(error);
			}
		}
		return new Promise((resolve, reject) => {
			this.#waiting.push({ resolve, reject });
			this.#serve();
		});
	}

	/** Leaves. Resolves when the Coordinator has answered, so that another watch may take the place of this one, or after `requestTimeoutMs`. */
	async return(): Promise<IteratorResult<PresenceEvent, undefined>> {
		this.#leave();
		await this.#released.promise;
		return { done: true, value: undefined };
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	/** Ends the watch: the frames that wait are read, then `error` is thrown. With `CLIENT_CLOSED` it is over at once, because the application wanted that. */
	end(error: ConecError): void {
		if (this.#state.type === "leaving") this.#giveUp(error, RESET_CODES.CANCELLED);
		else if (error.code === "CLIENT_CLOSED") this.#leave();
		else this.#fail(error, RESET_CODES.CANCELLED);
	}

	#open(): void {
		const attach = (leg: StreamHandler): LegLink => {
			const { link, release } = this.#host.open(this, this.#exchange.openResume, leg);
			this.#release = release;
			return link;
		};
		this.#exchange.open(attach, this.#host.limits.requestTimeoutMs);
		this.#state = { type: "open" };
	}

	/** What the machine of the stream says. */
	#sink(): ExchangeSink {
		const watch = this;
		return {
			receiving: {
				get waiting() {
					return watch.#waiting.length > 0;
				},
				push: (payload) => {
					watch.#frames.push(payload);
					watch.#serve();
				},
				finish: () => watch.#cameToEnd(),
				discard: () => watch.#frames.clear(),
			},
			sending: { drained() {}, end() {}, fail() {} },
			wakeAt: (ms) => watch.#wakeTimer.set(ms),
			over: (info) => watch.#streamOver(info),
			opened() {},
			refused() {},
			acknowledged() {},
			unacknowledged() {},
			...ONE_LEG,
		};
	}

	/** Nothing more will come. Of a stream that has failed, {@link #streamOver} is told why. */
	#cameToEnd(): void {
		if (!this.#exchange.incoming.endCame) return;
		this.#fail(new ConecError("STREAM_TRUNCATED", "Cannot watch the peers: the Coordinator ended the watch"), RESET_CODES.STREAM_TRUNCATED);
	}

	#streamOver({ by, code }: CloseInfo): void {
		const { error } = this.#exchange.outcome;
		if (this.#state.type === "open" && error !== undefined) {
			// The Client says what the loss of the connection means.
			if (error.code === "CONNECTION_LOST") return;
			this.#state = { type: "failing", error: by === "error" && code === "FRAME_INVALID" ? broken(error.message) : error };
		}
		this.#left();
		this.#serve();
	}

	#serve(): void {
		while (this.#waiting.length > 0) {
			const event = this.#take();
			if (event !== undefined) this.#waiting.shift()?.resolve({ done: false, value: event });
			else if (this.#state.type === "failing") {
				this.#waiting.shift()?.reject(this.#state.error);
				return this.#over();
			} else return this.#exchange.waits(true);
		}
	}

	#take(): PresenceEvent | undefined {
		while (this.#index === this.#events.length) {
			const payload = this.#frames.shift();
			if (payload === undefined) return undefined;
			this.#exchange.incoming.taken(payload.length);
			this.#index = 0;
			this.#events = this.#read(payload);
		}
		return this.#events[this.#index++];
	}

	#read(payload: Uint8Array): readonly PresenceEvent[] {
		const frame = decodePresence(payload);
		const step = frame.ok ? this.#view.push(frame.value) : ({ type: "invalid", problem: frame.error } as const);
		if (step.type === "events") return step.events;
		this.#frames.clear();
		const error =
			step.type === "invalid"
				? broken(step.problem)
				: new ConecError("LIMIT_EXCEEDED", `Cannot watch the peers: there are more than ${this.#host.limits.presencePeers} (limits.presencePeers)`);
		// What follows an error in the protocol does not concern the application.
		if (this.#state.type === "failing") this.#state = { type: "failing", error };
		else this.#fail(error, step.type === "invalid" ? RESET_CODES.FRAME_INVALID : RESET_CODES.CANCELLED);
		return [];
	}

	#fail(error: ConecError, code: number): void {
		if (this.#state.type !== "open") return;
		this.#state = { type: "failing", error };
		this.#giveUp(error, code);
		this.#serve();
	}

	/** The application reads no more. */
	#leave(): void {
		const { type } = this.#state;
		if (type === "leaving") return;
		if (type !== "open" || this.#exchange.over) return this.#over();
		this.#state = { type: "leaving" };
		this.#readNoMore();
		this.#exchange.stopLocally(0, this.#frames.length);
		this.#exchange.close(0);
		const { requestTimeoutMs } = this.#host.limits;
		const late = new ConecError("PEER_TIMEOUT", `Cannot leave the watch of the peers: no answer within ${requestTimeoutMs} ms`);
		this.#timer = this.#clock.setTimeout(() => this.#giveUp(late, RESET_CODES.CANCELLED), requestTimeoutMs);
	}

	/** Ends the stream, whatever the Coordinator still says on it. */
	#giveUp(error: ConecError, code: number): void {
		this.#exchange.destroy(error, code);
		this.#left();
	}

	/** The Coordinator knows that the watch is over, or is told nothing more: nothing is waited for. */
	#left(): void {
		this.#clock.clearTimeout(this.#timer);
		this.#release?.();
		this.#release = undefined;
		this.#released.resolve();
		if (this.#state.type === "leaving") this.#over();
	}

	#over(): void {
		this.#state = { type: "over" };
		this.#frames.clear();
		this.#readNoMore();
		this.#released.resolve();
	}

	#readNoMore(): void {
		this.#events = [];
		this.#index = 0;
		for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
	}
}

interface Waiting {
	readonly resolve: (result: IteratorResult<PresenceEvent, undefined>) => void;
	readonly reject: (error: unknown) => void;
}

function broken(problem: string): ConecError {
	return new ConecError("PROTOCOL_ERROR", `Cannot watch the peers: the Coordinator broke the protocol: ${problem}`);
}
