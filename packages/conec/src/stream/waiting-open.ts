/**
 * A stream that a peer has opened and that is not answered yet, because there is no place for it.
 *
 * What comes on it meanwhile is kept for the stream that it may become: at most the early units. So whoever keeps it hears at once that
 * its opener gives it up.
 *
 * @module
 */

import type { ConecError } from "../errors.ts";
import type { IncomingStream, StreamHandler, TransportStream } from "../transport/transport.ts";
import { RESET_CODES, type RejectCode } from "../wire/codes.ts";
import { FRAME, isSkippedKind } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import { FramedStream, type StreamInit } from "./framed-stream.ts";
import { linkOf, streamOptions } from "./leg-way.ts";
import { granted, type NewStream, shellFor } from "./open-stream.ts";
import { EARLY_BYTES, UNIT_COST_BYTES } from "./windows/index.ts";

/** Who keeps it. */
export interface WaitingOpenHost {
	/** So many bytes more are kept, 64 for each frame included. */
	kept(bytes: number): void;
	/** Its opener has given it up or broken the rules, or its connection has ended. Called once, unless it was answered before. */
	gone(): void;
}

/** See the module. It is answered once, by {@link accept} or {@link reject}. */
export class WaitingOpen implements StreamHandler {
	readonly init: StreamInit;
	/** Bytes that are kept. */
	keptBytes = 0;
	readonly #host: WaitingOpenHost;
	readonly #resume: NewStream;
	readonly #stream: TransportStream;
	#state: State = { type: "waiting", events: [], ended: false, blocked: undefined };
	#reset = false;
	#stopped = false;

	/** @param resume What its OPEN says of the leg. */
	constructor(incoming: IncomingStream, init: StreamInit, resume: NewStream, host: WaitingOpenHost) {
		this.init = init;
		this.#resume = resume;
		this.#host = host;
		this.#stream = incoming.accept(this, streamOptions(init));
	}

	/** Answers RESUMABLE. The stream has what came meanwhile. */
	accept(): FramedStream {
		const { init } = this;
		const { connection } = this.#stream;
		const { events, blocked } = this.#state.type === "waiting" ? this.#state : { events: [], blocked: undefined };
		const shell = shellFor("acceptor", connection, init, granted(init, this.#resume));
		shell.exchange.accept((handler) => {
			this.#state = { type: "accepted", handler };
			return linkOf(this.#stream, connection, init);
		}, this.#resume);
		if (this.#state.type === "accepted") {
			for (const event of events) event(this.#state.handler);
			if (blocked !== undefined) this.#state.handler.frame(FRAME.BLOCKED, blocked);
		}
		return new FramedStream(init, shell);
	}

	/** Answers REJECT and FIN, and reads nothing more. */
	reject(code: RejectCode, message: string): void {
		if (this.#state.type !== "waiting") return;
		this.#state = { type: "over" };
		this.#stream.write(FRAME.REJECT, encodeReject({ code, message }));
		this.#stream.finish();
		this.#stream.stop(RESET_CODES.REJECTED);
	}

	frame(kind: number, payload: Uint8Array): void {
		if (this.#state.type === "accepted") return this.#state.handler.frame(kind, payload);
		// Native credit goes back when the machine of the stream has the frame. Nobody will have this one.
		if (this.#state.type === "over" || isSkippedKind(kind)) return this.#stream.consumed(payload.length);
		if (kind === FRAME.BLOCKED) {
			// Only the newest says something.
			if (this.#state.blocked !== undefined) this.#stream.consumed(this.#state.blocked.length);
			this.#state.blocked = payload;
			return;
		}
		const bytes = payload.length + UNIT_COST_BYTES;
		const isEarly = kind === FRAME.DATA ? !this.#state.ended && this.keptBytes + bytes <= EARLY_BYTES : kind === FRAME.END && !this.#state.ended;
		if (!isEarly) return this.#gone(RESET_CODES.FRAME_INVALID);
		if (kind === FRAME.END) this.#state.ended = true;
		this.#state.events.push((handler) => handler.frame(kind, payload));
		if (kind === FRAME.END) return;
		this.keptBytes += bytes;
		this.#host.kept(bytes);
	}

	end(): void {
		this.#told((handler) => handler.end());
	}

	reset(code: number): void {
		this.#reset = true;
		this.#told((handler) => handler.reset(code));
		this.#checkGone();
	}

	stopped(code: number): void {
		this.#stopped = true;
		this.#told((handler) => handler.stopped(code));
		this.#checkGone();
	}

	drained(): void {
		if (this.#state.type === "accepted") this.#state.handler.drained();
	}

	finished(): void {
		if (this.#state.type === "accepted") this.#state.handler.finished();
	}

	lost(error: ConecError): void {
		if (this.#state.type === "accepted") this.#state.handler.lost(error);
		else this.#gone();
	}

	#told(event: Event): void {
		if (this.#state.type === "waiting") this.#state.events.push(event);
		else if (this.#state.type === "accepted") event(this.#state.handler);
	}

	/** One direction alone may end while the stream is still wanted. */
	#checkGone(): void {
		if (this.#reset && this.#stopped && this.#state.type === "waiting") this.#gone();
	}

	#gone(code: number = RESET_CODES.CANCELLED): void {
		if (this.#state.type !== "waiting") return;
		this.#state = { type: "over" };
		this.#stream.reset(code);
		this.#stream.stop(code);
		this.#host.gone();
	}
}

type State =
	| {
			readonly type: "waiting";
			readonly events: Event[];
			/** END came. */
			ended: boolean;
			/** The newest BLOCKED. */
			blocked: Uint8Array | undefined;
	  }
	| { readonly type: "accepted"; readonly handler: StreamHandler }
	/** Rejected, or gone. */
	| { readonly type: "over" };

/** What has come, to be told again. */
type Event = (handler: StreamHandler) => void;
