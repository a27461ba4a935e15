/**
 * One watch of the peers: its stream, the frames that wait, and the events that are made of them when the application reads.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { Fifo } from "../../base/fifo.ts";
import { type Deferred, deferred } from "../../base/signals.ts";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import type { StreamHandler, StreamOptions, TransportStream } from "../../transport/transport.ts";
import { errorCodeOfReset, RESET_CODES } from "../../wire/codes.ts";
import { FRAME, isSkippedKind } from "../../wire/frames.ts";
import { decodeReject } from "../../wire/open.ts";
import { decodePresence } from "../../wire/presence.ts";
import { PresenceView } from "./view.ts";

/** What a watch needs of its Client. */
export interface WatchHost {
	readonly limits: Pick<ClientLimits, "presencePeers" | "presenceQueueBytes" | "requestTimeoutMs">;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Opens the stream. From then on the Client ends the watch when it ends itself. Throws if the stream cannot be opened. */
	open(watch: PresenceWatch, handler: StreamHandler, options: StreamOptions): OpenedWatch;
}

/** A watch that has begun. */
export interface OpenedWatch {
	readonly stream: TransportStream;
	/** It is over, and the Coordinator knows: its place is free. Called once. */
	readonly release: () => void;
}

/**
 * The first `next` opens it. Frames wait as they came, up to `presenceQueueBytes`. Then the Coordinator waits. If it has forgotten
 * the changes when there is room again, it goes on with a new list.
 *
 * Who leaves sends FIN, drops what still comes, and has left when the Coordinator's FIN comes.
 */
export class PresenceWatch implements AsyncIterableIterator<PresenceEvent> {
	readonly #host: WatchHost;
	readonly #clock: Clock;
	readonly #view: PresenceView;
	readonly #frames: Fifo<Uint8Array> = new Fifo();
	#events: readonly PresenceEvent[] = [];
	#index = 0;
	#waiting: Waiting[] = [];
	#opened: OpenedWatch | undefined;
	#timer: unknown;
	/** Resolves when the Coordinator knows that the watch is over. */
	readonly #released: Deferred<void> = deferred();
	#state:
		| { readonly type: "new" | "opening" | "open" | "over" }
		/** FIN is sent: the application reads no more, and the Coordinator's answer is awaited. */
		| { readonly type: "leaving" }
		/** The frames that wait are still read. Then this is thrown. */
		| { readonly type: "failing"; readonly error: ConecError } = { type: "new" };

	constructor(host: WatchHost) {
		this.#host = host;
		this.#clock = host.clock ?? systemClock;
		this.#view = new PresenceView(host.limits.presencePeers);
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
		if (this.#state.type === "leaving") this.#giveUp(RESET_CODES.CANCELLED);
		else if (error.code === "CLIENT_CLOSED") this.#leave();
		else this.#fail(error, RESET_CODES.CANCELLED);
	}

	#open(): void {
		const { limits } = this.#host;
		this.#state = { type: "opening" };
		const fails = (code: ConecErrorCode, message: string): void =>
			this.#state.type === "leaving" ? this.#left() : this.#fail(new ConecError(code, `Cannot watch the peers: ${message}`), RESET_CODES.CANCELLED);
		this.#opened = this.#host.open(
			this,
			{
				frame: (kind, payload) => this.#frame(kind, payload),
				end: () => fails("STREAM_TRUNCATED", "the Coordinator ended the watch"),
				reset: (code) => fails(errorCodeOfReset(code) ?? "STREAM_RESET", "the Coordinator ended the watch"),
				// Everything has been sent. A reset says the same, and comes too.
				stopped: () => undefined,
				drained: () => undefined,
				finished: () => undefined,
				lost: (error) => {
					if (this.#state.type === "leaving") this.#left();
					// The Client says what the loss of the connection means.
					else if (error.code !== "CONNECTION_LOST") this.#fail(error, RESET_CODES.CANCELLED);
				},
			},
			{ messageBytes: 1, creditBytes: limits.presenceQueueBytes },
		);
		const timeoutMs = limits.requestTimeoutMs;
		this.#timer = this.#clock.setTimeout(() => fails("PEER_TIMEOUT", `no answer within ${timeoutMs} ms`), timeoutMs);
	}

	#frame(kind: number, payload: Uint8Array): void {
		const { type } = this.#state;
		if (type === "open" && kind === FRAME.CONTROL) {
			this.#frames.push(payload);
			return this.#serve();
		}
		this.#opened?.stream.consumed(payload.length);
		if (isSkippedKind(kind) || type === "failing" || type === "leaving" || type === "over") return;
		if (type === "opening" && kind === FRAME.ACCEPT) {
			this.#clock.clearTimeout(this.#timer);
			this.#state = { type: "open" };
		} else if (type === "opening" && kind === FRAME.REJECT) {
			const reject = decodeReject(payload);
			const { code, message = "refused" } = reject.ok ? reject.value : { code: "PROTOCOL_ERROR" as const, message: reject.error };
			this.#fail(new ConecError(code, `Cannot watch the peers: ${message}`), RESET_CODES.REJECTED);
		} else {
			this.#fail(broken(`a frame of kind 0x${kind.toString(16).padStart(2, "0")}`), RESET_CODES.FRAME_INVALID);
		}
	}

	#serve(): void {
		while (this.#waiting.length > 0) {
			const event = this.#take();
			if (event !== undefined) this.#waiting.shift()?.resolve({ done: false, value: event });
			else if (this.#state.type === "failing") {
				this.#waiting.shift()?.reject(this.#state.error);
				return this.#over();
			} else return;
		}
	}

	#take(): PresenceEvent | undefined {
		while (this.#index === this.#events.length) {
			const payload = this.#frames.shift();
			if (payload === undefined) return undefined;
			this.#opened?.stream.consumed(payload.length);
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
		if (this.#state.type !== "opening" && this.#state.type !== "open") return;
		this.#state = { type: "failing", error };
		this.#giveUp(code);
		this.#serve();
	}

	/** The application reads no more. */
	#leave(): void {
		const { type } = this.#state;
		if (type === "leaving") return;
		const opened = this.#opened;
		if (opened === undefined || (type !== "opening" && type !== "open")) return this.#over();
		this.#state = { type: "leaving" };
		// The Coordinator's FIN lies behind what it had sent.
		for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) opened.stream.consumed(frame.length);
		this.#readNoMore();
		opened.stream.finish();
		this.#clock.clearTimeout(this.#timer);
		this.#timer = this.#clock.setTimeout(() => this.#giveUp(RESET_CODES.CANCELLED), this.#host.limits.requestTimeoutMs);
	}

	/** Ends the stream, whatever the Coordinator still says on it. */
	#giveUp(code: number): void {
		this.#opened?.stream.reset(code);
		this.#opened?.stream.stop(code);
		this.#left();
	}

	/** The Coordinator has ended its side, or is told nothing more: nothing is waited for. */
	#left(): void {
		this.#clock.clearTimeout(this.#timer);
		this.#opened?.release();
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
